package import BackupModel

/// What a log and a database say of each other.
package struct PackageComparison: Sendable {
    /// How they differ over one package.
    package enum Kind: String, Sendable, Hashable {
        /// The log, or the snapshot before it, says that it is installed; the database has no version of it.
        case onlyInLog = "only_in_log"
        /// The log says that it was removed; the database has it.
        case onlyInDatabase = "only_in_database"
        /// The database has another version than the log says.
        case otherVersion = "other_version"
        /// The database has it in another state than the log says.
        case otherState = "other_state"
        /// It was installed while the log was kept, by what the database says or since the snapshot before it; the log never
        /// speaks of it.
        case missedByLog = "missed_by_log"
    }

    package struct Disagreement: Sendable, Hashable {
        package let kind: Kind
        package let manager: String
        package let root: String
        package let category: String?
        package let name: String
        package let architecture: String?
        /// What the log says; `nil` for not installed.
        package let logVersion: String?
        /// What the database says; `nil` for not installed.
        package let databaseVersion: String?
        /// The states, where they are what differs.
        package var logState: String?
        package var databaseState: String?

        package var fullName: String { category.map { $0 + "/" + name } ?? name }
    }

    /// The root of the log that was compared.
    package let logRoot: String
    /// Sorted by name.
    package private(set) var disagreements: [Disagreement] = []
    /// Packages on which both agree.
    package private(set) var agreeing = 0
    /// Packages of the database that the log never spoke of: installed before it began.
    package private(set) var olderThanLog: [InstalledPackage] = []
    /// Packages that the log shows in the middle of a change: the database may have them or not.
    package private(set) var unfinished: [InstalledPackage] = []

    /// Compares the end of a log with the database of the same moment.
    ///
    /// - Parameters:
    ///   - replay: the records of the log, all of them.
    ///   - pending: what the parser of the log holds open, ``PackageLogReading/pending``.
    ///   - snapshot: the database. The root of the log that it belongs to is the one that ``LogRoots`` finds for it.
    package init(replay: PackageReplay, pending: [PackageRecord] = [], snapshot: PackageSnapshot) {
        var replay = replay
        var open: Set<PackageIdentity> = []
        for record in pending {
            replay.apply(record)
            if let identity = PackageIdentity(record) { open.insert(identity) }
        }
        let manager = snapshot.header.manager
        let root = replay.roots.name(of: snapshot.header.root)
        logRoot = root
        var left = replay.state.entries.filter { $0.key.manager == manager && $0.key.root == root }
        // By name without a version: to find what the other side has instead.
        var unmatched: [PackageIdentity: [InstalledPackage]] = [:]
        var halfWritten: Set<PackageIdentity> = []
        for package in snapshot.packages {
            let identity = PackageIdentity(package).inRoot(root)
            if package.state == "merging" {
                halfWritten.insert(identity)
                continue
            }
            guard let (key, entry) = Self.find(identity, in: left) else {
                unmatched[identity.anyVersion, default: []].append(package)
                continue
            }
            left[key] = nil
            compare(package, key, entry, isOpen: open.contains(key))
        }
        for (identity, entry) in left.sorted(by: { $0.key < $1.key }) where entry.isInstalled {
            if open.contains(identity) || replay.unfinished.contains(identity) && halfWritten.contains(identity) {
                unfinished.append(InstalledPackage(identity, entry, machine: snapshot.header.machine))
                continue
            }
            // The version of the database that took its place, if there is one.
            let name = identity.anyVersion
            let other = unmatched[name]?.first { package in
                package.slot == nil || entry.slot == nil || Self.mainSlot(package.slot) == Self.mainSlot(entry.slot)
            }
            if let other {
                unmatched[name]?.removeAll { $0 == other }
                disagreements.append(Disagreement(.otherVersion, identity, log: entry.version, database: other.version))
            } else {
                disagreements.append(Disagreement(.onlyInLog, identity, log: entry.version, database: nil))
            }
        }
        for package in unmatched.values.joined() { takeUnmatched(package, root, replay, open) }
        disagreements.sort { ($0.fullName, $0.logVersion ?? "") < ($1.fullName, $1.logVersion ?? "") }
        olderThanLog.sort { PackageIdentity($0) < PackageIdentity($1) }
    }

    /// Whether they say the same, as far as the log goes.
    package var agrees: Bool { disagreements.isEmpty }

    /// Forgets what turned out to be none.
    mutating func forget(_ isNone: (Disagreement) -> Bool) { disagreements.removeAll(where: isNone) }

    private mutating func compare(
        _ package: InstalledPackage, _ identity: PackageIdentity, _ entry: PackageState.Entry, isOpen: Bool
    ) {
        if entry.version != package.version, !(package.version.isEmpty && !package.isInstalled) {
            let kind: Kind = package.isInstalled == entry.isInstalled ? .otherVersion : .otherState
            var found = Disagreement(kind, identity, log: entry.version, database: package.version)
            found.logState = entry.state
            found.databaseState = package.state
            disagreements.append(found)
        } else if entry.state != package.state {
            var found = Disagreement(.otherState, identity, log: entry.version, database: package.version)
            found.logState = entry.state
            found.databaseState = package.state
            disagreements.append(found)
        } else {
            agreeing += 1
            if isOpen { unfinished.append(package) }
        }
    }

    /// A package of the database that the log does not have installed.
    private mutating func takeUnmatched(
        _ package: InstalledPackage, _ root: String, _ replay: PackageReplay, _ open: Set<PackageIdentity>
    ) {
        let identity = PackageIdentity(package).inRoot(root)
        if open.contains(identity) { return unfinished.append(package) }
        guard package.isInstalled else { return olderThanLog.append(package) }
        if replay.mentioned[identity] == false {
            disagreements.append(Disagreement(.onlyInDatabase, identity, log: nil, database: package.version))
            return
        }
        // What was built after the log began was installed after it as well.
        let known = [package.installed, package.built].compactMap { $0 }.max()
        let isYounger = known.map { known in replay.begin.map { known > $0 } ?? false } ?? false
        if replay.isFromSnapshot || isYounger {
            disagreements.append(Disagreement(.missedByLog, identity, log: nil, database: package.version))
        } else {
            olderThanLog.append(package)
        }
    }

    private static func find(
        _ identity: PackageIdentity, in entries: [PackageIdentity: PackageState.Entry]
    ) -> (PackageIdentity, PackageState.Entry)? {
        if let entry = entries[identity] { return (identity, entry) }
        let bare = identity.withoutArchitecture
        return entries[bare].map { (bare, $0) }
    }

    private static func mainSlot(_ slot: String?) -> Substring? { slot?.prefix { $0 != "/" } }
}

