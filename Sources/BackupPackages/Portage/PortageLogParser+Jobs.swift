import BackupModel

extension PortageLogParser {
    // MARK: - Runs

    mutating func beginRun(_ date: ByteText, _ stamp: Int64, _ findings: inout LogFindings) {
        if let offset = PortageZone.offset(date: date, stamp: stamp) { zoneOffset = offset }
        // What is in the live tree by now will not be completed: the process that would say so is gone, or late, and then the
        // completion becomes a record of its own.
        reportLive(&findings) { _ in true }
        runs.removeAll { stamp - $0.started > Self.silence * 4 }
        report(&findings) { stamp - $0.lastSeen > Self.silence }
        beginRun(stamp)
    }

    private mutating func beginRun(_ stamp: Int64) {
        if runs.count == Self.maximumRuns { runs.removeFirst() }
        runs.append(PortageRun(identifier: nextRun, started: stamp))
        nextRun += 1
    }

    mutating func takeArguments(
        _ arguments: ByteText, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        // The log may begin after the first line of a run.
        if runs.isEmpty { beginRun(stamp) }
        let last = runs.count - 1
        if arguments.firstIndex(of: "--buildpkgonly") != nil || arguments.firstIndex(of: "--fetch") != nil {
            runs[last].isMerge = false
        }
        if let option = arguments.firstIndex(of: "--root=") {
            let rest = arguments.from(option + "--root=".utf8.count)
            let root = rest.slice(0, rest.firstIndex(of: UInt8(ascii: " ")) ?? rest.count).array
            // As the lines of jobs have it: with a slash at the end.
            if root.first == UInt8(ascii: "/") {
                runs[last].root = root.last == UInt8(ascii: "/") ? root : root + [UInt8(ascii: "/")]
            }
        }
        var record = record(.run, stamp, line, root: rootOfRemoval.root)
        record.started = Timestamp(stamp)
        record.finished = nil
        var start = 0
        while start < arguments.count, arguments[start] == UInt8(ascii: " ") { start += 1 }
        record.detail = arguments.slice(start, max(start, min(arguments.count, start + Self.maximumDetail))).string
        findings.records.append(record)
    }

    mutating func endRun(_ findings: inout LogFindings) {
        guard let ended = runs.popLast(), !runs.isEmpty else {
            // No emerge is running: nothing that is open goes on, but for processes that copy files and outlive it.
            reportLive(&findings) { _ in true }
            report(&findings) { _ in true }
            failSyncs(&findings)
            return
        }
        // Several were running, or one was killed and said nothing. If no older one has shown a sign of life since this one
        // began, this one's jobs end with it.
        let isOlderSilent = jobs.allSatisfy { $0.run >= ended.identifier || $0.lastSeen < ended.started }
        guard isOlderSilent else { return }
        reportLive(&findings) { $0.run == ended.identifier }
        report(&findings) { $0.run == ended.identifier }
    }

    // MARK: - Jobs

    mutating func beginJob(
        _ key: PortageJobKey, _ root: ByteText, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        let root = note(root)
        // The same package again: whatever was with it before has ended.
        func isSame(_ job: PortageJob) -> Bool {
            job.isOfSamePackage(as: key.atom) && (job.root == nil || job.root == root)
                && (key.atom.text.equals(job.atom) || job.isReported)
        }
        if jobs.contains(where: isSame) {
            reportLive(&findings, isSame)
            report(&findings, isSame)
            jobs.removeAll(where: isSame)
        }
        wasRestarted = false
        var job = PortageJob(
            number: key.number, total: key.total, atom: key.atom.text.array, root: root,
            start: PortageProof(position: line.logPosition, stamp: stamp), lastSeen: stamp,
            run: runs.last?.identifier ?? -1)
        job.isMerge = runs.last?.isMerge ?? true
        append(job, &findings)
    }

    private mutating func append(_ job: PortageJob, _ findings: inout LogFindings) {
        if jobs.count >= Self.maximumJobs {
            let oldest = jobs[0].atom
            reportLive(&findings) { $0.atom == oldest }
            report(&findings) { $0.atom == oldest }
            // Reporting may have dropped it.
            if jobs.count >= Self.maximumJobs { jobs.removeFirst() }
        }
        jobs.append(job)
    }

    /// The place of the job that a line speaks of; one without a beginning is made where there is none.
    private mutating func place(_ key: PortageJobKey, _ stamp: Int64, _ findings: inout LogFindings) -> Int {
        if let place = jobs.lastIndex(where: { $0.isFor(key) }) { return place }
        var job = PortageJob(
            number: key.number, total: key.total, atom: key.atom.text.array, lastSeen: stamp,
            run: runs.last?.identifier ?? -1)
        job.isMerge = runs.last?.isMerge ?? true
        append(job, &findings)
        return jobs.count - 1
    }

