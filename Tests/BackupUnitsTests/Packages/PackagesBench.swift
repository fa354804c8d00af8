import BackupConfig
import BackupModel
import BackupPackages
import BackupPipeline
import BackupSystem
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// A root directory with the log and the database of dpkg, and a unit that follows them.
final class PackagesBench {
    let scratch: Scratch
    let logs: String
    private(set) var unit: any BackupUnit
    /// What the storage holds, in order.
    private(set) var elements: [Element] = []
    /// What the unit is told about who has files open.
    let open = Shared()

    struct Element {
        let source: SourceURL
        let type: BackupType
        let uuid: ElementUUID
        let predecessor: ElementUUID?
        let bytes: [UInt8]
        let notes: [String]
        let events: [UnitEvent]
    }

    final class Shared: Sendable {
        let openFiles = Mutex<@Sendable (Set<FileIdentity>) -> OpenFiles>({ _ in OpenFiles.writers(of: []) })
        let afterStep = Mutex<@Sendable (String) -> Void>({ _ in })
    }

    static let log = try? SourceURL("/h/packages/log")
    static let state = try? SourceURL("/h/packages/state")
    static let machine = "01234567-89ab-4cde-8f01-23456789abcd"

    init(manager: String? = "dpkg", log: String? = nil, incTiming: TimingSetting? = daily) throws {
        scratch = try Scratch()
        logs = try scratch.directory("root/var/log")
        _ = try scratch.directory("root/var/lib/dpkg")
        let settings = PackagesSettings(
            logSource: try SourceURL("/h/packages/log"), stateSource: try SourceURL("/h/packages/state"),
            manager: manager, root: scratch.path + "/root", log: log, fullTiming: weekly, incTiming: incTiming,
            policies: ["p"], encryption: .none)
        self.settings = settings
        unit = try Self.make(settings, scratch, open)
        try writeDatabase()
    }

    private var settings: PackagesSettings

    /// Lets the unit follow another system, one that is as it was made.
    func change(root name: String) throws {
        _ = try scratch.directory(name + "/var/log")
        _ = try scratch.directory(name + "/var/lib/dpkg")
        try shell("touch \(name)/var/log/dpkg.log \(name)/var/lib/dpkg/status", in: scratch.path)
        settings = PackagesSettings(
            logSource: settings.logSource, stateSource: settings.stateSource, manager: settings.manager,
            root: scratch.path + "/" + name, log: settings.log, fullTiming: settings.fullTiming,
            incTiming: settings.incTiming, policies: settings.policies, encryption: settings.encryption)
        _ = try restart()
    }

    private static func make(
        _ settings: PackagesSettings, _ scratch: Scratch, _ shared: Shared
    ) throws -> any BackupUnit {
        var context = UnitContext(stateDirectory: scratch.path + "/state")
        context.afterStep = { step in shared.afterStep.withLock { $0 }(step) }
        context.openFiles = { files in shared.openFiles.withLock { $0 }(files) }
        context.machine = { () throws(BackupError) in machine }
        return try BackupUnits.make(configuration(.packages(settings)), context: context)
    }

    /// As after a start of the program.
    func restart() throws -> [String] {
        unit = try Self.make(settings, scratch, open)
        let stored = elements.map { ($0.source, $0.uuid) }
        return try unit.recover { source, uuid throws(BackupError) in stored.contains { $0 == source && $1 == uuid } }
    }

    func forgetLastElement() { elements.removeLast() }

    // MARK: - Running

    func prepare(_ source: SourceURL?, type: BackupType? = .inc, at now: Int64 = 1_700_000_000) throws -> any UnitRun {
        try unit.prepare(try #require(source), type: type, now: Timestamp(now))
    }

    static func bytes(_ run: any UnitRun) throws -> [UInt8] {
        guard case .made(_, let body) = run.producer else { throw BackupError(.failed, "nothing is made") }
        var bytes: [UInt8] = []
        try body { (piece) throws(BackupError) in bytes += piece }
        return bytes
    }

    @discardableResult
    func run(_ source: SourceURL?, type: BackupType? = .inc, at now: Int64 = 1_700_000_000) throws -> Element {
        let run = try prepare(source, type: type, at: now)
        let bytes = try Self.bytes(run)
        try run.checkProduced()
        let uuid = run.uuid(checksum: Self.checksum(bytes))
        try run.willStore(uuid)
        let element = Element(
            source: run.source, type: run.type, uuid: uuid, predecessor: run.predecessor, bytes: bytes,
            notes: run.notes(Self.report), events: run.events)
        elements.append(element)
        try run.stored()
        _ = run.finish()
        return element
    }

    private static let report = StageReport(
        name: "packages", exitStatus: nil, bytesIn: nil, bytesOut: nil, standardError: "", seconds: 0, failure: nil)

    /// Any 64 bytes that depend on the contents.
    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var sum = [UInt8](repeating: 0, count: 64)
        for (index, byte) in bytes.enumerated() { sum[index % 64] = sum[index % 64] &* 31 &+ byte &+ 7 }
        return sum
    }

