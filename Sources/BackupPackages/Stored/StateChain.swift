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

    // Of the element that was begun last.
    private var link: Link?
    private var cutoff = StateCutoff()
    private var header: SnapshotHeader?
    private var packages: [InstalledPackage] = []

    private var run: StateRun?
    /// The end of the last run that could be used.
    private var settled: StateBase?
    /// The last snapshot, as long as the changes of the element behind it may explain how it differs.
    private var doubtful: DoubtfulSnapshot?
    private var roots = LogRoots()
    private var inferred = 0
    /// What was let through; of elements that turn out not to be used, nothing.
    private var known = KnownRecords()

    package init() {}

    /// The newest snapshot with what was changed since, as of ``newest``; `nil` when no run has one. To be asked when all
    /// elements were given.
    package var present: PackageSnapshot? { settled?.present }

    // MARK: - Elements

    /// Where the next element may repeat what is known: what must be given all its changes, and be handed over to
    /// ``begin(_:_:)`` then. `nil` where it repeats nothing.
    package func overlap(_ link: Link) -> StateOverlap? {
        guard link.isReadAgain, !parts.isEmpty else { return nil }
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
            run = StateRun(first: parts.count, time: link.time, isComplete: link.isReadAgain, known: known)
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
        if record.event.changesState { roots.count(record.root) }
        doubtful?.take(record)
        run?.take(record)
        if max(run?.packageCount ?? 0, roots.count) > Self.maximumPackages {
            throw .tooManyPackages(Self.maximumPackages)
        }
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
        let snapshot = PackageSnapshot(header: header, packages: packages)
        if let base = run.base {
            // What the changes say is better than a list with holes.
            if isCut { return }
            compare(base, snapshot, link)
        } else {
            try connect(run, snapshot)
        }
        self.run?.base = StateBase(snapshot, root: roots.name(of: header.root), time: link.time)
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
    private mutating func compare(_ base: StateBase, _ snapshot: PackageSnapshot, _ link: Link) {
        let comparison = PackageComparison(replay: base.replay, snapshot: snapshot)
        checked += 1
        guard !comparison.agrees else { return }
        doubtful = DoubtfulSnapshot(
            Contradiction(
                part: parts.count - 1, comparison: comparison, time: snapshot.header.taken ?? link.time,
                previous: base.time, machine: snapshot.header.machine))
    }

    /// Decides about the last snapshot, when all changes of the element behind it are known.
    private mutating func settle() throws(BackupError) {
        guard let found = doubtful?.contradiction else { return doubtful = nil }
        doubtful = nil
        let changes = found.changes
        try count(changes)
        parts[found.part].after = changes
        contradictions.append(found)
    }

    /// The first snapshot of a run: what was there when the run began follows from it.
    private mutating func connect(_ run: StateRun, _ snapshot: PackageSnapshot) throws(BackupError) {
        guard let settled else {
            knownSince = run.begin
            return
        }
        let root = roots.name(of: snapshot.header.root)
        let start = run.state(before: PackageState(snapshot.packages.map { $0.inRoot(root) }))
        // The order of the elements is that of the chain, whatever the clock said.
        let end = max(run.begin, settled.time.next)
        if !run.isComplete { gaps.append(Gap(from: settled.time, to: end)) }
        let changes = start.changes(
            since: settled.replay.state, snapshot.header, root: root, from: settled.time.next, to: end)
        try count(changes)
        parts[run.first].before = changes
    }

    private mutating func count(_ changes: [PackageRecord]) throws(BackupError) {
        inferred += changes.count
        if inferred > Self.maximumInferred { throw .tooManyContradictions() }
    }
}
