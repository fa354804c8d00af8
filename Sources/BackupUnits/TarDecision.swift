import BackupConfig
import BackupModel

/// What is next for a source of a tar unit, and why. A pure function of settings, state and time.
struct TarDecision: Hashable {
    let type: BackupType
    let due: Timestamp
    let reason: String

    /// - Parameters:
    ///   - state: `nil` if it has never run.
    ///   - obstacle: why no increment is possible now; `nil` when one is.
    static func make(
        _ settings: TarSourceSettings, _ state: SourceState?, now: Timestamp, increment obstacle: String?
    ) -> TarDecision {
        guard let state else { return TarDecision(type: .full, due: now, reason: "full: never run before") }
        let full = settings.fullTiming.next(after: state.lastFull, now: now)
        let fullReason = "last full was at \(state.lastFull), \(settings.fullTiming.inWords)"
        guard let timing = settings.incTiming else {
            return TarDecision(type: .full, due: full, reason: "full: " + fullReason)
        }
        if state.last > now, let obstacle {
            // Waiting would not help: when the clock has caught up, nobody knows any more that it was set back.
            return TarDecision(type: .full, due: min(full, now), reason: "full: " + obstacle)
        }
        let increment = timing.next(after: state.last, now: now)
        if full <= increment || full <= now {
            return TarDecision(type: .full, due: full, reason: "full: " + fullReason)
        }
        if let obstacle {
            return TarDecision(type: .full, due: increment, reason: "full in place of an increment: " + obstacle)
        }
        return TarDecision(
            type: .inc, due: increment, reason: "increment: last was at \(state.last), \(timing.inWords)")
    }
}