    /// The bytes of the newest chain of a source.
    func chain(_ source: SourceURL?) -> [UInt8] {
        var bytes: [UInt8] = []
        var last: ElementUUID?
        for element in elements where element.source == source {
            #expect(element.predecessor == last, "the chain is broken")
            last = element.uuid
            bytes = element.type == .full ? element.bytes : bytes + element.bytes
        }
        return bytes
    }

    /// The bytes of all elements of a source.
    func all(_ source: SourceURL?) -> [UInt8] { elements.filter { $0.source == source }.flatMap(\.bytes) }

    // MARK: - The log

    var logPath: String { logs + "/dpkg.log" }

    func append(_ text: String, to name: String = "dpkg.log") throws {
        let path = logs + "/" + name
        if !FileManager.default.fileExists(atPath: path) {
            try #require(FileManager.default.createFile(atPath: path, contents: nil))
        }
        let file = try #require(FileHandle(forWritingAtPath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
    }

    /// As logrotate: the younger ones first become free, and a new empty file is there.
    func rotate(copies: Bool = false, compresses: Bool = false, creates: Bool = true) throws {
        try shell(
            """
            for n in $(seq 60 -1 1); do
                for f in dpkg.log.$n dpkg.log.$n.gz dpkg.log.$n.zst dpkg.log.$n.xz; do
                    if [ -e $f ]; then mv $f ${f/.$n/.$((n + 1))}; fi
                done
            done
            [ -e dpkg.log ] || exit 0
            \(copies ? "cp dpkg.log dpkg.log.1; : > dpkg.log" : "mv dpkg.log dpkg.log.1\(creates ? "; : > dpkg.log" : "")")
            \(compresses ? "gzip dpkg.log.1" : "")
            """, in: logs)
    }

    // MARK: - The packages

    /// Name to version.
    private(set) var installed: [String: String] = [:]
    private var second = 0

    private func stamp() -> String {
        second += 1
        return "2026-11-\(10 + second / 86400) "
            + [second / 3600 % 24, second / 60 % 60, second % 60].map { ($0 < 10 ? "0" : "") + "\($0)" }
            .joined(separator: ":")
    }

    func writeDatabase() throws {
        let text = installed.sorted { $0.key < $1.key }.map {
            "Package: \($0)\nStatus: install ok installed\nArchitecture: amd64\nVersion: \($1)\n"
        }.joined(separator: "\n")
        try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.path + "/root/var/lib/dpkg/status"))
    }

    /// What dpkg does, and what it writes into its log.
    func change(_ name: String, to version: String?, logged: Bool = true) throws {
        let old = installed[name]
        installed[name] = version
        try writeDatabase()
        let package = name + ":amd64"
        var lines: [String] = []
        if let version {
            lines = [(old.map { "upgrade \(package) \($0)" } ?? "install \(package) <none>") + " \(version)"]
            if let old {
                lines += ["half-configured", "unpacked", "half-installed"].map { "status \($0) \(package) \(old)" }
            } else {
                lines.append("status half-installed \(package) \(version)")
            }
            lines += [
                "status unpacked \(package) \(version)", "configure \(package) \(version) <none>",
                "status half-configured \(package) \(version)", "status installed \(package) \(version)",
            ]
        } else if let old {
            lines =
                ["status installed \(package) \(old)", "remove \(package) \(old) <none>"]
                + ["half-configured", "half-installed", "config-files"].map { "status \($0) \(package) \(old)" }
                + ["status not-installed \(package) <none>"]
        }
        if logged { try append(lines.map { stamp() + " " + $0 + "\n" }.joined()) }
    }

    /// What all elements of the state, read in their order, say to be installed.
    func told() throws -> [String: String] {
        var state = PackageState()
        for line in all(Self.state).split(separator: UInt8(ascii: "\n")) {
            switch try PackageLine(parsing: Array(line)) {
            case .header: state = PackageState()
            case .package(let package): state.insert(package)
            case .change(let record): state.apply(record)
            case .unknown: Issue.record("an unknown line")
            }
        }
        return Dictionary(
            state.installed.map { ($0.identity.name, $0.entry.version) }, uniquingKeysWith: { $0 + " and " + $1 })
    }

    static func records(_ element: Element) throws -> [PackageRecord] {
        try element.bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            if case .change(let record) = try PackageLine(parsing: Array(line)) { return record }
            return nil
        }
    }
}
