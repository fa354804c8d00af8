import BackupModel
import BackupUnits
import Synchronization

/// Which runs of a service may begin: its units at work, its sources that failed, and whether anything may begin at all.
final class RunSlots: Sendable {
    private struct State {
        var isStopping = false
        var mustReload = false
        /// Units that are at work.
        var busy: Set<String> = []
        /// When sources failed.
        var failed: [SourceURL: Timestamp] = [:]
    }

    private let state = Mutex(State())

    /// From now on nothing begins any more.
    func stop() { state.withLock { $0.isStopping = true } }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Units that are at work, by name.
    var busy: [String] { state.withLock { $0.busy.sorted() } }

    // MARK: - Reading the configuration again

    /// Nothing begins until the configuration has been read again.
    func askForReload() { state.withLock { $0.mustReload = true } }

    /// Whether somebody has asked for that and no unit is at work; says so once.
    func takeReload() -> Bool {
        state.withLock { state in
            guard state.mustReload, state.busy.isEmpty else { return false }
            state.mustReload = false
            return true
        }
    }

    // MARK: - Runs

    /// Whether the run may begin now; if so, its unit counts as busy until ``end(_:failedAt:)``.
    ///
    /// - Parameters:
    ///   - limit: of units at work.
    ///   - retryAfter: how long a source rests after a failure.
    func claim(_ run: ScheduledRun, limit: Int, retryAfter: TimeSpan, now: Timestamp) -> Bool {
        state.withLock { state in
            guard !state.isStopping, !state.mustReload, !state.busy.contains(run.unit), state.busy.count < limit,
                Self.rest(state.failed[run.source], retryAfter, now) == nil
            else { return false }
            state.busy.insert(run.unit)
            return true
        }
    }

    /// - Parameter failedAt: when, if the run failed.
    func end(_ run: ScheduledRun, failedAt: Timestamp?) {
        state.withLock { state in
            state.busy.remove(run.unit)
            state.failed[run.source] = failedAt
        }
    }

    /// When the first of these runs that cannot begin now is to begin; `nil` if there is none. Those that are due and
    /// wait for a unit to end have no such time: they begin when it ends.
    func next(_ runs: [ScheduledRun], retryAfter: TimeSpan, now: Timestamp) -> Timestamp? {
        let failed = state.withLock { $0.failed }
        return runs.map { max($0.due, Self.rest(failed[$0.source], retryAfter, now) ?? $0.due) }
            .filter { $0 > now }.min()
    }

    /// Until when a source rests that failed at `failure`; `nil` when it need not.
    private static func rest(_ failure: Timestamp?, _ retryAfter: TimeSpan, _ now: Timestamp) -> Timestamp? {
        // A failure in the future is one before the clock was set back: no reason to wait for that time to come again.
        guard let failure, failure <= now, failure + retryAfter > now else { return nil }
        return failure + retryAfter
    }
}
