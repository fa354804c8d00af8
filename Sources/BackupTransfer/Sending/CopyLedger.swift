package import BackupModel
package import BackupStorage
package import BackupSystem
import Synchronization

/// Writes down who holds what, one at a time: two agents that confirm the same element at once must both be remembered.
///
/// Another process may write at the same moment. A confirmation that is lost to it leads to one more offer, never to a
/// deletion.
package final class CopyLedger: Sendable {
    private let storage: any ElementStorage
    private let clock: any WallClock
    private let turn = Mutex<Void>(())

    package init(_ storage: any ElementStorage, clock: any WallClock = SystemClock()) {
        self.storage = storage
        self.clock = clock
    }

    /// Notes that `agent` holds these elements; durable on return. Gives each record as it is now, in order.
    package func confirm(
        _ confirmed: [ConfirmedElement], by agent: AgentName
    ) -> [Result<CopyRecord, BackupError>] {
        turn.withLock { _ in
            var records: [Result<CopyRecord, BackupError>] = []
            var changed: [(index: Int, id: ElementID, value: [UInt8])] = []
            for (index, one) in confirmed.enumerated() {
                do throws(BackupError) {
                    var record = try CopyRecord(of: one.element.id, in: storage)
                    record.confirm(agent, at: clock.now(), receipt: one.receipt)
                    changed.append((index, one.element.id, record.text))
                    records.append(.success(record))
                } catch {
                    records.append(.failure(error))
                }
            }
            let name: AttributeName
            do throws(BackupError) { name = try CopyRecord.attributeName() } catch {
                return confirmed.map { _ in .failure(error) }
            }
            let written = storage.setAttribute(name, to: changed.map { ($0.id, Optional($0.value)) })
            for (change, result) in zip(changed, written) {
                if case .failure(let error) = result { records[change.index] = .failure(error) }
            }
            return records
        }
    }
}
