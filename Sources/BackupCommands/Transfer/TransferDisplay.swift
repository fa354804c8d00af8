import ArgumentParser
import BackupEngine
import BackupModel
import BackupSystem
import BackupTransfer
import Synchronization

/// Shows a transfer to the person who has started it: a line while it runs, a summary at its end.
final class TransferDisplay: TransferObserver {
    private struct State {
        var outcome: ConnectionOutcome?
        /// What happens to elements, in the past.
        var verb: String
        var confirmed = 0
        var released = 0
        var resumed = 0
        var problems: [String] = []
        var problemCount = 0
    }

    private let state: Mutex<State>
    private let moved: Counter
    private let line: ProgressLine
    private let started = SystemClock.monotonic()

    private final class Counter: Sendable {
        let incoming = Atomic<Int64>(0)
        let outgoing = Atomic<Int64>(0)

        func add(_ bytes: Int, isIncoming: Bool) {
            if isIncoming {
                incoming.add(Int64(bytes), ordering: .relaxed)
            } else {
                outgoing.add(Int64(bytes), ordering: .relaxed)
            }
        }
    }

    private let isPush: Bool

    /// - Parameters:
    ///   - isPush: whether the peer fetches, and not we.
    ///   - verb: what happens to elements, in the past.
    init(_ label: String, isPush: Bool, verb: String = "fetched") {
        self.isPush = isPush
        state = Mutex(State(verb: verb))
        let moved = Counter()
        self.moved = moved
        line = ProgressLine(label, total: nil) {
            moved.incoming.load(ordering: .relaxed) + moved.outgoing.load(ordering: .relaxed)
        }
    }

    /// Runs a transfer for the person who has started it, and tells what came of it.
    ///
    /// - Throws: what went wrong; the exit code, if not all went well.
    static func run(
        _ label: String, isPush: Bool = false, verb: String = "fetched", json: Bool,
        _ work: @escaping @Sendable (TransferDisplay) async throws(BackupError) -> ConnectionOutcome
    ) async throws {
        // What has been moved has been moved, whoever reads what is said of it.
        Output.standard.outliveReader()
        let display = TransferDisplay(label, isPush: isPush, verb: verb)
        defer { display.line.end() }
        let outcome: ConnectionOutcome
        do {
            outcome = try await Interruption.handle { () throws(BackupError) in
                let outcome = try await work(display)
                display.state.withLock { $0.outcome = outcome }
                return outcome
            }
        } catch {
            display.line.end()
            guard error.cause is SignalReceived else { throw error }
            if let outcome = display.state.withLock({ $0.outcome }) { display.show(outcome, json: json) }
            throw BackupError.transferInterrupted(label, error)
        }
        display.line.end()
        try display.report(outcome, json: json)
    }

    /// It is a medium, to which elements are copied.
    func isAboutMedium() { state.withLock { $0.verb = "copied" } }

    func transferDid(_ event: TransferEvent) {
        switch event {
        case .progress(_, let bytes, let isIncoming):
            moved.add(bytes, isIncoming: isIncoming)
        case .received(_, _, _, let resumedAt): if resumedAt > 0 { state.withLock { $0.resumed += 1 } }
        case .confirmed(_, _, let isReleased):
            state.withLock { state in
                state.confirmed += 1
                if isReleased { state.released += 1 }
            }
        case .refused(_, let element, let error): problem("\(element.escapedForMessage): \(error)")
        case .confirmationRefused(_, let id, let error): problem("the confirmation of \(id): \(error)")
        case .problem(_, let id, let error): problem("\(id): \(error)")
        case .connected, .disconnected, .retired: break
        }
    }

    private func problem(_ text: String) {
        state.withLock { state in
            state.problemCount += 1
            if state.problems.count < 20 { state.problems.append(text) }
        }
    }

    private func show(_ outcome: ConnectionOutcome, json: Bool) {
        let state = state.withLock { $0 }
        if json { printJSON(outcome, state) } else { printText(outcome, state) }
    }

    private func report(_ outcome: ConnectionOutcome, json: Bool) throws {
        show(outcome, json: json)
        let state = state.withLock { $0 }
        if let failure = outcome.failure { throw failure }
        if outcome.summary.damaged > 0 { throw ExitCode(ExitStatus.damaged) }
        if outcome.summary.refused > 0 || state.problemCount > 0 { throw ExitCode(ExitStatus.partlyDone) }
    }

    private func printText(_ outcome: ConnectionOutcome, _ state: State) {
        for text in state.problems { Output.warning(text) }
        if state.problemCount > state.problems.count {
            Output.warning("and \(state.problemCount - state.problems.count) more")
        }
        let summary = outcome.summary
        let seconds = max(SystemClock.monotonic() - started, 0.001)
        let bytes = moved.incoming.load(ordering: .relaxed) + moved.outgoing.load(ordering: .relaxed)
        var parts: [String] = []
        if summary.offered > 0 || !isPush {
            parts.append("\(counted(summary.stored, "element")) \(state.verb) (\(ByteCount(summary.bytes)))")
        }
        if state.resumed > 0 { parts.append("\(state.resumed) of them taken up where they had broken off") }
        if summary.present > 0 {
            parts.append("\(summary.present) \(state.verb == "copied" ? "there" : "here") already")
        }
        if summary.unwanted > 0 { parts.append("\(summary.unwanted) not wanted") }
        if summary.refused > 0 { parts.append("\(summary.refused) refused") }
        if summary.vanished > 0 { parts.append("\(summary.vanished) gone there meanwhile") }
        if state.confirmed > 0 || isPush {
            parts.append(
                "\(counted(state.confirmed, "element")) confirmed by the peer, \(state.released) of them released here")
        }
        let rate = ByteCount(Int64(Double(bytes) / seconds))
        Output.standard.line(
            parts.joined(separator: ", ") + "; \(ByteCount(bytes)) moved in \(seconds.fixed(1)) s (\(rate)/s)")
    }

    private func printJSON(_ outcome: ConnectionOutcome, _ state: State) {
        let summary = outcome.summary
        Output.standard.json([
            "offered": .integer(summary.offered), "stored": .integer(summary.stored),
            "bytes": .integer(summary.bytes), "present": .integer(summary.present),
            "unwanted": .integer(summary.unwanted), "vanished": .integer(summary.vanished),
            "refused": .integer(summary.refused),
            "damaged": .integer(summary.damaged), "resumed": .integer(state.resumed),
            "confirmed": .integer(state.confirmed), "released": .integer(state.released),
            "bytes_in": .integer(moved.incoming.load(ordering: .relaxed)),
            "bytes_out": .integer(moved.outgoing.load(ordering: .relaxed)),
            "problems": .array(state.problems.map { .string($0) }),
        ])
    }
}
