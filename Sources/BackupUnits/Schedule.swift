package import BackupModel

/// What a unit will do next for one of its sources.
package struct ScheduledRun: Sendable, Hashable {
    package let unit: String
    package let source: SourceURL
    package let type: BackupType
    /// From this moment on it may run.
    package let due: Timestamp
    /// Why this, and why then, in words.
    package let reason: String

    package init(unit: String, source: SourceURL, type: BackupType, due: Timestamp, reason: String) {
        self.unit = unit
        self.source = source
        self.type = type
        self.due = due
        self.reason = reason
    }

    /// How long it has been due; negative when it is not due yet.
    package func overdue(_ now: Timestamp) -> TimeSpan { now - due }
}

/// The order in which runs that are due are started: full backups before increments, since they are what all else needs;
/// then the one that has waited longest; then by name.
package enum ScheduleOrder {
    /// Whether `left` comes before `right`. A total order over all sources of all units.
    package static func precedes(_ left: ScheduledRun, _ right: ScheduledRun) -> Bool {
        if left.type != right.type { return left.type == .full }
        if left.due != right.due { return left.due < right.due }
        if left.source != right.source { return left.source < right.source }
        return left.unit < right.unit
    }

    /// The runs of `runs` that are due at `now`, the first to be started first.
    package static func due(_ runs: [ScheduledRun], now: Timestamp) -> [ScheduledRun] {
        runs.filter { $0.due <= now }.sorted(by: precedes)
    }
}
