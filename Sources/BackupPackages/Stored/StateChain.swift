package import BackupModel

/// Follows the elements of one package state in the order of their chain, and finds out what history they give: where it is
/// exact, where it has gaps and what must have happened in them, and whether each snapshot is what the changes before it lead
/// to.
///
/// A *run* is a row of elements each of which follows the one before it. With a snapshot anywhere in it, the state is known
/// throughout the run; without one none of it can be used. Between two runs there is a gap.
///
/// Memory grows with the packages and with what differs, not with the changes.
package struct StateChain: Sendable {
    /// What the metadata of an element say.
    package struct Link: Sendable {
        package let isFull: Bool
        let time: Timestamp
        let follows: Bool
        let isBeginning: Bool
        let branch: Int?

        /// - Parameters:
        ///   - isFull: whether it has a snapshot.
        ///   - time: until when its changes go.
        ///   - follows: whether its predecessor is the element that was given before.
        ///   - isBeginning: whether its changes are all that the log had, whatever was read of it before.
        ///   - branch: the number of the part that is its predecessor, where that is an earlier one.
        package init(isFull: Bool, time: Timestamp, follows: Bool, isBeginning: Bool, branch: Int? = nil) {
            self.isFull = isFull
            self.time = time
            self.follows = follows
            self.isBeginning = isBeginning
            self.branch = branch
        }
    }

    /// How an element is read for its history, in this order: ``before``, its changes as far as ``cutoff`` lets them through,
    /// ``after``.
    package struct Part: Sendable {
        /// Whether the state is known here; otherwise the element is passed over.
        package fileprivate(set) var isUsed = true
        /// What must have happened in the gap before it.
        package fileprivate(set) var before: [PackageRecord] = []
        /// Which of its changes were not in the history before.
        package fileprivate(set) var cutoff = StateCutoff()
        /// What brings the state in line with its snapshot, where the changes do not and it was not just being changed.
        package fileprivate(set) var after: [PackageRecord] = []
        /// How many records of lines were known at its end.
        fileprivate var known = 0
    }

    /// A time of which nothing is known but what was there before and afterwards.
    package struct Gap: Sendable, Hashable {
        package let from: Timestamp
        package let to: Timestamp
    }

    /// A snapshot that is not what the changes before it lead to.
    package struct Contradiction: Sendable {
        /// The number of its part.
        package let part: Int
        package fileprivate(set) var comparison: PackageComparison
        /// When the snapshot was taken, and when the element before it was made.
        fileprivate let time: Timestamp
        fileprivate let previous: Timestamp
        fileprivate let machine: String
    }

    /// More than any machine has: what claims to have more is not believed.
    package static let maximumPackages = 200_000
    /// More inferred changes than can be kept; see ``Part``.
    private static let maximumInferred = 1_000_000

    /// One for each element that was given.
    package private(set) var parts: [Part] = []
    package private(set) var gaps: [Gap] = []
    package private(set) var contradictions: [Contradiction] = []
    /// Snapshots that were compared with the changes before them.
    package private(set) var checked = 0
    /// Parts whose snapshot has not as many packages as its head says.
    package private(set) var cut: [Int] = []
    /// From when on the state is known; `nil` when it never is.
    package private(set) var knownSince: Timestamp?
    /// The time of the newest element that could be used.
    package private(set) var newest: Timestamp?

    private var link: Link?
    private var header: SnapshotHeader?
    private var packages: [InstalledPackage] = []
    private var run: Run?
    /// The end of the last run that could be used.
    private var settled: Base?
    /// How often the changes named a root.
    private var roots: [String: Int] = [:]
    private var inferred = 0
    /// What was let through; of elements that turn out not to be used, nothing.
    private var known = KnownRecords()
    /// Of the element that was begun last.
    private var cutoff = StateCutoff()
    /// A contradiction that the changes of the next element may explain, and what they were about.
    private var doubtful: Contradiction?
    private var underWay: Set<String> = []

    private struct Run {
        let first: Int
        /// The time of that element: by then, all that was missed has happened.
        let time: Timestamp
        /// Whether the log was read once more, from its beginning or from an earlier place, so that no change is missing.
        let isComplete: Bool
        /// What was known before it.
        let known: KnownRecords
        var firstChange: Timestamp?
        /// The changes before the first snapshot.
        var before = StateBefore(PackageState())
        /// The state from the first snapshot on.
        var base: Base?
    }

    /// A snapshot, and the state that it has become since.
    private struct Base {
        let header: SnapshotHeader
        /// The name that the changes have for its root.
        let root: String
        let packages: [InstalledPackage]
        var replay: PackageReplay
        /// The time of the last element of the run.
        var time: Timestamp

        init(_ header: SnapshotHeader, _ packages: [InstalledPackage], root: String, time: Timestamp) {
            self.header = header
            self.packages = packages
            self.root = root
            self.time = time
            replay = PackageReplay(packages, root: root)
        }
    }

    package init() {}

    // MARK: - Elements

    /// Where the next element may repeat what is known: what must be given all its changes, and be handed over to
    /// ``begin(_:_:)`` then. `nil` where it repeats nothing.
    package func overlap(_ link: Link) -> StateOverlap? {
        guard link.isBeginning || link.branch != nil, !parts.isEmpty else { return nil }
        var known = known
        // What the run had will not be used.
        if !link.follows, let run, run.base == nil { known = run.known }
        let isAllNew = !link.isBeginning && link.branch.map { known.count <= parts[$0].known } ?? false
        let time = link.follows ? self.link?.time : run?.base?.time ?? settled?.time
        return StateOverlap(known, newerThan: time, isAllNew: isAllNew)
    }

    /// Begins the next element.
    ///
    /// - Parameter overlap: what ``overlap(_:)`` gave, with all changes of the element.
    /// - Throws: as ``end()``.
    package mutating func begin(_ link: Link, _ overlap: StateOverlap?) throws(BackupError) {
        var part = Part()
        part.cutoff = overlap?.cutoff ?? StateCutoff()
        cutoff = part.cutoff
        // What goes on where the known changes end is as good as what follows.
        let goesOn = link.follows || (overlap?.reachesEnd == true && run?.base != nil)
        if run == nil || !goesOn {
            try endRun()
            run = Run(
                first: parts.count, time: link.time, isComplete: link.isBeginning || link.branch != nil, known: known)
        }
        parts.append(part)
        self.link = link
        header = nil
        packages = []
    }

    /// Takes the next line of the element.
    ///
    /// - Throws: `damaged` when there are more packages than there can be.
    package mutating func take(_ line: StateElementReader.Line) throws(BackupError) {
        switch line {
        case .header(let header): self.header = header
        case .package(let package):
            packages.append(package)
            if packages.count > Self.maximumPackages { throw .tooManyPackages(Self.maximumPackages) }
        case .change(let record): try take(record)
        }
    }

    private mutating func take(_ record: PackageRecord) throws(BackupError) {
        guard cutoff.passes(record) else { return }
        known.add(record)
        if record.event.changesState { roots[record.root, default: 0] += 1 }
        if run?.firstChange == nil { run?.firstChange = record.started ?? record.finished }
        note(record)
        run?.base?.replay.apply(record)
        if run?.base == nil { run?.before.take(record) }
        let count = max(run?.base?.replay.state.entries.count ?? 0, run?.before.first.count ?? 0, roots.count)
        if count > Self.maximumPackages { throw .tooManyPackages(Self.maximumPackages) }
    }

    /// Ends the element.
    ///
    /// - Throws: `damaged` when more contradicts itself than can be kept.
    package mutating func end() throws(BackupError) {
        guard let link, let run else { return }
        try settle()
        parts[parts.count - 1].known = known.count
        defer {
            self.run?.base?.time = link.time
            packages = []
        }
        guard let header else { return }
        let isCut = packages.count != header.packageCount
        if isCut { cut.append(parts.count - 1) }
        if let base = run.base {
            // What the changes say is better than a list with holes.
            if isCut { return }
            compare(base, header, link)
        } else {
            try connect(run, header, link)
        }
        let root = logRoot(header)
        self.run?.base = Base(header, packages, root: root, time: link.time)
    }

    /// Says that there are no more elements.
    ///
    /// - Throws: as ``end()``.
    package mutating func finish() throws(BackupError) {
        try endRun()
        newest = settled?.time
    }

    private mutating func endRun() throws(BackupError) {
        guard let run else { return }
        try settle()
        if let base = run.base {
            settled = base
        } else {
            for number in run.first..<parts.count { parts[number].isUsed = false }
            known = run.known
        }
        self.run = nil
    }

    // MARK: - Snapshots

    /// A snapshot within a run.
    private mutating func compare(_ base: Base, _ header: SnapshotHeader, _ link: Link) {
        let snapshot = PackageSnapshot(header: header, packages: packages)
        let comparison = PackageComparison(replay: base.replay, snapshot: snapshot)
        checked += 1
        guard !comparison.agrees else { return }
        doubtful = Contradiction(
            part: parts.count - 1, comparison: comparison, time: header.taken ?? link.time, previous: base.time,
            machine: header.machine)
    }

    private static func key(_ manager: String, _ category: String?, _ name: String) -> String {
        [manager, category ?? "", name].joined(separator: "/")
    }

    /// Notes a change that had begun when the last snapshot was taken: the manager was at work, and its database had already
    /// what the log had not.
    private mutating func note(_ record: PackageRecord) {
        guard let doubtful, let name = record.name, let start = record.started ?? record.finished,
            start <= doubtful.time
        else { return }
        underWay.insert(Self.key(record.manager, record.category, name))
    }

    /// Decides about the last snapshot, when all changes of the element behind it are known.
    private mutating func settle() throws(BackupError) {
        guard var found = doubtful else { return }
        doubtful = nil
        let known = underWay
        underWay = []
        found.comparison.forget { known.contains(Self.key($0.manager, $0.category, $0.name)) }
        guard !found.comparison.agrees else { return }
        let records = found.comparison.records(machine: found.machine, at: found.time)
        try count(records)
        parts[found.part].after = records.map { record in
            var record = record
            record.started = Self.after(found.previous)
            return record
        }
        contradictions.append(found)
    }

    /// The first snapshot of a run: what was there when the run began follows from it.
    private mutating func connect(_ run: Run, _ header: SnapshotHeader, _ link: Link) throws(BackupError) {
        let begin = min(run.firstChange ?? run.time, run.time)
        guard let settled else {
            knownSince = begin
            return
        }
        let root = logRoot(header)
        let start = run.before.state(before: PackageState(packages.map { $0.inRoot(root) }))
        // The order of the elements is that of the chain, whatever the clock said.
        let end = max(begin, Self.after(settled.time))
        if !run.isComplete { gaps.append(Gap(from: settled.time, to: end)) }
        let records = start.changes(
            since: settled.replay.state, header, root: root, from: Self.after(settled.time), to: end)
        try count(records)
        parts[run.first].before = records
    }

    private static func after(_ time: Timestamp) -> Timestamp { Timestamp(time.seconds + 1) }

    private mutating func count(_ records: [PackageRecord]) throws(BackupError) {
        inferred += records.count
        if inferred > Self.maximumInferred { throw .tooManyContradictions() }
    }

    /// As ``PackageComparison/logRoot``: the same place may have another name in the log.
    private func logRoot(_ header: SnapshotHeader) -> String {
        if roots[header.root] != nil { return header.root }
        return roots.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? header.root
    }

    // MARK: - The newest state

    /// The newest snapshot with what was changed since, as of ``newest``; `nil` when no run has one. To be asked when all
    /// elements were given.
    package var present: PackageSnapshot? {
        guard let base = settled else { return nil }
        var header = base.header
        let state = base.replay.state
        var known: [PackageIdentity: InstalledPackage] = [:]
        var packages: [InstalledPackage] = []
        for package in base.packages {
            let identity = PackageIdentity(package.inRoot(base.root))
            if base.replay.mentioned[identity] != nil {
                known[identity] = package
            } else {
                packages.append(package)
            }
        }
        for identity in base.replay.mentioned.keys {
            guard let entry = state[identity], identity.manager == header.manager, identity.root == base.root else {
                continue
            }
            var package = InstalledPackage(identity, entry, machine: header.machine).inRoot(header.root)
            if let old = known[identity], old.version == package.version {
                package.slot = package.slot ?? old.slot
                package.repository = package.repository ?? old.repository
                package.isExplicit = package.isExplicit ?? old.isExplicit
            }
            packages.append(package)
        }
        if !base.replay.mentioned.isEmpty {
            // Nobody has written down what became of these.
            header.logOffset = nil
            header.highestSerial = nil
            header.world = nil
        }
        header.taken = base.time
        return PackageSnapshot(header: header, packages: packages)
    }
}

