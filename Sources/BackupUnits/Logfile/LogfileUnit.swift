import BackupConfig
import BackupModel
import BackupSystem
import Synchronization

/// Log files: each file that is rotated away becomes a full backup of its own, in the order in which they were written.
///
/// The sources are what is found in the directories. A *round* begins when the unit is due, and ends when nothing can be
/// stored any more; the next one is reckoned from its end. Beside the state the unit keeps ``LogMemory``.
final class LogfileUnit: BackupUnit {
    let name: String
    let files: UnitDirectory
    private let timing: TimingSetting
    private let inputs: [LogMatcher]
    private let openFiles: @Sendable (Set<FileIdentity>) -> OpenFiles
    private let limits: LogLookLimits
    private let afterLook: (@Sendable (_ files: Int) -> Void)?
    private let looks = Mutex(Looks())
    private let lastMemory = Mutex<(state: LogFileState, memory: LogMemory)?>(nil)
    /// Whether a run is under way. Also guards `state.current` against ``endRound(now:)``.
    private let isRunning = Mutex(false)

    private struct Looks {
        /// What the last one has found.
        var backlog: LogBacklog?
        /// The directories as our last deletion has left them.
        var own: [String: LogStamp] = [:]
    }

    init(_ name: String, _ settings: LogfileSettings, _ context: UnitContext) {
        self.name = name
        timing = settings.timing
        inputs = settings.inputs.map { LogMatcher($0, patience: context.matchPatience) }
        files = UnitDirectory(name, context, form: .looks)
        openFiles = context.openFiles
        limits = context.lookLimits
        afterLook = context.afterLook
    }

    let findsSources = true

    var sources: [SourceURL] {
        let known = (try? files.state())?.sources ?? []
        return Set(known).union(survey().sources.keys).sorted()
    }

    // MARK: - Looking

    private func survey() -> LogSurvey {
        let survey = LogSurvey(inputs)
        afterLook?(survey.files.count)
        return survey
    }

    /// What there is to be stored: as the last look has found it, if that still holds.
    ///
    /// - Parameter anew: looks once more.
    private func backlog(_ memory: LogMemory, anew: Bool = false) -> (backlog: LogBacklog, isNew: Bool) {
        let (known, own) = looks.withLock { ($0.backlog, $0.own) }
        if !anew, let known, known.holds(limits) { return (known, false) }
        let found = LogBacklog(survey(), memory, own: own, limits)
        looks.withLock { $0.backlog = found }
        return (found, true)
    }

    /// What can be done with one source. Its oldest file is as it is now.
    ///
    /// - Parameter isCertain: whether nothing is to be done only if there is nothing now.
    private func readiness(
        of source: SourceURL, _ memory: LogMemory, _ now: Timestamp, isCertain: Bool = false
    ) -> (LogReadiness, LogBacklog) {
        var (backlog, isNew) = backlog(memory)
        if !isNew, backlog.files(of: source, memory).first?.isUnchanged() == false {
            (backlog, isNew) = self.backlog(memory, anew: true)
        }
        let found = LogReadiness(backlog, memory, now: now, only: source, openFiles: openFiles)
        guard isCertain, !isNew, found.ready[source] == nil else { return (found, backlog) }
        let last = self.backlog(memory, anew: true).backlog
        return (LogReadiness(last, memory, now: now, only: source, openFiles: openFiles), last)
    }

    /// A file is stored, and the unit's memory says so.
    func stored(_ file: LogFile) { looks.withLock { $0.backlog?.stored(file) } }

    private func disposed(_ file: LogFile, _ end: LogDisposal.End) {
        looks.withLock { looks in
            if case .deleted(_, let after) = end { looks.own[file.input.directory] = after }
            looks.backlog?.disposed(file, end)
        }
    }

