import BackupModel

extension PortageLogParser {
    // MARK: - What no line says

    /// Records those jobs in the live tree for which `condition` holds as unfinished. They are kept: a completion may still
    /// come.
    mutating func reportLive(_ findings: inout LogFindings, _ condition: (PortageJob) -> Bool) {
        for place in jobs.indices
        where jobs[place].stage == .live && !jobs[place].isReported && condition(jobs[place]) {
            jobs[place].isReported = true
            if let record = unfinishedRecord(jobs[place]) { findings.records.append(record) }
        }
        dropReported()
    }

    /// Records those jobs that never reached the live tree and for which `condition` holds as failed.
    mutating func report(_ findings: inout LogFindings, _ condition: (PortageJob) -> Bool) {
        for place in jobs.indices
        where jobs[place].stage != .live && !jobs[place].isReported && condition(jobs[place]) {
            jobs[place].isReported = true
            // Without a first line it may as well be the rest of one that was done before the log began.
            guard jobs[place].isMerge, let start = jobs[place].start else { continue }
            var record = PackageRecord(
                machine: machine, manager: Self.manager, root: text(of: root(of: jobs[place]).root),
                event: .installFailed, completeness: .inferred)
            record.isRootKnown = root(of: jobs[place]).isKnown
            _ = jobs[place].withAtom { set(&record, $0) }
            fill(&record, jobs[place])
            record.started = Timestamp(start.stamp)
            record.recorded = String(start.stamp)
            record.zoneOffset = zoneOffset
            record.position = start.position
            findings.records.append(record)
        }
        dropReported()
    }

    private mutating func dropReported() {
        var surplus = jobs.count(where: \.isReported) - Self.maximumReported
        guard surplus > 0 else { return }
        jobs.removeAll { job in
            guard job.isReported, surplus > 0 else { return false }
            surplus -= 1
            return true
        }
    }

    func unfinishedRecord(_ job: PortageJob) -> PackageRecord? {
        guard let live = job.live else { return nil }
        var record = PackageRecord(
            machine: machine, manager: Self.manager, root: String(decoding: root(of: job).root, as: UTF8.self),
            event: .install, completeness: .unfinished)
        record.isRootKnown = root(of: job).isKnown
        _ = job.withAtom { set(&record, $0) }
        fill(&record, job)
        record.started = job.start.map { Timestamp($0.stamp) }
        record.finished = Timestamp(live.stamp)
        record.recorded = String(live.stamp)
        record.zoneOffset = zoneOffset
        record.position = live.position
        return record.name == nil ? nil : record
    }

    package var pending: [PackageRecord] {
        jobs.compactMap { $0.stage == .live && !$0.isReported ? unfinishedRecord($0) : nil }
    }

    // MARK: - Parts

    mutating func record(_ event: PackageEvent, _ stamp: Int64, _ line: LogLine, root: [UInt8]) -> PackageRecord {
        var record = PackageRecord(machine: machine, manager: Self.manager, root: text(of: root), event: event)
        record.finished = Timestamp(stamp)
        record.recorded = String(stamp)
        record.zoneOffset = zoneOffset
        record.position = line.logPosition
        return record
    }

    func set(_ record: inout PackageRecord, _ atom: PortageAtom) {
        record.category = atom.category
        record.name = atom.name
        record.version = atom.version
    }

    func fill(_ record: inout PackageRecord, _ job: PortageJob) {
        record.installType = job.type
        record.repository = job.repository
        record.slot = job.slot
        record.otherVersion = job.replaced
        if job.isExplicit { record.isExplicit = true }
    }

    // MARK: - Lists of packages

    mutating func beginSync(
        name: String?, detail: String?, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        if syncs.count == Self.maximumSyncs { failSync(syncs.removeFirst(), &findings) }
        if let place = syncs.firstIndex(where: { $0.name == name }) { failSync(syncs.remove(at: place), &findings) }
        syncs.append(
            PortageSync(name: name, detail: detail, start: PortageProof(position: line.logPosition, stamp: stamp)))
        syncMarker = nil
    }

    mutating func takeSyncDetail(
        _ url: ByteText, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        let text = url.slice(0, min(url.count, 500)).string
        if syncs.isEmpty {
            beginSync(name: nil, detail: text, stamp, line, &findings)
        } else {
            syncs[syncs.count - 1].detail = text
        }
    }

    /// - Parameters:
    ///   - name: of the list; `nil` for old forms, which end the newest one.
    ///   - detail: what old forms say instead.
    mutating func endSync(
        name: ByteText?, detail: ByteText?, _ stamp: Int64, _ line: LogLine, _ findings: inout LogFindings
    ) {
        let text = name.map { $0.slice(0, min($0.count, 256)).string }
        var record = record(.sync, stamp, line, root: rootOfRemoval.root)
        record.repository = text
        record.detail = detail.map { $0.slice(0, min($0.count, 500)).string }
        if let place = name == nil ? syncs.indices.last : syncs.lastIndex(where: { $0.name == text }) {
            let sync = syncs.remove(at: place)
            record.repository = text ?? sync.name
            record.detail = record.detail ?? sync.detail
            record.started = Timestamp(sync.start.stamp)
        } else if let marker = syncMarker {
            record.started = Timestamp(marker.stamp)
        }
        record.measure()
        syncMarker = nil
        findings.records.append(record)
    }

    mutating func failSyncs(_ findings: inout LogFindings) {
        for sync in syncs { failSync(sync, &findings) }
        syncs = []
        syncMarker = nil
    }

    private mutating func failSync(_ sync: PortageSync, _ findings: inout LogFindings) {
        var record = PackageRecord(
            machine: machine, manager: Self.manager, root: text(of: rootOfRemoval.root), event: .syncFailed,
            completeness: .inferred)
        record.repository = sync.name
        record.detail = sync.detail
        record.started = Timestamp(sync.start.stamp)
        record.recorded = String(sync.start.stamp)
        record.zoneOffset = zoneOffset
        record.position = sync.start.position
        findings.records.append(record)
    }
}