extension InstalledPackage {
    fileprivate func inRoot(_ root: String) -> InstalledPackage {
        var package = self
        package.root = root
        return package
    }
}

extension PackageState {
    /// The changes that lead from another state to this one, as far as the packages of one snapshot go, marked as inferred.
    ///
    /// - Parameters:
    ///   - header: of the snapshot.
    ///   - root: the name that the states have for its root.
    ///   - start: the first moment at which they can have happened.
    ///   - end: when they are done.
    fileprivate func changes(
        since other: PackageState, _ header: SnapshotHeader, root: String, from start: Timestamp, to end: Timestamp
    ) -> [PackageRecord] {
        differences(since: other).filter { $0.manager == header.manager && $0.root == root }.flatMap { found in
            func record(_ event: PackageEvent, _ version: String, other: String?) -> PackageRecord {
                var record = PackageRecord(
                    machine: header.machine, manager: found.manager, root: root, event: event,
                    category: found.category, name: found.name, version: version, completeness: .inferred)
                record.architecture = found.architecture
                record.slot = found.slot
                record.otherVersion = other
                record.started = start
                record.finished = end
                record.detail = "gap"
                return record
            }
            var records: [PackageRecord] = []
            for version in found.before {
                var removal = record(.uninstall, version, other: found.after.last)
                if !found.after.isEmpty { removal.cause = .replaced }
                records.append(removal)
            }
            for version in found.after {
                var installation = record(.install, version, other: found.before.last)
                if let identity = PackageIdentity(installation), let entry = self[identity] {
                    installation.repository = entry.repository
                    installation.installType = entry.installType
                    if entry.state != "installed" { installation.state = entry.state }
                }
                records.append(installation)
            }
            return records
        }
    }
}
