package import BackupModel

/// Plays the records of a log from its beginning, in the order of the log, and remembers what the log has spoken of.
package struct PackageReplay: Sendable {
    package private(set) var state = PackageState()
    /// What changes were about, and whether the last one left it installed; of those in ``watched``.
    private(set) var mentioned: [PackageIdentity: Bool] = [:]
    /// What is unfinished as far as the log goes: the database may have it or not.
    private(set) var unfinished: Set<PackageIdentity> = []
    /// The time of the first record: what was installed before it the log does not know.
    package private(set) var begin: Timestamp?
    private(set) var roots = LogRoots()

    /// Whether it began with a snapshot: then there is nothing that is older than the records.
    let isFromSnapshot: Bool

    /// What is worth remembering when it is gone, without its root; `nil` for everything.
    private let watched: Set<PackageIdentity>?

    package init() {
        isFromSnapshot = false
        watched = nil
    }

    /// Remembers of what is gone only whether it was one of these packages: those of the database that it will be compared
    /// with. Where versions coexist, a log names more and more of them.
    package init(watching packages: some Sequence<InstalledPackage>) {
        isFromSnapshot = false
        watched = Set(packages.map { PackageIdentity($0).inRoot("") })
    }

    /// Begins with what an earlier snapshot had.
    ///
    /// - Parameter root: the name that the log has for the root of the snapshot, ``PackageComparison/logRoot`` of an earlier
    ///   check; `nil` for the same name.
    package init(_ packages: some Sequence<InstalledPackage>, root: String? = nil) {
        isFromSnapshot = true
        watched = nil
        for var package in packages {
            if let root { package.root = root }
            state.insert(package)
            roots.add(package.root)
        }
    }

    /// Takes the next record.
    package mutating func apply(_ record: PackageRecord) {
        if begin == nil { begin = record.started ?? record.finished }
        guard let identity = state.place(of: record) else { return }
        state.apply(record)
        if watched?.contains(identity.inRoot("")) ?? true {
            mentioned[identity] = state[identity]?.isInstalled ?? false
        }
        roots.count(identity.root)
        if record.event == .install, record.completeness == .unfinished {
            unfinished.insert(identity)
        } else {
            unfinished.remove(identity)
        }
    }
}
