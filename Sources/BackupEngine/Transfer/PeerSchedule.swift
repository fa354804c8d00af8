import BackupConfig
import BackupModel

/// When a peer is connected to: by its schedule, spread by the jitter, and after failures with growing pauses.
struct PeerSchedule: Sendable {
    let settings: PeerSettings
    /// 0..<1: where in the jitter this round lies; drawn anew for each.
    private var spread: Double
    private var failures = 0
    private var lastTry: Timestamp?
    private var lastSuccess: Timestamp?

    /// - Parameter lastSuccess: when the last round went well, as far as it is known.
    init(_ settings: PeerSettings, lastSuccess: Timestamp?, spread: Double) {
        self.settings = settings
        self.lastSuccess = lastSuccess
        self.spread = spread
    }

    /// Whether the peer is ever connected to without being asked.
    var isActive: Bool { settings.schedule != .never }

    /// The next moment; `nil` when it is never done by itself.
    func next(now: Timestamp) -> Timestamp? {
        guard isActive else { return nil }
        let delay = TimeSpan(seconds: Int64(Double(settings.jitter.seconds) * spread))
        if failures > 0, let lastTry {
            // A clock set back must not make anybody wait for longer than the pause.
            return min(lastTry, now) + pause
        }
        switch settings.schedule {
        case .never: return nil
        case .every(let span):
            guard let lastSuccess else { return now }
            return min(lastSuccess, now) + span + delay
        case .at(let times):
            let last = min(lastSuccess ?? now - TimeSpan(seconds: 86400), now)
            return Self.following(last, times).map { $0 + delay }
        }
    }

    /// 1, 2, 4, … times `retry_after`, at most `retry_at_most`.
    private var pause: TimeSpan {
        let factor = Int64(1) << Int64(min(failures - 1, 20))
        let (seconds, overflow) = settings.retryAfter.seconds.multipliedReportingOverflow(by: factor)
        return overflow ? settings.retryAtMost : min(TimeSpan(seconds: seconds), settings.retryAtMost)
    }

    mutating func ended(well: Bool, at time: Timestamp, spread: Double) {
        lastTry = time
        self.spread = spread
        if well {
            failures = 0
            lastSuccess = time
        } else {
            failures += 1
        }
    }

    /// The first of the times of day (UTC) after `time`.
    private static func following(_ time: Timestamp, _ times: [TimeOfDay]) -> Timestamp? {
        let (day, _) = time.seconds.flooredDivision(by: 86400)
        let candidates = (0...1).flatMap { offset in
            times.map { Timestamp((day + Int64(offset)) * 86400 + Int64($0.minutes) * 60) }
        }
        return candidates.filter { $0 > time }.min()
    }
}
