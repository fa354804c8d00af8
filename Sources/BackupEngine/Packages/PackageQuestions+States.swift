package import BackupModel
package import BackupPackages

/// What was installed at some moments.
package struct PackageStates: Sendable {
    /// In the order of the moments.
    package let states: [PackageState]
    /// What there is to say of the answer, as sentences.
    package let notes: [String]
}

/// The packages of one moment that somebody asked for.
package struct PackagesAtMoment: Sendable {
    /// Sorted by name.
    package let packages: [InstalledPackage]
    /// What there is to say of the answer, as sentences.
    package let notes: [String]
    fileprivate let moment: Timestamp
    fileprivate let unmatched: PackagePattern?

    /// - Throws: `notFound` when a pattern selects nothing that was installed.
    package func checkPatterns() throws(BackupError) {
        if let unmatched { throw .notInstalled(unmatched.description, at: moment) }
    }
}

extension PackageQuestions {
    /// What was installed at a moment, as far as one of the patterns selects it; everything without patterns.
    package func packages(
        at moment: Timestamp, _ patterns: [PackagePattern]
    ) async throws(BackupError) -> PackagesAtMoment {
        let answer = try await states(at: [moment])
        let installed = answer.states[0].installed
        let packages = installed.compactMap { identity, entry in
            let isWanted = patterns.isEmpty || patterns.contains { $0.matches(identity, entry) }
            return isWanted ? InstalledPackage(identity, entry, machine: machine) : nil
        }
        let unmatched = patterns.first { pattern in
            !installed.contains { pattern.matches($0.identity, $0.entry) }
        }
        return PackagesAtMoment(packages: packages, notes: answer.notes, moment: moment, unmatched: unmatched)
    }

    /// What was installed at each of the moments: today's database without what the log says of the time since, or, without a
    /// database, what the log says of the time until then.
    package func states(at moments: [Timestamp]) async throws(BackupError) -> PackageStates {
        try await run { () throws(BackupError) in
            let snapshot = try history.present()
            var survey = Survey(moments, snapshot)
            let end = try history.forEachRecord { survey.take($0) }
            guard let snapshot else { return try forwards(survey, end) }
            return try backwards(survey, end, snapshot)
        }
    }

    /// What a first pass finds out.
    private struct Survey {
        let moments: [Timestamp]
        private(set) var cuts: [TimeCut]
        private(set) var replay: PackageReplay

        init(_ moments: [Timestamp], _ snapshot: PackageSnapshot?) {
            self.moments = moments
            replay = PackageReplay(watching: snapshot?.packages ?? [])
            cuts = moments.map { TimeCut($0) }
        }

        mutating func take(_ record: PackageRecord) {
            for index in cuts.indices { cuts[index].take(record) }
            replay.apply(record)
        }
    }

    private func forwards(_ survey: Survey, _ end: PackageHistoryEnd) throws(BackupError) -> PackageStates {
        try end.checkLog()
        var states = survey.moments.map { _ in PackageState() }
        var number = 0
        _ = try history.forEachRecord { record in
            for index in states.indices where number < survey.cuts[index].index { states[index].apply(record) }
            number += 1
        }
        let begin = end.begin(of: survey.replay)
        var notes = try history.remarks() + end.notes + [PackageNote.noDatabase(begin)]
        for moment in Set(survey.moments).sorted() {
            if let begin, moment < begin { notes.append(PackageNote.beginsLater(begin, moment)) }
        }
        return PackageStates(states: states, notes: notes)
    }

    private func backwards(
        _ survey: Survey, _ end: PackageHistoryEnd, _ snapshot: PackageSnapshot
    ) throws(BackupError) -> PackageStates {
        let comparison = PackageComparison(replay: survey.replay, pending: end.pending, snapshot: snapshot)
        // By the name that the log has for the root: its records are applied.
        let packages = snapshot.packages.map { package in
            var package = package
            package.root = comparison.logRoot
            return package
        }
        func concerns(_ record: PackageRecord) -> Bool { record.root == comparison.logRoot || !record.isRootKnown }
        var before = survey.moments.map { _ in StateBefore(PackageState(packages)) }
        var after = survey.moments.map { _ in PackageState() }
        var number = 0
        _ = try history.forEachRecord { record in
            for index in before.indices where concerns(record) {
                if number < survey.cuts[index].index { after[index].apply(record) } else { before[index].take(record) }
            }
            number += 1
        }
        for record in end.pending where concerns(record) {
            guard let time = record.started ?? record.finished else { continue }
            for index in before.indices where time > survey.moments[index] { before[index].take(record) }
        }
        var states = before.map(\.state)
        var notes = try history.remarks() + end.notes + snapshot.notes
        let begin = end.begin(of: survey.replay)
        for index in states.indices {
            states[index].fill(from: after[index])
            let moment = survey.moments[index]
            guard begin.map({ moment < $0 }) ?? (moment < snapshot.header.taken ?? moment) else {
                continue
            }
            let leftOut = states[index].leaveOut(packages, youngerThan: moment)
            if survey.moments[..<index].contains(moment) { continue }
            notes.append(begin.map { PackageNote.beginsLater($0, moment) } ?? PackageNote.noPast(moment))
            if leftOut > 0 { notes.append(PackageNote.leftOut(leftOut, moment)) }
        }
        if !comparison.agrees { notes.append(PackageNote.disagreement(comparison)) }
        return PackageStates(states: states, notes: notes)
    }
}

extension PackageState {
    /// Takes out what the database knows to have come after a moment.
    ///
    /// - Returns: How many.
    fileprivate mutating func leaveOut(_ packages: [InstalledPackage], youngerThan moment: Timestamp) -> Int {
        var count = 0
        for package in packages {
            guard let time = [package.installed, package.built].compactMap({ $0 }).max(), time > moment else {
                continue
            }
            let identity = PackageIdentity(package)
            // Otherwise the log has said something about it.
            guard let entry = self[identity], entry.isInstalled, entry.version == package.version else { continue }
            remove(identity)
            count += 1
        }
        return count
    }
}
