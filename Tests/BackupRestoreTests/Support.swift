import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
import BackupTestKit
import Testing

@testable import BackupRestore

/// A storage in a temporary directory, with tools that undo what the tests store.
struct RestorePlace {
    let place: TemporaryDirectory
    let storage: DefaultFileStorage
    let source: SourceURL
    var storagePath: String { place.path("store") }

    init(_ place: TemporaryDirectory, source: String = "/host1/root") throws {
        self.place = place
        self.source = try SourceURL(source)
        storage = try DefaultFileStorage(path: place.path("store"), durability: .none, create: true)
    }

    func session(trusted: [[String]] = []) -> RestoreSession { makeSession(storage, storagePath, place, trusted) }

    func plan(at time: Int64? = nil) throws -> RestorePlan {
        try RestorePlan(storage, source: source, at: time.map { .time(Timestamp($0)) } ?? .newest)
    }

    /// An empty target directory.
    func target(_ name: String = "target") throws -> RestoreTarget {
        try RestoreTarget(place.path(name), permissions: .init(), storagePath: storagePath, increments: 1)
    }

    /// Stores bytes that have gone through these stages.
    @discardableResult
    func store(
        _ type: BackupType = .full, at time: Int64 = 1000, data: [UInt8], stages: [StageRecord],
        after previous: StoredElement? = nil
    ) throws -> StoredElement {
        let metadata = makeMetadata(
            type, at: Timestamp(time), data: data, predecessor: previous?.metadata.uuid, pipeline: stages,
            source: source)
        return try storage.store(source, metadata, data: data)
    }

    /// Restores everything into a new directory and gives its path.
    func extract(_ plan: RestorePlan, into name: String, paths: [String] = []) async throws -> String {
        try await session().extract(plan, to: try target(name), paths: paths.map { Array($0.utf8) }) { _, _ in }
        return place.path(name)
    }

    /// Changes one byte of an element's data.
    func damage(_ id: ElementID, at offset: Int) throws {
        let path = try #require(storage.localPath(of: id))
        let relative = String(path.dropFirst(place.path.utf8.count + 1))
        var bytes = try place.read(relative)
        bytes[offset < 0 ? bytes.count + offset : offset] ^= 0x55
        try place.write(relative, bytes)
    }
}

func makeSession(
    _ storage: DefaultFileStorage, _ storagePath: String, _ place: TemporaryDirectory, _ trusted: [[String]] = [],
    protected: [ProtectedPlace] = []
) -> RestoreSession {
    let gpg = ["gpg", "--homedir", place.path("keys"), "--batch", "--quiet", "--decrypt"]
    return RestoreSession(
        storage: storage, storagePath: storagePath, protected: protected,
        tools: RestoreTools(
            decrypt: ProcessStage(name: "gpg", executable: "gpg", arguments: Array(gpg.dropFirst())),
            decryptByHand: gpg,
            decompress: .process(ProcessStage(name: "zstd", executable: "zstd", arguments: ["-dcq"])),
            trustedCommands: trusted),
        stallTimeout: TimeSpan(seconds: 300), progress: PipelineProgress())
}

let tarRecord = StageRecord(stage: "tar", restore: nil)

@discardableResult
func shell(_ script: String, in directory: String) throws -> String {
    let run = try ToolRun(["bash", "-c", "cd \"$1\" || exit; umask 022; export LC_ALL=C; " + script, "test", directory])
    try #require(run.isSuccess, "\(script): \(run.output)")
    return run.output
}

/// A directory and the elements that GNU tar makes of it, with an index as a unit keeps it.
final class TreeHistory {
    let restore: RestorePlace
    let root: String
    private(set) var elements: [StoredElement] = []
    /// What the directory held at each element.
    private(set) var trees: [[String: String]] = []

    init(_ place: TemporaryDirectory) throws {
        restore = try RestorePlace(place)
        root = try place.makeDirectory("root")
    }

    var times: [Int64] { elements.map(\.metadata.timestamp.seconds) }

    /// - Parameter guessing: lets tar look for renamed directories.
    @discardableResult
    func backup(_ type: BackupType, guessing: Bool = false, format: String = "posix") throws -> StoredElement {
        let place = restore.place
        if type == .full { place.remove("index") }
        let run = try ToolRun([
            "tar", "--create", "--file=" + place.path("archive"), "--format=" + format, "--sparse",
            guessing ? "--check-device" : "--no-check-device", "--listed-incremental=" + place.path("index"),
            "--directory=" + root, ".",
        ])
        try #require(run.isSuccess, "\(run.output)")
        if !guessing { try place.write("index", Self.withoutDevices(try place.read("index"))) }
        let element = try restore.store(
            type, at: 1000 + 10 * Int64(elements.count), data: try place.read("archive"), stages: [tarRecord],
            after: elements.last)
        elements.append(element)
        trees.append(try contentsOfTree(root))
        return element
    }

    /// The index with a device that no file has, so that no directory is taken for a renamed one.
    private static func withoutDevices(_ index: [UInt8]) -> [UInt8] {
        let line = index.prefix { $0 != UInt8(ascii: "\n") }
        var fields = index.dropFirst(line.count + 1).split(separator: 0, omittingEmptySubsequences: false).map(
            Array.init)
        var position = 2
        while position + 6 < fields.count {
            fields[position + 3] = [UInt8(ascii: "0")]
            position += 6
            while !fields[position].isEmpty { position += 1 }
            position += 2
        }
        return line + [UInt8(ascii: "\n")] + Array(fields.joined(separator: [0]))
    }
}

/// Makes a tree, and changes it at random, by names that are the same whenever the seed is.
struct RandomChanges {
    var random: SeededGenerator
    private var counter = 0

    init(_ random: SeededGenerator) { self.random = random }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func pick(_ kind: String, _ limit: Int) -> String {
        "$(find . -mindepth 1 -type \(kind) | LC_ALL=C sort | sed -n \(number(1...limit))p)"
    }

    mutating func script(_ count: Int) -> String {
        (0..<count).map { _ in "{ \(line()); } 2>/dev/null" }.joined(separator: "\n") + "\ntrue"
    }

    private mutating func line() -> String {
        counter += 1
        let directory = pick("d", 8)
        let second = pick("d", 8)
        let file = pick("f", 15)
        let name = "n\(number(0...11))"
        return switch number(0...15) {
        case 0, 1: "head -c \(number(0...3000)) /dev/urandom >\"./\(directory)/\(name)\""
        case 2, 3: "mkdir \"./\(directory)/\(name)\""
        case 4: "rm -r \"\(directory)\""
        case 5: "rm \"\(file)\""
        case 6: "echo \(counter) >>\"\(file)\""
        case 7: "mv -T \"\(directory)\" \"./\(second)/\(name)\""
        case 8: "mv \"\(file)\" \"./\(directory)/\(name)\""
        case 9: "a=\"\(file)\"; rm \"$a\"; mkdir \"$a\"; echo in >\"$a/in\""
        case 10: "a=\"\(directory)\"; rm -r \"$a\"; echo file >\"$a\""
        case 11: "ln \"\(file)\" \"./\(directory)/\(name)\""
        case 12: "ln -s \(name) \"./\(directory)/\(name)\""
        case 13: "chmod \(["600", "750", "2755"][number(0...2)]) \"\(directory)\""
        case 14: "chmod \(["600", "444", "755"][number(0...2)]) \"\(file)\""
        default: "touch -d @\(number(0...1_000_000_000)).123456789 \"\(file)\""
        }
    }
}
