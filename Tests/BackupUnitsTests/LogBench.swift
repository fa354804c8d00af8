import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// A directory of log files with a unit that looks at it.
final class LogBench: Sendable {
    let scratch: Scratch
    let bench: Bench
    var logs: String { scratch.path + "/logs" }
    /// What the unit is told about who has files open; `nil` for what is so.
    let open = Mutex<OpenFiles?>(OpenFiles.writers(of: []))

    static let pattern =
        #"([a-z]+)(?:\.(?<oldserial>[0-9]+)|-(?<serial>[0-9.-]+))?(?:\.(?<compress>gz|bz2|xz|zst|lz))?"#

    static func input(
        _ directory: String, _ name: String = "a", pattern: String = LogBench.pattern, source: String? = "/h/\\1",
        after: LogfileInputSettings.AfterStore = .keep, settle: Int64 = 0,
        unknown: LogfileInputSettings.WhenUnknown = .wait
    ) throws -> LogfileInputSettings {
        LogfileInputSettings(
            name: name, directory: directory, pattern: pattern,
            source: try LogSourceTemplate(source, directory: directory, groups: try LogPattern.groups(of: pattern)),
            afterStore: after, settle: TimeSpan(seconds: settle), whenUnknown: unknown, policies: ["p"],
            encryption: .none)
    }

    static let hourly = TimingSetting(
        minimum: TimeSpan(seconds: 600), maximum: TimeSpan(seconds: 7200), modulus: TimeSpan(seconds: 3600),
        offset: .zero)

    convenience init(
        _ scratch: Scratch? = nil, pattern: String = LogBench.pattern, source: String? = "/h/\\1",
        after: LogfileInputSettings.AfterStore = .keep, settle: Int64 = 0,
        unknown: LogfileInputSettings.WhenUnknown = .wait, afterStep: (@Sendable (String) -> Void)? = nil,
        patience: Int32 = LogMatcher.defaultPatience, looks: LogLookLimits = LogBench.alwaysAnew,
        afterLook: (@Sendable (Int) -> Void)? = nil
    ) throws {
        let scratch = try scratch ?? Scratch()
        let input = try Self.input(
            try scratch.directory("logs"), pattern: pattern, source: source, after: after, settle: settle,
            unknown: unknown)
        try self.init(
            scratch, [input], afterStep: afterStep, patience: patience, looks: looks, afterLook: afterLook)
    }

    /// What tests change in the tick of a clock, the unit could take for its own work.
    static let alwaysAnew = LogLookLimits(age: 0)

    init(
        _ scratch: Scratch, _ inputs: [LogfileInputSettings], afterStep: (@Sendable (String) -> Void)? = nil,
        patience: Int32 = LogMatcher.defaultPatience, looks: LogLookLimits = LogBench.alwaysAnew,
        afterLook: (@Sendable (Int) -> Void)? = nil
    ) throws {
        self.scratch = scratch
        let holder = Holder()
        bench = try Bench(
            .logfile(LogfileSettings(timing: Self.hourly, inputs: inputs)), in: scratch, afterStep: afterStep
        ) { context in
            context.matchPatience = patience
            context.lookLimits = looks
            context.afterLook = afterLook
            context.openFiles = { files in holder.bench?.open.withLock { $0 } ?? OpenFiles.writers(of: files) }
        }
        holder.set(self)
    }

    /// The unit is made before the bench that tells it who has files open.
    private final class Holder: Sendable {
        private let state = Mutex<Weak>(Weak())
        private struct Weak: Sendable { weak var bench: LogBench? }
        var bench: LogBench? { state.withLock { $0.bench } }
        func set(_ bench: LogBench) { state.withLock { $0.bench = bench } }
    }

    /// The moment of the tests: later than that of the files they make.
    static let now = Timestamp(Int64(time(nil)) + 1000)

    /// Files with these names; the contents are the name.
    func write(_ names: String...) throws {
        for name in names { try write(name, text: name) }
    }

    func write(_ name: String, text: String, at time: Int64? = nil) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: logs + "/" + name))
        if let time { try shell("touch -d @\(time) -- '\(name)'", in: logs) }
    }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: logs)) ?? []).sorted() }

    func outlook(_ now: Timestamp = LogBench.now) throws -> UnitOutlook { try bench.unit.outlook(now: now) }

    /// The reason for which a source waits.
    func waits(_ source: String, _ now: Timestamp = LogBench.now) throws -> String? {
        let url = try SourceURL(source)
        return try outlook(now).waiting.first { $0.source == url }?.reason
    }

    func prepare(_ source: String, now: Timestamp = LogBench.now) throws -> any UnitRun {
        try bench.unit.prepare(try SourceURL(source), type: nil, now: now)
    }

    /// The bytes that a run reads.
    static func contents(_ run: any UnitRun) throws -> String {
        guard case .file(let file, _) = run.producer else { throw BackupError(.failed, "no file") }
        return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
    }

    /// A whole run; nothing is compressed or encrypted.
    @discardableResult
    func store(_ run: any UnitRun) throws -> (contents: String, uuid: ElementUUID, notes: [String]) {
        let contents = try Self.contents(run)
        try run.checkProduced()
        // Any 64 bytes that depend on the contents.
        var checksum = [UInt8](repeating: 0, count: 64)
        for (index, byte) in contents.utf8.enumerated() { checksum[index % 64] = checksum[index % 64] &* 31 &+ byte }
        let uuid = run.uuid(checksum: checksum)
        try run.willStore(uuid)
        bench.add(run, uuid)
        try run.stored()
        return (contents, uuid, run.finish())
    }

    @discardableResult
    func store(_ source: String, now: Timestamp = LogBench.now) throws -> String {
        try store(try prepare(source, now: now)).contents
    }

    /// Everything of a source that can be stored, in order.
    func storeAll(_ source: String, now: Timestamp = LogBench.now) throws -> [String] {
        var all: [String] = []
        let url = try SourceURL(source)
        while try bench.unit.next(of: url, now: now) != nil { all.append(try store(source, now: now)) }
        return all
    }
}
