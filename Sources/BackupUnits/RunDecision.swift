import BackupConfig
import BackupModel

/// What is next for a source that has fulls and increments, and why. A pure function of settings, state and time.
struct RunDecision: Hashable {
    let type: BackupType
    let due: Timestamp
    let reason: String

    /// What the schedule says.
    ///
    /// - Parameters:
    ///   - increments: `nil` for fulls only.
    ///   - state: `nil` if it has never run.
    ///   - obstacle: why no increment is possible now; `nil` when one is.
    static func make(
        full fulls: TimingSetting, increments: TimingSetting?, _ state: SourceState?, now: Timestamp,
        increment obstacle: String?
    ) -> RunDecision {
        guard let state else { return RunDecision(type: .full, due: now, reason: "full: never run before") }
        let full = fulls.next(after: state.lastFull, now: now)
        let fullReason = "last full was at \(state.lastFull), \(fulls.inWords)"
        guard let increments else {
            return RunDecision(type: .full, due: full, reason: "full: " + fullReason)
        }
        if state.last > now, let obstacle {
            // Waiting would not help: when the clock has caught up, nobody knows any more that it was set back.
            return RunDecision(type: .full, due: min(full, now), reason: "full: " + obstacle)
        }
        let increment = increments.next(after: state.last, now: now)
        if full <= increment || full <= now {
            return RunDecision(type: .full, due: full, reason: "full: " + fullReason)
        }
        if let obstacle {
            return RunDecision(type: .full, due: increment, reason: "full in place of an increment: " + obstacle)
        }
        return RunDecision(
            type: .inc, due: increment, reason: "increment: last was at \(state.last), \(increments.inWords)")
    }

    /// What is made when a run begins.
    ///
    /// - Parameters:
    ///   - asked: what somebody wants; `nil` for what the schedule says.
    ///   - scheduled: is asked only then.
    static func choose(
        _ asked: BackupType?, increment obstacle: String?, scheduled: () -> RunDecision
    ) -> (type: BackupType, reason: String) {
        switch asked {
        case .full: return (.full, "full: asked for")
        case .inc:
            if let obstacle { return (.full, "full in place of an increment: " + obstacle) }
            return (.inc, "increment: asked for")
        case nil:
            let decision = scheduled()
            return (decision.type, decision.reason)
        }
    }
}
