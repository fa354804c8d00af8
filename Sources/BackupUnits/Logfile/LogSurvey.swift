import BackupConfig
import BackupModel
import BackupSystem

/// What lies in the directories of a unit at one moment. Looks only.
struct LogSurvey: Sendable {
    /// The files of a source, oldest first, or why they have no order.
    private(set) var sources: [SourceURL: Result<[LogFile], BackupError>] = [:]
    /// All files that were found, of whatever source.
    private(set) var files: [LogFile] = []
    /// The directories that could be listed.
    private(set) var directories: Set<String> = []
    /// How these directories were just before that.
    private(set) var stamps: [String: LogStamp] = [:]
    /// Inputs that cannot be looked into.
    private(set) var problems: [BackupError] = []
    /// What is passed over, as sentences.
    private(set) var notices: [String] = []

    /// More names than anybody keeps in a directory of log files.
    private static let maximumNames = 100_000
    /// Of an input; how many more there are is said.
    private static let shownNotices = 10

    init(_ matchers: [LogMatcher]) {
        var failed: Set<String> = []
        for matcher in matchers {
            do throws(BackupError) { try look(matcher) } catch {
                problems.append(.inputUnusable(matcher.input, error))
                failed.insert(matcher.input.directory)
            }
        }
        directories.subtract(failed)
        for (source, files) in Dictionary(grouping: files, by: \.source) {
            sources[source] = Result { () throws(BackupError) in try LogOrder.sorted(files) }
        }
    }

    private mutating func look(_ matcher: LogMatcher) throws(BackupError) {
        let input = matcher.input
        let directory = try Directory(path: input.directory.isEmpty ? "/" : input.directory)
        let stamp = try LogStamp(directory)
        var names: [String] = []
        var inexact: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard names.count < Self.maximumNames else { throw .tooManyNames(Self.maximumNames) }
            if entry.isExact { names.append(entry.name) } else { inexact.append(entry.name) }
        }
        var passedOver: [String] = []
        if let example = inexact.min() {
            passedOver.append(
                "\(inexact.count) names are no UTF-8, for example \"\(example.escapedForMessage)\": the pattern is not "
                    + "asked about them")
        }
        // In the order of their names: what is said of them must not change with that of the file system.
        for match in try matcher.matches(names.sorted()) {
            do throws(BackupError) {
                // Gone since: somebody rotates.
                guard let status = try directory.status(match.name) else { continue }
                guard status.kind == .regular else { throw .notAFile(status.kindName) }
                files.append(try LogFile(match, input, status))
            } catch {
                passedOver.append("\"\(match.name.escapedForMessage)\": \(error)")
            }
        }
        directories.insert(input.directory)
        stamps[input.directory] = stamps[input.directory] ?? stamp
        let place = "\((input.directory + "/").escapedForMessage) (inputs.\(input.name))"
        notices += passedOver.prefix(Self.shownNotices).map { "passed over in \(place): \($0)" }
        if passedOver.count > Self.shownNotices {
            notices.append("passed over in \(place): \(passedOver.count - Self.shownNotices) more")
        }
    }
}

/// What can be done now with the sources of a look, and what cannot.
struct LogReadiness: Sendable {
    /// A source whose oldest file can be stored.
    struct Ready: Sendable {
        let file: LogFile
        /// Files of the source that are to be stored, this one included.
        let count: Int
    }

    private(set) var ready: [SourceURL: Ready] = [:]
    /// Why nothing of a source can be stored now, as a sentence.
    private(set) var waiting: [SourceURL: String] = [:]
    private(set) var notices: [String] = []

    /// - Parameter only: looks at this source alone; `nil` for all.
    init(
        _ backlog: LogBacklog, _ memory: LogMemory, now: Timestamp, only: SourceURL? = nil,
        openFiles: (Set<FileIdentity>) -> OpenFiles
    ) {
        var candidates: [Ready] = []
        for source in only.map({ [$0] }) ?? backlog.survey.sources.keys.sorted() {
            switch backlog.survey.sources[source] {
            case nil: continue
            case .failure(let error):
                waiting[source] = "skipped: \(error)"
                notices.append("\(source) is skipped: \(error)")
            case .success(let files):
                let rest = backlog.files(of: source, memory)
                guard let first = rest.first else {
                    waiting[source] = files.isEmpty ? "no file is there" : "all files are stored already, or empty"
                    continue
                }
                if let time = first.unsettled(now) {
                    waiting[source] =
                        "\(first.name.escapedForMessage) was changed \(first.input.settle.seconds - time.seconds) s "
                        + "ago, and must rest for \(first.input.settle)"
                } else {
                    candidates.append(Ready(file: first, count: rest.count))
                }
            }
        }
        judge(candidates, openFiles(Set(candidates.map(\.file.identity))))
    }

    /// Only what nobody writes is taken.
    private mutating func judge(_ candidates: [Ready], _ open: OpenFiles) {
        for candidate in candidates {
            let file = candidate.file
            if let writer = open.writers[file.identity] {
                waiting[file.source] = "\(file.name.escapedForMessage) is open for writing by \(writer)"
                continue
            }
            if let reason = open.blindSpot {
                let decision =
                    file.input.whenUnknown == .take
                    ? "files are taken all the same, as when_unknown of inputs.\(file.input.name) says"
                    : "files of inputs.\(file.input.name) are not taken; run as root, or set when_unknown: take"
                let notice = "who has files open for writing cannot be told (\(reason.escapedForMessage)): \(decision)"
                if !notices.contains(notice) { notices.append(notice) }
                if file.input.whenUnknown == .wait {
                    waiting[file.source] =
                        "it cannot be told who has \(file.name.escapedForMessage) open for writing"
                    continue
                }
            }
            ready[file.source] = candidate
        }
    }
}
