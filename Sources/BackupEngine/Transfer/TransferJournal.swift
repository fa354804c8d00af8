import BackupModel
import BackupSystem
import BackupTransfer
import Logging
import Synchronization

/// Writes down what transfers do: journal, log, and what is remembered of the agents.
final class TransferJournal: TransferObserver {
    private let journal: Journal
    private let records: AgentRecords
    private let logger: Logger?
    private let clock: any WallClock
    /// Who shows the work to a person, too.
    private let next: (any TransferObserver)?

    init(
        _ journal: Journal, _ records: AgentRecords, logger: Logger?, clock: any WallClock,
        next: (any TransferObserver)? = nil
    ) {
        self.journal = journal
        self.records = records
        self.logger = logger
        self.clock = clock
        self.next = next
    }

    func transferDid(_ event: TransferEvent) {
        next?.transferDid(event)
        switch event {
        case .connected(let agent): remember(agent) { $0.lastSeen = self.clock.now() }
        case .disconnected(let agent, let error):
            let now = clock.now()
            remember(agent) { record in
                record.lastSeen = now
                record.lastFailure = error?.description
            }
            guard let error else { return }
            write(.transferFailed, agent) { $0.with("code", error.code.rawValue).with("error", error.description) }
            logger?.warning("\(agent): \(error)")
        case .received(let agent, let id, let bytes, let resumedAt):
            remember(agent, durable: false) { $0.lastTransfer = self.clock.now() }
            write(.transferred, agent) { line in
                line.with("element", id.description).with("direction", "in").with("bytes", .integer(bytes))
                    .with("resumed_at", resumedAt > 0 ? .integer(resumedAt) : nil)
            }
        case .confirmed(let agent, let id, let released):
            remember(agent, durable: false) { $0.lastTransfer = self.clock.now() }
            write(.transferred, agent) { line in
                line.with("element", id.description).with("direction", "out").with("released", .bool(released))
            }
        case .refused(let agent, let element, let error):
            write(.refused, agent) { line in
                line.with("element", element).with("code", error.code.rawValue).with("error", error.description)
            }
            logger?.warning("\(agent): refused \(element.escapedForMessage): \(error)")
        case .confirmationRefused(let agent, let id, let error):
            write(.refused, agent) { line in
                line.with("element", id.description).with("direction", "out").with("code", error.code.rawValue)
                    .with("error", error.description)
            }
            logger?.warning("\(agent): the confirmation of \(id) does not count: \(error)")
        case .problem(let agent, let id, let error):
            write(.refused, agent) { line in
                line.with("element", id.description).with("direction", "out").with("code", error.code.rawValue)
                    .with("error", error.description)
            }
            logger?.error("\(agent): \(id) cannot be offered: \(error)")
        case .retired(let agent, let id, let isDeleted):
            write(.retired, agent) { $0.with("element", id.description).with("deleted", .bool(isDeleted)) }
        case .progress: break
        }
    }

    /// Remembers that a peer could not be reached: `gb transfer status` must not be silent about it.
    func couldNotConnect(_ agent: AgentName, _ error: BackupError) {
        remember(agent) { $0.lastFailure = error.description }
        write(.transferFailed, agent) { $0.with("code", error.code.rawValue).with("error", error.description) }
    }

    /// What a journal cannot take must not end a transfer; the log says it.
    private func write(_ kind: JournalEvent.Kind, _ agent: AgentName, _ add: (JournalEvent) -> JournalEvent) {
        let line = add(JournalEvent(kind, at: clock.now()).with("agent", agent.description))
        do throws(BackupError) { try journal.append(line) } catch { logger?.error("\(error)") }
    }

    private func remember(
        _ agent: AgentName, durable: Bool = true, _ change: (inout AgentRecords.Record) -> Void
    ) {
        do throws(BackupError) { try records.update(agent, durable: durable, change) } catch {
            logger?.error("\(error)")
        }
    }
}
