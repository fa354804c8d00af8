package import BackupModel

/// Which records somebody wants to see. Each condition that is set must hold.
package struct PackageFilter: Sendable {
    /// Any of them; empty for all records, also those that concern no package.
    package var patterns: [PackagePattern] = []
    /// The first moment.
    package var from: Timestamp?
    /// The last moment.
    package var to: Timestamp?
    /// Empty for all.
    package var events: Set<PackageEvent> = []
    package var manager: String?
    package var root: String?

    package init() {}

    /// - Returns: Whether the record is wanted. Of records without a time none is in a range.
    package func matches(_ record: PackageRecord) -> Bool {
        if let manager, record.manager != manager { return false }
        if let root, record.root != root { return false }
        if !events.isEmpty, !events.contains(record.event) { return false }
        if from != nil || to != nil {
            guard let time = record.finished ?? record.started else { return false }
            if let from, time < from { return false }
            if let to, time > to { return false }
        }
        return patterns.isEmpty || patterns.contains { $0.matches(record) }
    }
}