    // MARK: - When

    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun] { try outlook(now: now).runs }

    func outlook(now: Timestamp) throws(BackupError) -> UnitOutlook {
        let state = try files.state()
        let memory = try memory()
        var (backlog, isNew) = backlog(memory)
        var readiness = LogReadiness(backlog, memory, now: now, openFiles: openFiles)
        // A round ends when nothing is left: that is said only of what is there now.
        if readiness.ready.isEmpty, !isNew {
            (backlog, isNew) = self.backlog(memory, anew: true)
            readiness = LogReadiness(backlog, memory, now: now, openFiles: openFiles)
        }
        let survey = backlog.survey
        let due = nextLook(state, now)
        var outlook = UnitOutlook(
            runs: readiness.ready.values.map { scheduled($0, due) }.sorted { $0.source < $1.source })
        outlook.nextLook = due
        outlook.problems = survey.problems
        outlook.notices = survey.notices + readiness.notices
        let later = due > now ? due : timing.next(after: now)
        let idle = Set(state.sources).union(survey.sources.keys).subtracting(readiness.ready.keys)
        outlook.waiting = idle.sorted().map { source in
            WaitingSource(
                unit: name, source: source, next: later, reason: readiness.waiting[source] ?? "no file is there")
        }
        return outlook
    }

    func next(of source: SourceURL, now: Timestamp) throws(BackupError) -> ScheduledRun? {
        let (readiness, _) = readiness(of: source, try memory(), now)
        let due = nextLook(try files.state(), now)
        return readiness.ready[source].map { scheduled($0, due) }
    }

    private func nextLook(_ state: UnitState, _ now: Timestamp) -> Timestamp {
        // 0 is written where there was no round before the first element.
        guard let last = state.lastLook, last.seconds > 0 else { return now }
        return timing.next(after: last, now: now)
    }

    private func scheduled(_ ready: LogReadiness.Ready, _ due: Timestamp) -> ScheduledRun {
        let file = ready.file
        let reason =
            "full: \(file.name.escapedForMessage) of \(file.state.modified)"
            + (ready.count > 1 ? ", the oldest of \(ready.count) files" : "")
        return ScheduledRun(unit: name, source: file.source, type: .full, due: due, reason: reason)
    }

    private func memory() throws(BackupError) -> LogMemory {
        guard let directory = try files.openIfPresent() else { return LogMemory() }
        return try memory(directory)
    }

    /// Reads the file only if it is another one than the last time: it is replaced as a whole, never written to.
    private func memory(_ directory: Directory) throws(BackupError) -> LogMemory {
        guard let status = try directory.status(LogMemory.current) else { return LogMemory() }
        let state = LogFileState(status)
        if let last = lastMemory.withLock({ $0 }), last.state == state { return last.memory }
        let memory = try LogMemory(in: directory)
        lastMemory.withLock { $0 = (state, memory) }
        return memory
    }

    // MARK: - After a crash

    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String] {
        isRunning.withLock { $0 = false }
        looks.withLock { $0.backlog = nil }
        guard let directory = try files.openIfPresent() else { return [] }
        var notes = try files.recover(directory, isStored: isStored) { _, _ throws(BackupError) in
            try advanceMemory(directory)
        }
        // Of a run that was taken back, or had not come to the state.
        try directory.removeFile(LogMemory.next)
        try directory.removeFile(LogMemory.next + ".tmp")
        notes += try files.repair(directory) {}
        return notes + (try disposeOfStored(directory))
    }

    /// May be done again after a crash at any point of it.
    func advanceMemory(_ directory: Directory) throws(BackupError) {
        guard try directory.status(LogMemory.next) != nil else { return }
        try directory.rename(LogMemory.next, to: LogMemory.current)
        files.afterStep(LogMemory.current)
        try directory.sync()
    }

    /// Deletes or cuts files that are stored and that could not be deleted or cut then.
    private func disposeOfStored(_ directory: Directory) throws(BackupError) -> [String] {
        let memory = try memory(directory)
        var notes: [String] = []
        for file in survey().files where file.input.afterStore != .keep && memory.entry(file) != nil {
            notes += disposal(file).dispose()
        }
        return notes
    }

    // MARK: - What

    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun {
        let directory = try files.open()
        if try files.hasUnfinishedRun(directory) { throw .unfinishedRun(name) }
        let state = try files.state(directory)
        var memory = try memory(directory)
        let (readiness, backlog) = readiness(of: source, memory, now, isCertain: true)
        guard let ready = readiness.ready[source] else {
            throw .nothingToStore(source, readiness.waiting[source], backlog.survey.problems)
        }
        let file = ready.file
        let place = try Directory(path: file.input.directory.isEmpty ? "/" : file.input.directory)
        let opened = try place.openFile(file.name)
        // Between the look and now somebody may have rotated: the next look sees what is there.
        guard LogFileState(try opened.status()) == file.state else { throw .fileReplaced(file.path) }
        backlog.clean(&memory)
        let why = scheduled(ready, now).reason
        isRunning.withLock { $0 = true }
        return LogfileRun(
            unit: self, file: file, opened: opened, timestamp: file.timestamp(now), state: state, memory: memory,
            directory: directory, reason: type == .inc ? why + "; log files are full backups only" : why)
    }

    /// The run that was prepared has ended.
    func ended() { isRunning.withLock { $0 = false } }

    func disposal(_ file: LogFile) -> LogDisposal {
        LogDisposal(file, openFiles: openFiles, afterStep: files.afterStep) { [self] end in disposed(file, end) }
    }

    func endRound(now: Timestamp) throws(BackupError) -> [String] {
        let result = isRunning.withLock { isRunning -> Result<[String], BackupError> in
            guard !isRunning else { return .success([]) }
            do throws(BackupError) { return .success(try endRoundAlone(now)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func endRoundAlone(_ now: Timestamp) throws(BackupError) -> [String] {
        let directory = try files.open()
        guard try !files.hasUnfinishedRun(directory) else { return [] }
        let notes = try disposeOfStored(directory)
        looks.withLock { $0.backlog = nil }
        var state = try files.state(directory)
        // What is worse than a good state is not written over it; `recover` repairs first.
        guard state.fallback == nil else { return notes }
        state.lastLook = now
        try files.replace(state, directory)
        return notes
    }
}
