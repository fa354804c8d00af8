import BackupModel
import BackupStorage
import BackupTestKit
import Foundation
import Testing

/// A machine that takes part in transfers, as the program sees it: a configuration, a storage, a state.
struct Machine {
    let name: String
    /// Holds all machines of a test.
    let directory: TemporaryDirectory
    let storage: String

    var configuration: String { path("conf") }

    /// - Parameters:
    ///   - transfer: what stands below `transfer:`, without indentation.
    ///   - storage: another place for the storage than a directory of the machine.
    init(
        _ name: String, in directory: TemporaryDirectory, storage: String? = nil, durability: String = "none",
        transfer: String = ""
    ) throws {
        self.name = name
        self.directory = directory
        self.storage = storage ?? directory.path(name + "/data")
        for part in ["conf/units", "data", "keys", "run"] { try directory.makeDirectory(name + "/" + part) }
        try configure(transfer, durability: durability)
    }

    /// Writes the configuration anew.
    func configure(_ transfer: String, durability: String = "none") throws {
        let lines = transfer.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        try directory.write(
            name + "/conf/config",
            """
            general:
              state_directory: \(path("state"))
              runtime_directory: \(path("run"))
              keys_directory: \(path("keys"))
            storage: { directory: \(storage), durability: \(durability) }
            pipeline: { compression: none, encryption: none }
            transfer:
              agent: \(name)
            \(lines)

            """)
    }

    func path(_ name: String) -> String { directory.path(self.name + "/" + name) }

    /// Where the agent comes in.
    func socket(_ agent: String) -> String { path("run/\(agent).socket") }

    /// The command that lets `agent` in over standard input and output.
    func door(_ agent: String) -> [String] {
        [GBProcess.gb, "transfer", "serve", "--stdio", "--agent", agent, "--config-dir", configuration]
    }

    // MARK: - Running

    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> GBProcess {
        try GBProcess.start(arguments + ["--config-dir", configuration], environment: environment)
    }

    func gb(_ arguments: String...) throws -> GBResult { try start(arguments).wait() }

    /// Runs `gb`, which must do well.
    @discardableResult
    func good(_ arguments: String..., location: SourceLocation = #_sourceLocation) throws -> GBResult {
        let result = try start(arguments).wait()
        try #require(result.status == 0, "gb \(arguments): \(result.testDescription)", sourceLocation: location)
        return result
    }

    /// The object that `gb transfer pull` or `push` prints with `--json`.
    func counts(_ arguments: String..., location: SourceLocation = #_sourceLocation) throws -> [String: Int] {
        let result = try start(["transfer"] + arguments + ["--json"]).wait()
        try #require(result.status == 0, "gb \(arguments): \(result.testDescription)", sourceLocation: location)
        return try result.counts()
    }

    // MARK: - What is stored

    /// Stores a chain of elements of `source`, a full and increments, of these sizes; a second lies between two.
    func store(_ source: String, _ sizes: [Int], from time: Int64 = 1_795_220_058) throws {
        let files = try DefaultFileStorage(path: storage, durability: .none)
        var last: StoredElement?
        for (index, size) in sizes.enumerated() {
            last = try files.store(
                try SourceURL(source), index == 0 ? .full : .inc, at: Timestamp(time + Int64(index)),
                data: try Self.randomBytes(size), after: last)
        }
    }

    static func randomBytes(_ count: Int) throws -> [UInt8] {
        let file = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
        defer { try? file.close() }
        return Array(try file.read(upToCount: count) ?? Data())
    }

    /// `.data` and `.info` of all elements: size and SHA-512 by path, so that two storages can be compared byte for byte.
    func inventory(below prefix: String = "") throws -> [String: String] {
        try contentsOfTree(storage + prefix, aspects: []).filter {
            $0.key.hasSuffix(".data") || $0.key.hasSuffix(".info")
        }
    }

    func elementCount() throws -> Int { try inventory().count / 2 }

    /// Files in the directories for what has arrived in part.
    func partials() -> [String] {
        (directory.names(name + "/data.partial") + directory.names(name + "/data/.partial")).filter {
            !$0.hasPrefix(".")
        }
    }

    /// Everything that is stored is whole, and nothing else lies around.
    func expectSound(location: SourceLocation = #_sourceLocation) throws {
        let verify = try gb("storage", "verify")
        #expect(verify.status == 0, "\(name): \(verify.testDescription)", sourceLocation: location)
        let files = try contentsOfTree(storage, aspects: []).filter { !$0.value.hasPrefix("directory") }.keys
        let strays = files.filter { file in ![".data", ".info", ".copies"].contains { file.hasSuffix($0) } }
        #expect(strays == [], "\(name)", sourceLocation: location)
    }
}

extension GBResult {
    /// The numbers of the first JSON object.
    func counts() throws -> [String: Int] {
        try #require(try jsonLines().first, "\(testDescription)").compactMapValues { $0 as? Int }
    }
}

/// Runs `body` with a place for machines.
func withMachines(_ body: (TemporaryDirectory) throws -> Void) throws {
    try withTemporaryDirectory { try body($0) }
}
