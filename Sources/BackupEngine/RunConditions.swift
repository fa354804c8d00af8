import BackupConfig
import BackupModel

/// Whether the machine is in a state in which backups may begin.
struct RunConditions {
    /// Who has not looked at the load for longer than this does not know that it has been low. The load that the kernel
    /// tells is an average over a minute.
    private static let longestGap = TimeSpan(seconds: 90)

    private struct Calm {
        /// Since when the load has been below the limit, as far as it was looked at.
        var since: Timestamp
        /// When that was seen last.
        var seen: Timestamp
    }

    /// For each limit that is asked for.
    private var calm: [Double: Calm] = [:]

    /// Why runs have to wait, or `nil` when they may begin. While they wait this must be asked about once a minute.
    ///
    /// - Parameters:
    ///   - uptime: of the machine.
    ///   - load: the average over the last minute; `nil` where the kernel does not tell, which counts as low.
    mutating func obstacle(
        _ settings: RunConditionSettings?, now: Timestamp, uptime: TimeSpan, load: Double?
    ) -> String? {
        guard let settings else { return nil }
        if let minimum = settings.minimumUptime, uptime < minimum {
            return "the machine has been up for \(uptime.rounded), and minimum_uptime is \(minimum)"
        }
        guard let limit = settings.loadBelow, let load else { return nil }
        guard load < limit.limit else {
            calm[limit.limit] = nil
            return "the load is \(load.fixed(2)), and load_below.limit is \(limit.limit.fixed(2))"
        }
        var calm = calm[limit.limit] ?? Calm(since: now, seen: now)
        // Also when the clock was set back: what was seen then says nothing about the span until now.
        if now < calm.seen || now - calm.seen > Self.longestGap { calm.since = now }
        calm.seen = now
        self.calm[limit.limit] = calm
        let span = now - calm.since
        guard span >= limit.span else {
            return "the load has been low for \(span.rounded), and load_below.for is \(limit.span)"
        }
        return nil
    }
}
