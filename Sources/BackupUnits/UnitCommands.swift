import BackupConfig
import BackupModel
import BackupPipeline
import Glibc

/// What runs of all kinds of units share.
enum UnitCommands {
    /// The stage that runs `command` as given.
    static func stage(
        _ name: String, _ command: [String], environment: [String: String], workingDirectory: String? = nil,
        acceptedStatuses: Set<Int32> = [0], timeout: TimeSpan? = nil, library: String?
    ) -> ProcessStage {
        var program = command[0]
        // A path below the working directory: made absolute, so that nobody has to know who resolves it, and when.
        if program.contains("/"), !program.hasPrefix("/") { program = (workingDirectory ?? "") + "/" + program }
        var stage = ProcessStage(
            name: name, executable: program, arguments: Array(command.dropFirst()), environment: environment,
            workingDirectory: workingDirectory, acceptedStatuses: acceptedStatuses, timeout: timeout)
        stage.libraryDirectory = library
        return stage
    }

    /// Checks that the program of `stage` is there and may be executed.
    static func checkProgram(_ stage: ProcessStage, _ source: SourceURL, key: String) throws(BackupError) {
        let program = stage.executable
        if let library = stage.libraryDirectory, !program.contains("/"), isThere(library + "/" + program) {
            _ = try stage.locateProgram()
            return
        }
        if program.contains("/") {
            guard isExecutable(program) else { throw .programMissing(source, key, program, searched: nil) }
            return
        }
        let search = stage.environment["PATH"] ?? getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        for directory in search.split(separator: ":") where isExecutable(directory + "/" + program) { return }
        throw .programMissing(source, key, program, searched: search)
    }

    private static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Lines that are shown of what a program said.
    static let shownLines = 20

    /// The lines of `text`, safe to be shown, and how many more there were.
    static func lines(_ text: String) -> [String] {
        let lines = text.split { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
        var shown = lines.prefix(shownLines).map { String($0).escapedForMessage }
        if lines.count > shownLines { shown.append("… and \(lines.count - shownLines) more lines") }
        return shown
    }
}
