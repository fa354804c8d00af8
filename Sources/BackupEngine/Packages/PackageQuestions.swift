package import BackupModel
package import BackupPackages
import BackupSystem

/// Questions about the packages of one system. Each reads what it needs anew, on a thread of its own; memory grows with the
/// number of packages, not with the log.
package struct PackageQuestions: Sendable {
    let history: any PackageHistory

    package init(_ history: any PackageHistory) { self.history = history }

    /// The UUID of the machine, as records carry it.
    package var machine: String { history.machine }

    /// The records that bring what the log says in line with the database.
    package func corrections(_ comparison: PackageComparison) -> [PackageRecord] {
        comparison.records(machine: machine, at: SystemClock().now())
    }

    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BackupError) -> Value
    ) async throws(BackupError) -> Value { try await BlockingThread.run("packages", body) }

    /// The records that `filter` lets through, in the order of the log, as they are read.
    ///
    /// - Returns: What there is to say of the answer, as sentences.
    /// - Throws: `notFound` without a log, and when a pattern matches no record at all, whatever the time and the event.
    package func changes(
        _ filter: PackageFilter, _ body: @escaping @Sendable (PackageRecord) -> Void
    ) async throws(BackupError) -> [String] {
        try await run { () throws(BackupError) in
            var unseen = filter.patterns
            let end = try history.forEachRecord { record in
                if !unseen.isEmpty { unseen.removeAll { $0.matches(record) } }
                if filter.matches(record) { body(record) }
            }
            try end.checkLog()
            if let pattern = unseen.first {
                // A database that cannot be read only makes the refusal shorter.
                let packages = (try? history.present())?.packages ?? []
                throw .noRecord(pattern.description, isInstalled: packages.contains(where: pattern.matches))
            }
            let pending = end.pending.filter(filter.matches)
            return try history.remarks() + end.notes + (pending.isEmpty ? [] : [PackageNote.pending(pending)])
        }
    }

    /// What the database has now.
    ///
    /// - Throws: `notFound` without a database.
    package func present() async throws(BackupError) -> (snapshot: PackageSnapshot, notes: [String]) {
        try await run { () throws(BackupError) in
            let snapshot = try requiredPresent()
            return (snapshot, try history.remarks() + snapshot.notes)
        }
    }

    /// What log and database say of each other.
    ///
    /// - Throws: `notFound` without a log or a database.
    package func check() async throws(BackupError) -> (comparison: PackageComparison, notes: [String]) {
        try await run { () throws(BackupError) in
            let snapshot = try requiredPresent()
            var replay = PackageReplay(watching: snapshot.packages)
            let end = try history.forEachRecord { replay.apply($0) }
            try end.checkLog()
            let comparison = PackageComparison(replay: replay, pending: end.pending, snapshot: snapshot)
            return (comparison, end.notes + snapshot.notes)
        }
    }

    /// Where snapshots in a storage are not what the changes before them lead to.
    ///
    /// - Throws: `usage` where there is no storage.
    package func contradictions() async throws(BackupError) -> (answer: PackageContradictions, notes: [String]) {
        try await run { () throws(BackupError) in
            guard let answer = try history.contradictions() else { throw .noEarlierSnapshots() }
            return (answer, try history.remarks())
        }
    }

    private func requiredPresent() throws(BackupError) -> PackageSnapshot {
        guard let snapshot = try history.present() else { throw .noDatabase() }
        return snapshot
    }

    /// When packages that the pattern selects were installed in which version, in the order in which it began.
    ///
    /// - Throws: `notFound` when there were none.
    package func versions(
        _ pattern: PackagePattern
    ) async throws(BackupError) -> (intervals: [VersionInterval], begin: Timestamp?, notes: [String]) {
        try await run { () throws(BackupError) in
            let snapshot = try history.present()
            var intervals = VersionIntervals(pattern)
            var replay = PackageReplay(watching: snapshot?.packages ?? [])
            let end = try history.forEachRecord { record in
                intervals.take(record)
                replay.apply(record)
            }
            var notes = try history.remarks() + end.notes
            let begin = end.begin(of: replay)
            var found = intervals.intervals
            if let snapshot {
                let comparison = PackageComparison(replay: replay, pending: end.pending, snapshot: snapshot)
                // What the log never speaks of.
                let older = PackageState(comparison.olderThanLog)
                found = VersionIntervals(pattern, from: older).intervals + found
                notes += snapshot.notes
                if !comparison.agrees { notes.append(PackageNote.disagreement(comparison)) }
            } else {
                try end.checkLog()
                notes.append(PackageNote.noDatabase(begin))
            }
            guard !found.isEmpty else { throw .neverInstalled(pattern.description) }
            return (found, begin, notes)
        }
    }
}

extension PackageHistoryEnd {
    /// - Throws: `notFound` where there is no log and nothing else can answer.
    func checkLog() throws(BackupError) {
        if let missingLog { throw .noLog(missingLog) }
    }

    /// From when on something is known.
    func begin(of replay: PackageReplay) -> Timestamp? { [knownSince, replay.begin].compactMap { $0 }.min() }
}
