import BackupModel

/// Reads `dpkg.log`.
///
/// What counts are the `status` lines; the lines before them say what dpkg set out to do. A package is open from its first line
/// until a status leaves it installed, removed or gone.
package struct DpkgLogParser: PackageLogParser {
    static let manager = "dpkg"
    /// Packages that are open; a change of the distribution unpacks a few thousand before it configures them.
    static let maximumJobs = 16384

    let machine: String
    let root: String
    private(set) var clock: LocalClock

    /// By package. The one that the last line spoke of is in ``current`` and not here.
    private(set) var jobs: [DpkgPackage: DpkgJob] = [:]
    private(set) var current: DpkgJob?
    /// The package that the line before spoke of, where it was another one.
    private var previous: [UInt8]?
    /// How the last job ended: dpkg may say so more than once.
    var lastEnd: (package: [UInt8], state: DpkgState, version: [UInt8])?
    /// Of whose installation only the last line speaks. If the next one begins to remove or replace that version, nothing was
    /// installed: dpkg says first what it finds.
    var lone: DpkgJob?

    init(_ context: LogContext) {
        machine = context.machine
        root = context.root
        clock = LocalClock(context.zoneOffset)
    }

    /// Puts back a job of a state that was written down.
    mutating func restore(_ job: DpkgJob, isCurrent: Bool) {
        if isCurrent { current = job } else { jobs[DpkgPackage(job.package)] = job }
    }

    // MARK: - Lines

    package mutating func take(_ line: LogLine, _ findings: inout LogFindings) {
        guard let text = ByteText(line.bytes), !takeMessage(text, line, &findings) else { return }
        findings.rejected.add(line)
    }

    private mutating func takeMessage(_ text: ByteText, _ line: LogLine, _ findings: inout LogFindings) -> Bool {
        guard let local = clock.seconds(text), text.count > LocalClock.width + 1,
            text[LocalClock.width] == UInt8(ascii: " "), let message = DpkgMessage(text.from(LocalClock.width + 1))
        else { return false }
        settleLone(before: message, &findings)
        switch message {
        case .note: break
        case .action(let action, let package, let old, let new):
            begin(action, package, old, new, local, line, &findings)
        case .status(let state, let package, let version):
            take(state, package, version, local, line, &findings)
        }
        return true
    }

    private mutating func settleLone(before message: DpkgMessage, _ findings: inout LogFindings) {
        guard let job = lone else { return }
        lone = nil
        if case .action(let action, let package, let old, _) = message, action != .configure, action != .trigproc,
            package.equals(job.package), old.equals(job.version)
        {
            return
        }
        findings.records.append(installed(job, .inferred))
    }

    // MARK: - Jobs

    /// Takes the job of `package` out of the table, if there is one.
    private mutating func takeJob(_ package: ByteText) -> DpkgJob? {
        previous = nil
        if let job = current {
            current = nil
            if package.equals(job.package) { return job }
            jobs[DpkgPackage(job.package)] = job
            previous = job.package
        }
        return jobs.isEmpty ? nil : jobs.removeValue(forKey: DpkgPackage(package.array))
    }

    private mutating func keep(_ job: DpkgJob, _ findings: inout LogFindings) {
        current = job
        guard jobs.count >= Self.maximumJobs else { return }
        // The older half at once, so that this does not happen for each line.
        for job in jobs.values.sorted(by: { $0.offset < $1.offset }).prefix(Self.maximumJobs / 2) {
            jobs[DpkgPackage(job.package)] = nil
            settle(job, &findings)
        }
    }

    private mutating func begin(
        _ action: DpkgMessage.Action, _ package: ByteText, _ old: ByteText, _ new: ByteText, _ local: Int64,
        _ line: LogLine, _ findings: inout LogFindings
    ) {
        let former = takeJob(package)
        var job = former ?? DpkgJob(package: package.array, offset: line.offset)
        switch action {
        case .configure, .trigproc:
            // A step of what goes on, if something does.
            if action == .configure { job.isInstallation = true }
            if job.action == nil { job.action = action }
        case .install, .upgrade, .remove, .purge, .disappear:
            // Something else was begun with it and not ended.
            if let former { settle(former, &findings) }
            job = DpkgJob(package: job.package, offset: line.offset)
            job.state = former?.state
            job.version = former?.version ?? []
            job.last = former?.last
            job.action = action
            job.old = DpkgMessage.isNone(old) ? [] : old.array
            job.new = DpkgMessage.isNone(new) ? [] : new.array
            job.start = DpkgProof(position: line.logPosition, local: local)
        }
        keep(job, &findings)
    }

    private mutating func take(
        _ state: DpkgState, _ package: ByteText, _ version: ByteText, _ local: Int64, _ line: LogLine,
        _ findings: inout LogFindings
    ) {
        // Most lines speak of the package that the line before spoke of, and do not end anything.
        if state.isOpen, current?.isOf(package) == true {
            previous = nil
            current?.note(state, version, local, line)
            return
        }
        let former = takeJob(package)
        if former == nil, let lastEnd, lastEnd.state == state, package.equals(lastEnd.package),
            version.equals(lastEnd.version)
        {
            return
        }
        var job = former ?? takeRenamed(package, state, version) ?? DpkgJob(package: package.array, offset: line.offset)
        if state.isOpen {
            job.note(state, version, local, line)
            return keep(job, &findings)
        }
        let (before, versionBefore) = (job.state, job.version)
        job.state = state
        if !version.equals(job.version) { job.version = DpkgMessage.isNone(version) ? [] : version.array }
        job.last = DpkgProof(position: line.logPosition, local: local)
        switch state {
        case .installed:
            lastEnd = (job.package, state, job.version)
            end(job, before, &findings)
        case .configFiles:
            if job.action == .purge { return keep(job, &findings) }
            lastEnd = (job.package, state, job.version)
            if job.action == .install {
                fail(job, .complete, &findings)
            } else {
                removed(job, job.version, &findings)
            }
        case .notInstalled:
            lastEnd = nil
            let version = job.old.isEmpty ? versionBefore : job.old
            switch job.action {
            case .install: fail(job, .complete, &findings)
            case .remove, .disappear, .upgrade: removed(job, version, &findings)
            case nil where before != nil && before != .configFiles: removed(job, version, &findings)
            case .purge, .configure, .trigproc, nil:
                var record = record(.purge, job, job.package, version)
                record.state = state.rawValue
                findings.records.append(record)
            }
        default: break
        }
    }

    /// The job of a package whose architecture changes with this upgrade: its lines go on under another name.
    private mutating func takeRenamed(_ package: ByteText, _ state: DpkgState, _ version: ByteText) -> DpkgJob? {
        guard state == .unpacked, let previous, let job = jobs[DpkgPackage(previous)], job.action == .upgrade,
            job.state == .halfInstalled, version.equals(job.new),
            let colon = package.firstIndex(of: UInt8(ascii: ":")),
            previous.withByteText({ $0.hasPrefix(package.slice(0, colon + 1)) })
        else { return nil }
        jobs[DpkgPackage(previous)] = nil
        var renamed = job
        renamed.oldPackage = previous
        renamed.package = package.array
        return renamed
    }

    // MARK: - Ends

    /// The package is installed and configured.
    private mutating func end(_ job: DpkgJob, _ before: DpkgState?, _ findings: inout LogFindings) {
        if job.isInstalling {
            if job.version == job.new {
                replaced(job, &findings)
                findings.records.append(installed(job, .complete))
            } else if job.version == job.old {
                fail(job, .complete, &findings)
            } else {
                findings.records.append(installed(job, .inferred))
            }
        } else if job.isInstallation {
            // It was begun before the log, or in a run that configures what an earlier one unpacked.
            findings.records.append(installed(job, .complete))
        } else if job.action != .trigproc, before != .triggersAwaited, before != .triggersPending {
            lone = job
        }
    }

    /// Records what can be said of a job that will not be ended.
    private func settle(_ job: DpkgJob, _ findings: inout LogFindings) {
        if job.isInstalling, job.unpacked != nil {
            replaced(job, &findings)
            findings.records.append(installed(job, .unfinished))
        } else if job.isInstalling {
            fail(job, .inferred, &findings)
        }
    }

    /// The old version has gone with the arrival of the new one.
    private func replaced(_ job: DpkgJob, _ findings: inout LogFindings) {
        guard job.action == .upgrade, !job.old.isEmpty else { return }
        var record = record(.uninstall, job, job.oldPackage ?? job.package, job.old)
        set(&record, job.unpacked ?? job.last)
        record.cause = .replaced
        record.otherVersion = Self.text(job.new)
        record.measure()
        findings.records.append(record)
    }

    private func removed(_ job: DpkgJob, _ version: [UInt8], _ findings: inout LogFindings) {
        var record = record(.uninstall, job, job.package, version.isEmpty ? job.old : version)
        record.cause = job.action == .disappear ? .disappeared : job.action == .remove ? .manual : nil
        record.state = job.state?.rawValue
        record.measure()
        findings.records.append(record)
    }

    private func fail(_ job: DpkgJob, _ completeness: Completeness, _ findings: inout LogFindings) {
        var record = record(.installFailed, job, job.package, job.new)
        record.completeness = completeness
        if completeness == .inferred { set(&record, job.start) }
        record.otherVersion = Self.text(job.old)
        record.state = job.state?.rawValue
        if completeness == .inferred { record.finished = nil }
        record.measure()
        findings.records.append(record)
    }

    private func installed(_ job: DpkgJob, _ completeness: Completeness) -> PackageRecord {
        let isEnded = completeness != .unfinished
        var record = record(.install, job, job.package, isEnded || job.version == job.new ? job.version : job.new)
        record.completeness = completeness
        if job.action == .upgrade { record.otherVersion = Self.text(job.old) }
        if isEnded {
            record.measure()
        } else {
            set(&record, job.unpacked)
        }
        record.state = job.state?.rawValue
        return record
    }

    // MARK: - Records

    private func record(
        _ event: PackageEvent, _ job: DpkgJob, _ package: [UInt8], _ version: [UInt8]
    ) -> PackageRecord {
        var record = PackageRecord(machine: machine, manager: Self.manager, root: root, event: event)
        package.withByteText { text in
            let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
            record.name = text.slice(0, colon).string
            if colon < text.count { record.architecture = text.from(colon + 1).string }
        }
        record.version = Self.text(version)
        if event == .install { record.installType = .binary }
        record.started = job.start.map { clock.moment($0.local).time }
        set(&record, job.last)
        return record
    }

    private func set(_ record: inout PackageRecord, _ proof: DpkgProof?) {
        guard let proof else { return }
        let moment = clock.moment(proof.local)
        record.finished = moment.time
        record.zoneOffset = moment.offset
        record.recorded = LocalClock.text(proof.local)
        record.position = proof.position
    }

    /// A version; `nil` for none.
    private static func text(_ version: [UInt8]) -> String? {
        version.isEmpty ? nil : version.withByteText { $0.string }
    }

    package var pending: [PackageRecord] {
        let open = Array(jobs.values) + [current, lone].compactMap(\.self)
        return open.sorted { $0.offset < $1.offset }.compactMap { job in
            guard let state = job.state, job.last != nil, !job.version.isEmpty else { return nil }
            var record = record(.install, job, job.package, job.version)
            record.completeness = .unfinished
            record.state = state.rawValue
            return record
        }
    }
}
