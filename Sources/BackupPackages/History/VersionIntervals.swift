package import BackupModel

/// A time during which a package was installed in one version.
package struct VersionInterval: Sendable, Hashable {
    package let manager: String
    package let root: String
    package let category: String?
    package let name: String
    package let architecture: String?
    package let version: String
    package internal(set) var slot: String?
    package internal(set) var repository: String?
    package internal(set) var installType: InstallType?
    /// `nil` when it was installed before the records begin.
    package internal(set) var from: Timestamp?
    /// `nil` while it is installed.
    package internal(set) var to: Timestamp?
    /// Whether it is installed when the records end.
    package internal(set) var isOpen: Bool
    /// How often it was installed again in the same version meanwhile.
    package internal(set) var rebuilds = 0

    package var fullName: String { category.map { $0 + "/" + name } ?? name }
}

/// Answers when packages that a pattern selects were installed in which version. Records are given in the order of the log.
package struct VersionIntervals: Sendable {
    private let pattern: PackagePattern
    /// In the order in which they began.
    package private(set) var intervals: [VersionInterval] = []
    private var open: [PackageIdentity: Int] = [:]
    /// The last interval of a package that has ended, and whether the same version was about to take its place.
    private var closed: [PackageIdentity: (place: Int, isRebuild: Bool)] = [:]

    /// - Parameters:
    ///   - pattern: which packages.
    ///   - state: what was installed before the first record, where that is known.
    package init(_ pattern: PackagePattern, from state: PackageState = PackageState()) {
        self.pattern = pattern
        for (identity, entry) in state.installed where pattern.matches(identity, entry) {
            begin(identity, entry, from: entry.installed)
        }
    }

    private mutating func begin(_ identity: PackageIdentity, _ entry: PackageState.Entry, from: Timestamp?) {
        open[identity] = intervals.count
        intervals.append(
            VersionInterval(
                manager: identity.manager, root: identity.root, category: identity.category, name: identity.name,
                architecture: identity.architecture, version: entry.version, slot: entry.slot,
                repository: entry.repository, installType: entry.installType, from: from, to: nil, isOpen: true))
    }

    /// Takes the next record.
    package mutating func take(_ record: PackageRecord) {
        guard record.event == .install || record.event == .uninstall, pattern.matches(record),
            let identity = PackageIdentity(record), let version = record.version
        else { return }
        if record.event == .uninstall {
            end(identity, version, record)
        } else {
            install(identity, version, record)
        }
    }

    private mutating func end(_ identity: PackageIdentity, _ version: String, _ record: PackageRecord) {
        guard let place = open[identity] else {
            // Installed before the records begin.
            guard closed[identity].map({ intervals[$0.place].version != version }) ?? true else { return }
            begin(identity, PackageState.Entry(record), from: nil)
            close(identity, record)
            return
        }
        guard intervals[place].version == version else { return }
        close(identity, record)
    }

    private mutating func close(_ identity: PackageIdentity, _ record: PackageRecord) {
        guard let place = open.removeValue(forKey: identity) else { return }
        intervals[place].to = record.finished
        intervals[place].isOpen = false
        closed[identity] = (place, record.cause != .manual && record.otherVersion == intervals[place].version)
    }

    private mutating func install(_ identity: PackageIdentity, _ version: String, _ record: PackageRecord) {
        let former = closed.removeValue(forKey: identity)
        if let place = open[identity] {
            if intervals[place].version == version {
                // Said twice, as unfinished and then as complete.
                fill(place, record)
                return
            }
            // One version replaces the other, and the log has no line for the end of the old one.
            close(identity, record)
            closed[identity] = nil
        } else if let (place, isRebuild) = former, isRebuild, intervals[place].version == version {
            intervals[place].to = nil
            intervals[place].isOpen = true
            intervals[place].rebuilds += 1
            fill(place, record)
            open[identity] = place
            return
        }
        begin(identity, PackageState.Entry(record), from: record.finished)
    }

    private mutating func fill(_ place: Int, _ record: PackageRecord) {
        intervals[place].slot = record.slot ?? intervals[place].slot
        intervals[place].repository = record.repository ?? intervals[place].repository
        intervals[place].installType = record.installType ?? intervals[place].installType
    }
}
