import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// A directory for one test, removed with all its contents at the end.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "units-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = try #require(made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return path + "/" + name
    }
}

struct Outcome {
    let status: Int32
    let output: Data
    let errors: String
}

/// Runs a program to its end. `output` is a file for its standard output, `input` one for its standard input.
func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], workingDirectory: String = "/",
    input: String = "/dev/null", output: String? = nil
) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program.hasPrefix("/") ? program : "/usr/bin/env")
    process.arguments = program.hasPrefix("/") ? arguments : [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
        .merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: workingDirectory)
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: input))
    let scratch = try Scratch()
    let paths = (output ?? scratch.path + "/out", scratch.path + "/err")
    for path in [paths.0, paths.1] { #expect(FileManager.default.createFile(atPath: path, contents: nil)) }
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: paths.0))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: paths.1))
    try process.run()
    process.waitUntilExit()
    let errors = try String(decoding: Data(contentsOf: URL(fileURLWithPath: paths.1)), as: UTF8.self)
    let bytes = output == nil ? try Data(contentsOf: URL(fileURLWithPath: paths.0)) : Data()
    return Outcome(status: process.terminationStatus, output: bytes, errors: errors)
}

func run(_ stage: ProcessStage, output: String? = nil) throws -> Outcome {
    try run(
        stage.executable, stage.arguments, environment: stage.environment,
        workingDirectory: stage.workingDirectory ?? "/",
        output: output)
}

@discardableResult
func shell(_ script: String, in directory: String) throws -> String {
    let outcome = try run("/bin/bash", ["-c", script], workingDirectory: directory)
    #expect(outcome.status == 0, "\(script): \(outcome.errors)")
    return String(decoding: outcome.output, as: UTF8.self)
}

extension UnitDirectory {
    /// A file of the unit as text; `nil` when there is none.
    func text(_ name: String) -> String? { try? String(contentsOfFile: path + "/" + name, encoding: .utf8) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    func write(_ text: String, to name: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
    }
}

// MARK: - Settings

let noTiming = TimingSetting(
    minimum: TimeSpan(seconds: 1), maximum: TimeSpan(seconds: 1), modulus: nil, offset: .zero)
let daily = TimingSetting(
    minimum: TimeSpan(seconds: 20 * 3600), maximum: TimeSpan(seconds: 28 * 3600), modulus: TimeSpan(seconds: 86400),
    offset: TimeSpan(seconds: 7200))
let weekly = TimingSetting(
    minimum: TimeSpan(seconds: 6 * 86400 + 20 * 3600), maximum: TimeSpan(seconds: 7 * 86400 + 4 * 3600),
    modulus: TimeSpan(seconds: 7 * 86400), offset: TimeSpan(seconds: 7200))

func tarSource(
    _ url: String, root: String, include: [String] = ["."], exclude: [String] = [], ignoreRaces: Bool = false,
    xattrs: Bool = true, full: TimingSetting = weekly, inc: TimingSetting? = daily, fullCommand: [String]? = nil,
    incCommand: [String]? = nil, preCommand: [String]? = nil, keep: Int = 0
) throws -> TarSourceSettings {
    TarSourceSettings(
        source: try SourceURL(url), root: root, include: include, exclude: exclude, preCommand: preCommand,
        postCommand: nil, ignoreRaces: ignoreRaces, xattrs: xattrs, oneFileSystem: false, fullTiming: full,
        incTiming: inc,
        fullCommand: fullCommand, incCommand: incCommand, keepIndices: keep, policies: ["default"], encryption: .none)
}

func configuration(_ kind: UnitKind, name: String = "Unit") -> UnitConfiguration {
    UnitConfiguration(
        name: name, definition: "/usr/lib/unit", kind: kind,
        pipeline: PipelineSettings(compression: .none, encryption: .none, stallTimeout: TimeSpan(seconds: 60)),
        runConditions: nil)
}

func expectError<Value>(
    _ code: BackupError.Code, mentions words: [String], _ body: () throws -> Value,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        _ = try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as BackupError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for word in words where !error.description.contains(word) {
            Issue.record("\"\(word)\" is not in: \(error)", sourceLocation: sourceLocation)
        }
    } catch { Issue.record(error, sourceLocation: sourceLocation) }
}

/// A unit with a storage that only remembers UUIDs.
final class Bench: Sendable {
    let scratch: Scratch
    let unit: any BackupUnit
    let files: UnitDirectory
    /// In the order in which they were stored.
    let elements = Mutex<[(source: SourceURL, uuid: ElementUUID, predecessor: ElementUUID?, type: BackupType)]>([])

    init(
        _ kind: UnitKind, in scratch: Scratch, excluded: [String] = [],
        compress: (@Sendable () throws(BackupError) -> any ByteTransform)? = nil,
        afterStep: (@Sendable (String) -> Void)? = nil, configure: (inout UnitContext) -> Void = { _ in }
    ) throws {
        self.scratch = scratch
        var context = UnitContext(
            stateDirectory: scratch.path + "/state", excludedDirectories: excluded, tarVersion: "GNU tar 1.34",
            compressIndex: compress)
        context.afterStep = afterStep
        configure(&context)
        unit = try BackupUnits.make(configuration(kind), context: context)
        let form: StateForm = if case .logfile = kind { .looks } else { .runs }
        files = UnitDirectory("Unit", context, form: form)
    }

    func isStored(_ source: SourceURL, _ uuid: ElementUUID) -> Bool {
        elements.withLock { $0.contains { $0.source == source && $0.uuid == uuid } }
    }

    func add(_ run: any UnitRun, _ uuid: ElementUUID) {
        elements.withLock { $0.append((run.source, uuid, run.predecessor, run.type)) }
    }

    func recover() throws -> [String] {
        try unit.recover { source, uuid throws(BackupError) in self.isStored(source, uuid) }
    }

    /// A whole run with the real producer; its output goes to `output`.
    @discardableResult
    func run(_ source: String, type: BackupType? = nil, at now: Int64, output: String? = nil) throws -> any UnitRun {
        let run = try unit.prepare(try SourceURL(source), type: type, now: Timestamp(now))
        let stage = try #require(run.producer.process)
        let outcome = try BackupUnitsTests.run(stage, output: output)
        #expect(stage.acceptedStatuses.contains(outcome.status), "\(outcome.errors)")
        let uuid = run.uuid(checksum: [UInt8](repeating: UInt8(truncatingIfNeeded: now), count: 64))
        try run.willStore(uuid)
        add(run, uuid)
        try run.stored()
        return run
    }
}
