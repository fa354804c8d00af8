package import BackupModel

/// The packages that are installed at some moment.
package struct PackageState: Sendable, Hashable {
    /// What is known of one of them.
    package struct Entry: Sendable, Hashable {
        package var version: String
        package var slot: String?
        package var repository: String?
        package var installType: InstallType?
        package var isExplicit: Bool?
        /// The manager's own word, where it has more than two; `installed` where nobody says.
        package var state: String
        /// When it was installed, where that is known.
        package var installed: Timestamp?
        /// Whether the log shows that the installation ended, or the database has the package.
        package var completeness: Completeness

        /// Whether its files are in the live tree.
        package var isInstalled: Bool { !InstalledPackage.absentStates.contains(state) }
    }

    package private(set) var entries: [PackageIdentity: Entry] = [:]
    /// All roots that entries ever had, to find what removals mean that name no root.
    private var roots: Set<String> = []

    package init() {}

    package init(_ packages: some Sequence<InstalledPackage>) {
        for package in packages { insert(package) }
    }

    /// Adds a package of a snapshot.
    package mutating func insert(_ package: InstalledPackage) {
        // What portage has only begun to write is none of its packages.
        guard package.state != "merging" else { return }
        roots.insert(package.root)
        entries[PackageIdentity(package)] = Entry(package)
    }

    package subscript(identity: PackageIdentity) -> Entry? { entries[identity] }

    /// The installed packages, sorted by name, version and root; what has left only its configuration is not among them.
    package var installed: [(identity: PackageIdentity, entry: Entry)] {
        entries.filter { $0.value.isInstalled }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: - Changes

    /// Applies a change. Records that change nothing are passed over.
    package mutating func apply(_ record: PackageRecord) {
        guard let identity = place(of: record) else { return }
        switch record.event {
        case .install:
            roots.insert(identity.root)
            forgetOlderForm(identity)
            entries[identity] = Entry(record)
        case .uninstall:
            // Where versions exclude each other, the removal of one that is not there any more changes nothing.
            if identity.version == nil, let version = record.version, let present = entries[identity],
                present.version != version
            {
                return
            }
            if record.state == DpkgState.configFiles.rawValue, let version = record.version {
                var left = Entry(record)
                left.version = version
                entries[identity] = left
            } else {
                entries[identity] = nil
            }
        case .purge: if entries[identity]?.isInstalled == false { entries[identity] = nil }
        default: break
        }
    }

    /// Forgets a package.
    package mutating func remove(_ identity: PackageIdentity) { entries[identity] = nil }

    /// Adds what another state of the same moment knows of the same versions and this one does not: a database knows what is
    /// there, and a log when it came.
    package mutating func fill(from other: PackageState) {
        for (identity, known) in other.entries where known.isInstalled {
            guard var entry = entries[identity], entry.isInstalled, entry.version == known.version else { continue }
            entry.slot = entry.slot ?? known.slot
            entry.repository = entry.repository ?? known.repository
            entry.installType = entry.installType ?? known.installType
            entry.isExplicit = entry.isExplicit ?? known.isExplicit
            entry.installed = entry.installed ?? known.installed
            entries[identity] = entry
        }
    }

    /// Puts back what an entry was, for going backwards.
    mutating func set(_ identity: PackageIdentity, _ entry: Entry?) {
        roots.insert(identity.root)
        entries[identity] = entry
    }

    /// Which entry a change is about. A removal whose root nobody knows is one of the only root that has the package.
    func place(of record: PackageRecord) -> PackageIdentity? {
        guard record.event.changesState, let identity = PackageIdentity(record) else { return nil }
        if record.event == .uninstall, !record.isRootKnown, entries[identity] == nil {
            let found = roots.map { identity.inRoot($0) }.filter { entries[$0] != nil }
            if found.count == 1 { return found[0] }
        }
        if entries[identity] == nil, identity.architecture != nil || identity.version == nil {
            let bare = identity.withoutArchitecture
            if record.event != .install, entries[bare] != nil { return bare }
        }
        return identity
    }

    private mutating func forgetOlderForm(_ identity: PackageIdentity) {
        if identity.architecture != nil { entries[identity.withoutArchitecture] = nil }
    }
}

extension PackageState.Entry {
    init(_ package: InstalledPackage) {
        self.init(
            version: package.version, slot: package.slot, repository: package.repository,
            installType: package.installType, isExplicit: package.isExplicit, state: package.state,
            installed: package.installed, completeness: .complete)
    }

    init(_ record: PackageRecord) {
        self.init(
            version: record.version ?? "", slot: record.slot, repository: record.repository,
            installType: record.installType, isExplicit: record.isExplicit, state: record.state ?? "installed",
            installed: record.event == .install ? record.finished : nil, completeness: record.completeness)
    }
}

extension InstalledPackage {
    /// A package as a state has it.
    package init(_ identity: PackageIdentity, _ entry: PackageState.Entry, machine: String) {
        self.init(
            machine: machine, manager: identity.manager, root: identity.root, category: identity.category,
            name: identity.name, version: entry.version)
        slot = entry.slot
        repository = entry.repository
        installType = entry.installType
        isExplicit = entry.isExplicit
        state = entry.state
        installed = entry.installed
        architecture = identity.architecture
    }
}
