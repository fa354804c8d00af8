import BackupConfig
import BackupModel
import BackupSystem

/// How a directory was at one moment. Whoever adds a name to it, removes or changes one, makes it another.
struct LogStamp: Sendable, Hashable {
    private let identity: FileIdentity
    private let modified: Timestamp
    /// Nanoseconds.
    private let modifiedFraction: Int64

    init(_ directory: Directory) throws(BackupError) {
        let status = try directory.descriptor.status()
        identity = status.identity
        modified = status.modified
        modifiedFraction = status.modifiedFraction
    }

    /// Whether the next change can have the same time: clocks of file systems are coarse.
    ///
    /// - Parameter seconds: the coarsest that there is.
    func isRecent(_ now: Timestamp, within seconds: Int64) -> Bool { (now - modified).seconds < seconds }
}

/// For how long what a look has found may be used; tests have their own.
struct LogLookLimits: Sendable {
    /// Seconds after which all is looked at again, whatever the directories say.
    var age = 10.0
    /// Seconds for which a directory must have rested, if others have changed it.
    var rest: Int64 = 2
}

/// What a look has found, and what of it is left: so not every file is looked at again for each one that is stored.
///
/// It holds as long as nobody but us changes the directories. What we delete ourselves is followed. A file that is written to
/// changes no directory: whoever takes one looks at it once more.
struct LogBacklog: Sendable {
    let survey: LogSurvey
    /// The files of each source that has an order, which are to be stored: oldest first.
    private var waiting: [SourceURL: ArraySlice<LogFile>] = [:]
    private var stamps: [String: LogStamp]
    /// By the clock that nobody sets.
    private let made: Double
    private let isSettled: Bool
    /// Whether files that are not there any more may be remembered as stored.
    private var mayRememberGone = true
    /// Those that have gone since, or are empty, and may be remembered still.
    private var gone: [LogFile] = []

    /// - Parameter own: how we have left the directories.
    init(_ survey: LogSurvey, _ memory: LogMemory, own: [String: LogStamp], _ limits: LogLookLimits) {
        self.survey = survey
        stamps = survey.stamps
        made = SystemClock.monotonic()
        let now = SystemClock().now()
        isSettled = survey.stamps.allSatisfy { path, stamp in
            own[path] == stamp || !stamp.isRecent(now, within: limits.rest)
        }
        for (source, files) in survey.sources {
            guard case .success(let files) = files else { continue }
            // Nothing is in an empty file, and nothing would be lost with it.
            waiting[source] = files.filter { $0.state.size > 0 && memory.entry($0) == nil }[...]
        }
    }

    /// The files of a source that are to be stored. Two names of one file are stored once.
    func files(of source: SourceURL, _ memory: LogMemory) -> ArraySlice<LogFile> {
        (waiting[source] ?? []).drop { memory.entry($0) != nil }
    }

    /// Whether the directories are as they were.
    func holds(_ limits: LogLookLimits) -> Bool {
        guard isSettled, SystemClock.monotonic() - made < limits.age else { return false }
        return stamps.allSatisfy { path, stamp in
            guard let directory = try? Directory(path: path.isEmpty ? "/" : path) else { return false }
            return (try? LogStamp(directory)) == stamp
        }
    }

    // MARK: - What becomes of the files

    /// A file is stored, and the memory that says so was cleaned by ``clean(_:)``.
    mutating func stored(_ file: LogFile) {
        mayRememberGone = false
        gone = []
        guard let files = waiting[file.source] else { return }
        waiting[file.source] = files.first?.isSame(as: file) == true ? files.dropFirst() : files
    }

    /// We have deleted or cut a file that is stored.
    mutating func disposed(_ file: LogFile, _ end: LogDisposal.End) {
        if case .deleted(let before, let after) = end, stamps[file.input.directory] == before {
            stamps[file.input.directory] = after
        }
        // It may be there under another name still.
        if file.linkCount == 1 { gone.append(file) }
    }

    /// Makes the memory forget what is not there any more.
    func clean(_ memory: inout LogMemory) {
        if mayRememberGone { memory.keep(survey.files, in: survey.directories) }
        for file in gone { memory.forget(file) }
    }
}

extension LogFile {
    /// Whether another look has found the same.
    fileprivate func isSame(as other: LogFile) -> Bool { name == other.name && state == other.state }

    /// Whether it is as it was found.
    func isUnchanged() -> Bool {
        guard let directory = try? Directory(path: input.directory.isEmpty ? "/" : input.directory),
            let status = try? directory.status(name)
        else { return false }
        return LogFileState(status) == state && status.identity == identity && status.changed == changed
    }
}