    mutating func take(
        _ step: PortageMessage.Step, _ key: PortageJobKey, _ path: ByteText, _ stamp: Int64, _ line: LogLine,
        _ findings: inout LogFindings
    ) {
        if step == .cleaningUp || step == .updatingWorld {
            // Old versions clean up after the job is done: that makes no new one.
            guard let place = jobs.lastIndex(where: { $0.isFor(key) }) else { return }
            jobs[place].lastSeen = stamp
            if step == .updatingWorld { jobs[place].isExplicit = true }
            return
        }
        let place = place(key, stamp, &findings)
        jobs[place].lastSeen = stamp
        switch step {
        case .fetchingBinary: jobs[place].type = .binary
        case .mergingBinary:
            jobs[place].type = .binary
            beginMerging(place, key, line, &findings)
        case .merging:
            jobs[place].type = jobs[place].type ?? .source
            takePath(place, path, key)
            beginMerging(place, key, line, &findings)
        case .cleaning, .building:
            jobs[place].type = .source
            takePath(place, path, key)
        case .cleaningUp, .updatingWorld: break
        }
    }

    private mutating func takePath(_ place: Int, _ path: ByteText, _ key: PortageJobKey) {
        guard !jobs[place].hasPath else { return }
        jobs[place].hasPath = true
        jobs[place].repository = repositories.name(of: path, key.atom)
    }

    private mutating func beginMerging(
        _ place: Int, _ key: PortageJobKey, _ line: LogLine, _ findings: inout LogFindings
    ) {
        if jobs[place].stage == .begun { jobs[place].stage = .merging }
        jobs[place].mergeOrder = line.offset
        // Another version of it, still waiting for its end, will not get one before this one takes its place.
        let (number, total) = (key.number, key.total)
        reportLive(&findings) { job in
            job.isOfSamePackage(as: key.atom) && !(job.number == number && job.total == total)
        }
    }

    /// The files of a package are in the live tree. The line has no version: it is that of the job of this package that began
    /// to copy files last.
    mutating func markLive(
        _ package: ByteText, _ slot: ByteText?, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        var found: Int?
        for place in jobs.indices where jobs[place].stage != .live && jobs[place].isOf(package) {
            if let best = found, jobs[best].mergeOrder > jobs[place].mergeOrder { continue }
            found = place
        }
        guard let found else { return }
        jobs[found].stage = .live
        jobs[found].lastSeen = stamp
        jobs[found].slot = slot?.string
        jobs[found].live = PortageProof(position: line.logPosition, stamp: stamp)
        guard jobs[found].isReported, let record = unfinishedRecord(jobs[found]) else { return }
        // emerge is gone, the process that copies files was still at it.
        findings.records.append(record)
    }

    mutating func complete(
        _ key: PortageJobKey, _ root: ByteText, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        let root = note(root)
        let place = jobs.lastIndex { $0.isFor(key) && ($0.root == nil || $0.root == root) }
        if place == nil, wasRestarted, let last = lastCompleted, last.number == key.number, last.total == key.total,
            key.atom.text.equals(last.atom)
        {
            // emerge replaced itself by its new version and said once more what was done.
            wasRestarted = false
            return
        }
        var record = record(.install, stamp, line, root: root)
        set(&record, key.atom)
        if let place {
            let job = jobs.remove(at: place)
            fill(&record, job)
            record.started = job.start.map { Timestamp($0.stamp) }
            record.measure()
        }
        findings.records.append(record)
        lastCompleted = (key.number, key.total, key.atom.text.array)
    }

    // MARK: - Removals

    mutating func remove(_ atom: PortageAtom, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings) {
        let removal = takeRemoval(atom)
        // A job that has reached the live tree removes the older versions of its package; what it replaces may be of its own
        // version. One whose end was inferred does so only where the indentation says that no person asked for it.
        let isIndented = removal?.isIndented
        let place = jobs.indices.last {
            jobs[$0].stage == .live && (!jobs[$0].isReported || isIndented == true)
                && jobs[$0].isOfSamePackage(as: atom)
        }
        let (root, isKnown) = place.map { self.root(of: jobs[$0]) } ?? rootOfRemoval
        var record = record(.uninstall, stamp, line, root: root)
        record.isRootKnown = isKnown
        set(&record, atom)
        record.started = removal.map { Timestamp($0.started) }
        record.measure()
        if place != nil || isIndented == true {
            record.cause = .replaced
        } else if isIndented == false {
            record.cause = .manual
        }
        guard let place else {
            // What had been unfinished of it is gone as well.
            jobs.removeAll { $0.isReported && $0.stage == .live && atom.text.equals($0.atom) }
            findings.records.append(record)
            return
        }
        record.slot = jobs[place].slot
        record.otherVersion = jobs[place].withAtom { $0.version }
        jobs[place].replaced = record.version
        findings.records.append(record)
        // It was said before that this version is there, unfinished; what was removed now is its predecessor.
        if jobs[place].isReported, atom.text.equals(jobs[place].atom), let again = unfinishedRecord(jobs[place]) {
            findings.records.append(again)
        }
    }

    mutating func failRemoval(_ atom: PortageAtom, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings) {
        let removal = takeRemoval(atom)
        let (root, isKnown) = rootOfRemoval
        var record = record(.uninstallFailed, stamp, line, root: root)
        record.isRootKnown = isKnown
        set(&record, atom)
        record.started = removal.map { Timestamp($0.started) }
        record.measure()
        findings.records.append(record)
    }

    private mutating func takeRemoval(_ atom: PortageAtom) -> PortageRemoval? {
        guard let place = removals.lastIndex(where: { atom.text.equals($0.atom) }) else { return nil }
        return removals.remove(at: place)
    }
}
