import BackupModel
import BackupSystem
import BackupTestKit
import Glibc
import Synchronization
import Testing

@testable import BackupPipeline

/// A directory that goes with its owner.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/pipeline-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        _ = shell("rm -rf '\(path)'")
    }

    func create(_ name: String) throws -> OwnedDescriptor {
        let full = path + "/" + name
        return OwnedDescriptor(
            try systemCall("create", full) { Glibc.open(full, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) },
            name: full)
    }

    func open(_ name: String) throws -> OwnedDescriptor { try openAny(path + "/" + name, O_RDONLY) }

    /// Writes a file of `size` pseudo-random bytes, the same for the same seed.
    func write(_ name: String, size: Int, seed: UInt64 = 1) throws {
        let file = try create(name)
        var generator = SeededGenerator(seed: seed)
        var left = size
        while left > 0 {
            let chunk = (0..<(min(left, 1 << 20) + 7) / 8).map { _ in generator.next() }
            let bytes = chunk.withUnsafeBytes { Array($0.prefix(min(left, 1 << 20))) }
            try file.write(bytes)
            left -= bytes.count
        }
        file.close()
    }

    func read(_ name: String) throws -> [UInt8] {
        let file = try self.open(name)
        defer { file.close() }
        return try file.readAll(limit: 200 << 20)
    }

    /// What `sha512sum` says of a file.
    func sum(_ name: String) throws -> String {
        String(try #require(capture("sha512sum '\(path)/\(name)'").split(separator: " ").first))
    }
}

func openAny(_ path: String, _ flags: CInt) throws -> OwnedDescriptor {
    OwnedDescriptor(try systemCall("open", path) { Glibc.open(path, flags | O_CLOEXEC) }, name: path)
}

func shell(_ command: String) -> CInt { system(command) }

func capture(_ command: String) -> String {
    guard let stream = popen(command, "re") else { return "" }
    defer { pclose(stream) }
    var text: [UInt8] = []
    while true {
        let byte = getc(stream)
        if byte == EOF { return String(decoding: text, as: UTF8.self) }
        text.append(UInt8(truncatingIfNeeded: byte))
    }
}

func hex(_ bytes: [UInt8]?) -> String {
    (bytes ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

// MARK: - Stages

extension Stage {
    static func run(
        _ executable: String, _ arguments: String..., accepted: Set<Int32> = [0], timeout: TimeSpan? = nil
    ) -> Stage {
        .process(
            ProcessStage(
                name: executable, executable: executable, arguments: arguments, acceptedStatuses: accepted,
                timeout: timeout))
    }

    static func sh(_ script: String, name: String = "sh", timeout: TimeSpan? = nil) -> Stage {
        .process(ProcessStage(name: name, executable: "sh", arguments: ["-c", script], timeout: timeout))
    }

    static let copying = Stage.transform(name: "copy") { () throws(BackupError) in CopyTransform() }

    static func failing(_ place: FailingTransform.Place) -> Stage {
        .transform(name: "faulty") { () throws(BackupError) in try FailingTransform(place) }
    }
}

struct CopyTransform: ByteTransform {
    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) { try emit(input) }
    mutating func finish(emit: Emit) throws(BackupError) {}
}

struct FailingTransform: ByteTransform {
    enum Place: CaseIterable { case start, middle, finish }
    private let place: Place
    private var seen = 0

    init(_ place: Place) throws(BackupError) {
        self.place = place
        if place == .start { throw BackupError(.keyUnusable, "it does not start") }
    }

    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        seen += input.count
        if place == .middle, seen > 300_000 { throw BackupError(.damaged, "byte 300000 is bad") }
        try emit(input)
    }

    mutating func finish(emit: Emit) throws(BackupError) {
        if place == .finish { throw BackupError(.damaged, "the end is bad") }
    }
}

// MARK: - Outcomes

extension PipelineOutcome {
    var error: BackupError? {
        if case .failure(let error) = result { return error }
        return nil
    }

    func failure() throws -> BackupError { try #require(error, "it should have failed") }
    func value() throws -> PipelineResult { try result.get() }
}

func run(
    _ input: PipelineInput = .nothing, _ stages: [Stage], _ output: PipelineOutput = .nothing,
    stall: TimeSpan? = nil, timings: PipelineTimings = .quick
) async -> PipelineOutcome {
    var pipeline = Pipeline(input: input, stages: stages, output: output, stallTimeout: stall)
    pipeline.timings = timings
    return await pipeline.run()
}

extension PipelineTimings {
    /// For tests in which nothing needs long to end.
    static let quick = PipelineTimings(settle: 0.5, terminationGrace: 1, heldOutputGrace: 1, inputEndGrace: 1)
}

/// All tests of pipelines; each has a limit, since what they try may hang.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PipelineTests {}
