import BackupModel

/// A row of elements each of which follows the one before it, as far as it was read: with a snapshot anywhere in it the state
/// is known throughout.
struct StateRun: Sendable {
    /// The number of its first part.
    let first: Int
    /// The time of that element: by then, all that was missed has happened.
    let time: Timestamp
    /// Whether no change is missing between what was known before and its first one.
    let isComplete: Bool
    /// What was known before it.
    let known: KnownRecords
    /// The state from the first snapshot on.
    var base: StateBase?

    /// The changes before the first snapshot.
    private var before = StateBefore(PackageState())
    private var firstChange: Timestamp?

    init(first: Int, time: Timestamp, isComplete: Bool, known: KnownRecords) {
        self.first = first
        self.time = time
        self.isComplete = isComplete
        self.known = known
    }

    /// From when on it tells what happened.
    var begin: Timestamp { min(firstChange ?? time, time) }

    /// How many packages it remembers.
    var packageCount: Int { max(base?.replay.state.entries.count ?? 0, before.first.count) }

    /// Takes the next change.
    mutating func take(_ record: PackageRecord) {
        if firstChange == nil { firstChange = record.started ?? record.finished }
        if base == nil { before.take(record) } else { base?.replay.apply(record) }
    }

    /// What was there when it began, which follows from its first snapshot and the changes before that.
    func state(before snapshot: PackageState) -> PackageState { before.state(before: snapshot) }
}

/// A snapshot, and the state that it has become since.
struct StateBase: Sendable {
    var replay: PackageReplay
    /// The time of the last element of the run.
    var time: Timestamp

    private let header: SnapshotHeader
    /// The name that the changes have for its root.
    private let root: String
    private let packages: [InstalledPackage]

    /// - Parameters:
    ///   - root: the name that the changes have for the root of the snapshot.
    ///   - time: of the element that has the snapshot.
    init(_ snapshot: PackageSnapshot, root: String, time: Timestamp) {
        header = snapshot.header
        packages = snapshot.packages
        self.root = root
        self.time = time
        replay = PackageReplay(packages, root: root)
    }

    /// The snapshot with what was changed since, as of ``time``.
    var present: PackageSnapshot {
        var header = header
        let state = replay.state
        var known: [PackageIdentity: InstalledPackage] = [:]
        var present: [InstalledPackage] = []
        for package in packages {
            let identity = PackageIdentity(package.inRoot(root))
            if replay.mentioned[identity] != nil {
                known[identity] = package
            } else {
                present.append(package)
            }
        }
        for identity in replay.mentioned.keys {
            guard let entry = state[identity], identity.manager == header.manager, identity.root == root else {
                continue
            }
            var package = InstalledPackage(identity, entry, machine: header.machine).inRoot(header.root)
            if let old = known[identity], old.version == package.version {
                package.slot = package.slot ?? old.slot
                package.repository = package.repository ?? old.repository
                package.isExplicit = package.isExplicit ?? old.isExplicit
            }
            present.append(package)
        }
        if !replay.mentioned.isEmpty {
            // Nobody has written down what became of these.
            header.logOffset = nil
            header.highestSerial = nil
            header.world = nil
        }
        header.taken = time
        return PackageSnapshot(header: header, packages: present)
    }
}

extension InstalledPackage {
    /// The same package under another name of its root.
    func inRoot(_ root: String) -> InstalledPackage {
        var package = self
        package.root = root
        return package
    }
}
