import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Glibc

/// Starts a program that is a unit: with which environment, for how long, and what becomes of its answers.
struct ProgramCaller: Sendable {
    let unit: String
    let settings: ProgramSettings
    let library: String?
    /// The program's own directory.
    let scratch: String

    /// As `sysexits.h` has them: EX_TEMPFAIL and EX_CONFIG.
    private static let meanings: [Int32: BackupError.Code] = [75: .busy, 78: .configuration]

    /// The path of the program; it is there and may be run.
    ///
    /// - Throws: `programMissing`; `permission` when others could change what root runs.
    func locate() throws(BackupError) -> String {
        var stage = ProcessStage(name: "the unit's program", executable: settings.program, arguments: [])
        stage.libraryDirectory = library
        let path = try stage.locateProgram()
        for place in [path] + (settings.link.map { [$0] } ?? []) { try TrustedProgram.check(place) }
        return path
    }

    /// Which file the program is; another one may give other answers.
    static func identity(_ path: String) -> [Int64] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        let time = status.st_ctim
        return [
            Int64(bitPattern: UInt64(status.st_ino)), Int64(time.tv_sec), Int64(time.tv_nsec), Int64(status.st_size),
        ]
    }

    // MARK: - Calls

    /// The stage of one call.
    ///
    /// - Parameter variables: of the protocol, those that every call has excepted.
    func stage(
        _ path: String, _ arguments: [String], _ variables: [String: String], timeout: TimeSpan?
    ) -> ProcessStage {
        var environment = ["PATH": Self.variable("PATH") ?? Self.defaultPath, "LC_ALL": "C"]
        for name in ["HOME", "TZ"] { environment[name] = Self.variable(name) }
        environment.merge(settings.environment) { _, configured in configured }
        environment["GB_PROTOCOL"] = "\(ProgramDescription.protocolVersion)"
        environment["GB_UNIT"] = unit
        environment["GB_PREFIX"] = settings.prefix?.description ?? ""
        environment["GB_SETTINGS"] = JSONValue.object(settings.settings).compactText
        environment["GB_STATE_DIRECTORY"] = scratch
        environment.merge(variables) { _, own in own }
        var stage = ProcessStage(
            name: path, executable: path, arguments: arguments, environment: environment, timeout: timeout)
        stage.inheritsEnvironment = false
        stage.meanings = Self.meanings
        return stage
    }

    private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    func makeScratch() throws(BackupError) { _ = try Directory(path: scratch, create: true) }

    /// Asks the program a question.
    ///
    /// - Returns: its standard output, at most one byte more than an answer may have; the lines of its standard error.
    /// - Throws: `busy` when it says that it is not possible now; `timedOut`, `processFailed`.
    func ask(
        _ path: String, _ arguments: [String], _ variables: [String: String] = [:], input: [UInt8]? = nil
    ) async throws(BackupError) -> (answer: [UInt8], lines: [String]) {
        var stage = stage(path, arguments, variables, timeout: settings.callTimeout)
        stage.standardInput = input
        let ended = await Pipeline(
            input: .nothing, stages: [.process(stage)], output: .prefix(limit: ProgramAnswer.limit + 1),
            stallTimeout: nil
        ).run()
        let result = try ended.result.get()
        return (result.prefix, UnitCommands.lines(ended.reports.first?.standardError ?? ""))
    }

    /// How long a program has for what it is told, once nobody wants to wait any more.
    private static let lastGrace = Duration.seconds(5)

    /// Tells the program something; what it answers does not matter. When the task is cancelled it has a little time left,
    /// since it may have something to clean up; with ``Haste`` it has none.
    ///
    /// - Returns: what went wrong with it, for the journal.
    func tell(_ path: String, _ arguments: [String], _ variables: [String: String]) async -> [String] {
        let stage = stage(path, arguments, variables, timeout: settings.callTimeout)
        let telling = Task {
            await Pipeline(input: .nothing, stages: [.process(stage)], output: .nothing, stallTimeout: nil).run()
        }
        let ended = await withTaskCancellationHandler {
            await telling.value
        } onCancel: {
            Task {
                try? await Task.sleep(for: Self.lastGrace)
                telling.cancel()
            }
        }
        var notes = UnitCommands.lines(ended.reports.first?.standardError ?? "")
        if case .failure(let error) = ended.result {
            notes.append(BackupError.hintFailed(path, arguments.joined(separator: " "), error).description)
        }
        return notes
    }
}
