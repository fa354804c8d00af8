import BackupModel
import BackupTestKit
import Foundation
import Testing

/// A machine as the program sees it: a configuration, units, keys, a storage, a state, and a tree to be backed up.
struct Site {
    let directory: TemporaryDirectory

    var configuration: String { directory.path("conf") }
    var storage: String { directory.path("storage") }
    var tree: String { directory.path("tree") }

    /// - Parameters:
    ///   - encryption: as in the configuration file.
    ///   - signing: as in the configuration file.
    ///   - keys: the GnuPG home directory; by default an empty one.
    ///   - storage: another place for the storage than a directory of the site.
    ///   - durability: as in the configuration file; by default what is quickest.
    init(
        _ directory: TemporaryDirectory, encryption: String = "none", compression: String = "{ zstd: { level: 1 } }",
        signing: String = "none", keys: String? = nil, storage: String? = nil, durability: String = "none"
    ) throws {
        self.directory = directory
        for name in ["conf/units", "definitions", "storage", "tree", "keys"] { try directory.makeDirectory(name) }
        try directory.write("definitions/tar", "unit: tar\n")
        try directory.write("definitions/command", "unit: command\n")
        try directory.write(
            "conf/config",
            """
            general:
              state_directory: \(directory.path("state"))
              runtime_directory: \(directory.path("run"))
              keys_directory: \(keys ?? directory.path("keys"))
            storage:
              directory: \(storage ?? directory.path("storage"))
              durability: \(durability)
            pipeline:
              compression: \(compression)
              encryption: \(encryption)
              signing: \(signing)

            """)
    }

    // MARK: - Units

    /// Enables the tar unit `name` for ``tree`` as `/host/home`; `keys` are added to the keys of the source.
    func addTar(_ name: String = "Home", source: String = "/host/home", root: String? = nil, keys: String = "") throws {
        try directory.link("conf/units/\(name)", to: directory.path("definitions/tar"))
        try directory.write(
            "conf/units/\(name).config",
            """
            sources:
              \(source):
                root: \(root ?? tree)
                full_timing: { min: 6d, max: 7d }
                inc_timing: { min: 20h, max: 28h }
                \(keys)

            """)
    }

    /// Enables the command unit `name`, which stores what `script` writes, as `source`.
    func addCommand(_ name: String = "Dump", source: String = "/host/dump", script: String) throws {
        try directory.link("conf/units/\(name)", to: directory.path("definitions/command"))
        let quoted = script.replacingOccurrences(of: "'", with: "''")
        try directory.write(
            "conf/units/\(name).config",
            """
            sources:
              \(source):
                command: [sh, -c, '\(quoted)']
                full_timing: { min: 6d, max: 7d }

            """)
    }

    /// Some files to back up, with names that trip up careless programs.
    func fillTree() throws {
        try directory.write("tree/plain", "text\n")
        try directory.write("tree/etc/hosts", "127.0.0.1 localhost\n")
        try directory.write("tree/new\nline", "1")
        try directory.write("tree/quo'te \"double\" \\back", "2")
        try directory.write("tree/-rf", "3")
        try directory.link("tree/link", to: "../nowhere")
        let name = Array((tree + "/invalid").utf8) + [0xff, 0xfe, 0]
        let file = name.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { open($0, O_CREAT | O_WRONLY | O_CLOEXEC, 0o640) } ?? -1
        }
        try #require(file >= 0)
        close(file)
    }

    // MARK: - Running

    /// Starts `gb` with the arguments and `--config-dir`.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> GBProcess {
        try GBProcess.start(arguments + ["--config-dir", configuration], environment: environment)
    }

    func gb(_ arguments: String..., environment: [String: String] = [:]) throws -> GBResult {
        try start(arguments, environment: environment).wait()
    }

    /// Runs `gb`, which must do well.
    @discardableResult
    func good(_ arguments: String..., location: SourceLocation = #_sourceLocation) throws -> GBResult {
        let result = try start(arguments).wait()
        try #require(result.status == 0, "gb \(arguments): \(result.testDescription)", sourceLocation: location)
        return result
    }

    /// Backs up all sources, and returns the IDs of the new elements.
    @discardableResult
    func backUp(_ flags: String..., location: SourceLocation = #_sourceLocation) throws -> [String] {
        let result = try start(["generator", "once", "--now", "--json"] + flags).wait()
        try #require(result.status == 0, "\(result.testDescription)", sourceLocation: location)
        return try result.jsonLines().compactMap { $0["element"] as? String }
    }

    // MARK: - What is there

    /// IDs of all elements that a listing shows.
    func elements() throws -> [String] {
        try good("storage", "list", "--json").jsonLines().compactMap { $0["id"] as? String }
    }

    /// Names of all that lies in the storage and is no directory, relative to it, sorted.
    func storedFiles() throws -> [String] { try Site.files(below: storage) }

    static func files(below path: String) throws -> [String] {
        let found = try runTool("find", path, "!", "-type", "d", "-printf", "%P\\n")
        return found.lines.sorted()
    }

    func restoredEquals(_ name: String, aspects: TreeAspects = .all) throws -> [String] {
        treeDifferences(
            try contentsOfTree(tree, aspects: aspects), try contentsOfTree(directory.path(name), aspects: aspects))
    }
}

/// Runs `body` with a new site, which is gone afterwards.
func withSite(
    encryption: String = "none", compression: String = "{ zstd: { level: 1 } }", signing: String = "none",
    keys: String? = nil, storage: String? = nil, durability: String = "none", _ body: (Site) throws -> Void
) throws {
    try withTemporaryDirectory { directory in
        try body(
            Site(
                directory, encryption: encryption, compression: compression, signing: signing, keys: keys,
                storage: storage,
                durability: durability))
    }
}

/// Checks exit code and words of a refusal, which must be one line that says what, where and why.
func expectRefusal(
    _ result: GBResult, _ status: Int, _ words: String..., location: SourceLocation = #_sourceLocation
) {
    #expect(result.status == status, "\(result.testDescription)", sourceLocation: location)
    for word in words {
        #expect(result.errors.contains(word), "missing: \(word)\n\(result.testDescription)", sourceLocation: location)
    }
    #expect(!result.errors.contains("Fatal error"), "\(result.testDescription)", sourceLocation: location)
}