extension PackageComparison.Disagreement {
    fileprivate init(
        _ kind: PackageComparison.Kind, _ identity: PackageIdentity, log: String?, database: String?
    ) {
        self.init(
            kind: kind, manager: identity.manager, root: identity.root, category: identity.category,
            name: identity.name, architecture: identity.architecture, logVersion: log, databaseVersion: database)
    }
}

extension PackageComparison {
    /// The records that a check leaves behind: for each disagreement one that says so, then those that bring the state in line
    /// with the database, marked as inferred.
    ///
    /// - Parameters:
    ///   - machine: its UUID.
    ///   - time: when the database was read.
    ///   - agreement: when log and database agreed for the last time; `nil` where they were never compared.
    package func records(machine: String, at time: Timestamp, since agreement: Timestamp? = nil) -> [PackageRecord] {
        // It happened between the two. A clock that was set back says nothing.
        let earliest = agreement.flatMap { $0 <= time ? $0 : nil }
        return disagreements.flatMap { found in
            func record(_ event: PackageEvent, _ version: String?) -> PackageRecord {
                var record = PackageRecord(
                    machine: machine, manager: found.manager, root: found.root, event: event, category: found.category,
                    name: found.name, version: version, completeness: .inferred)
                record.architecture = found.architecture
                record.started = earliest
                record.finished = time
                record.detail = found.kind.rawValue
                return record
            }
            var said = record(.disagreement, found.logVersion)
            said.otherVersion = found.databaseVersion
            said.state = found.databaseState
            var records = [said]
            if let version = found.logVersion, version != found.databaseVersion {
                records.append(record(.uninstall, version))
            }
            if let version = found.databaseVersion {
                var present = record(.install, version)
                present.state = found.databaseState
                records.append(present)
            }
            return records
        }
    }
}
