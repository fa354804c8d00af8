package import BackupModel

/// Finds the moment just before a package changed. Records are given in the order of the log.
package struct ChangeSearch: Sendable {
    private let pattern: PackagePattern
    private var lastInstall: PackageRecord?
    private var lastRemoval: PackageRecord?
    /// Changes that the pattern selects.
    package private(set) var count = 0

    package init(_ pattern: PackagePattern) { self.pattern = pattern }

    /// Takes the next record.
    package mutating func take(_ record: PackageRecord) {
        guard record.event == .install || record.event == .uninstall, record.completeness != .inferred,
            pattern.matches(record)
        else { return }
        count += 1
        if record.event == .install { lastInstall = record } else { lastRemoval = record }
    }

    /// The change that is meant: the last one that brought a package which the pattern selects; if none did, the last one that
    /// took such a package away.
    package var change: PackageRecord? { lastInstall ?? lastRemoval }

    /// The last moment before that change began; `nil` without a change, or where its time is not known.
    package var moment: Timestamp? {
        guard let change, let time = change.started ?? change.finished else { return nil }
        return Timestamp(time.seconds - 1)
    }
}
