import BackupConfig
import BackupModel
import BackupSystem

/// Whether the machine is in a state in which backups may begin.
struct RunConditions {
    /// Since when the load has been below each limit that is asked for.
    private var belowSince: [Double: Timestamp] = [:]

    /// Why runs have to wait, or `nil` when they may begin. Must be asked about once a minute, or the load is seen too
    /// rarely to say that it has been low.
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
            belowSince[limit.limit] = nil
            return "the load is \(load.fixed(2)), and load_below.limit is \(limit.limit.fixed(2))"
        }
        let since = min(belowSince[limit.limit] ?? now, now)
        belowSince[limit.limit] = since
        let span = now - since
        guard span >= limit.span else {
            return "the load has been low for \(span.rounded), and load_below.for is \(limit.span)"
        }
        return nil
    }
}
