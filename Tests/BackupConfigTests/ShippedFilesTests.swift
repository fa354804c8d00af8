import BackupConfig
import BackupModel
import Glibc
import Testing

/// Every file that is shipped must be valid, and the templates must do what their comments say.
@Suite struct ShippedFilesTests {
    private static let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    private static func text(_ name: String) throws -> String {
        let file = try #require(fopen(repository + "/" + name, "r"), "\(name)")
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    @Test func theMainTemplateHoldsTheDefaultsAndAPlaceholderForTheKey() throws {
        let main = try TemporaryConfiguration(main: Self.text("etc/config")).load().main
        let defaults = try TemporaryConfiguration().load().main
        #expect(main.general == defaults.general)
        #expect(main.storage == defaults.storage)
        #expect(main.generator == defaults.generator)
        #expect(main.transfer == defaults.transfer)
        #expect(main.pipeline.compression == defaults.pipeline.compression)
        #expect(main.pipeline.stallTimeout == defaults.pipeline.stallTimeout)
        #expect(main.pipeline.signing == nil)
        #expect(main.pipeline.encryption == .recipients([String(repeating: "0", count: 40)]))
    }

    @Test func theMainTemplateExplainsEveryKey() throws {
        let shown = try TemporaryConfiguration(main: Self.text("etc/config")).load().show(unit: nil, explain: true)
        #expect(!shown.contains("# default"), "a key is missing in the template:\n\(shown)")
    }

    @Test(arguments: [("Root", "tar"), ("Dump", "command"), ("Logs", "logfile"), ("Packages", "packages")])
    func theExamplesFitTheirUnitDefinitions(name: String, definition: String) throws {
        let directory = try TemporaryConfiguration(main: Self.text("etc/config"))
        try directory.unit(
            name, definition: Self.text("units/" + definition), overlay: Self.text("etc/units/\(name).config.example"))
        try directory.write("etc/units/\(name).config.example", Self.text("etc/units/\(name).config.example"))
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        #expect(loaded.warnings == [])
        #expect(loaded.units.map(\.name) == [name])
        #expect(try loaded.show(unit: name, explain: false).contains("unit: \(definition)\n"))
    }

    /// The blocks of YAML in the documentation: overlays name their unit in a comment, the others are of the main
    /// configuration.
    @Test func theExamplesOfTheDocumentationAreValid() throws {
        let blocks = try Self.text("doc/configuration.md").split(separator: "```yaml\n").dropFirst()
            .compactMap { $0.split(separator: "```").first.map(String.init) }
        #expect(blocks.count == 7)
        for block in blocks {
            guard block.hasPrefix("# /etc/guerillabackup/units/") else {
                let main = block.contains("pipeline:") ? block : TemporaryConfiguration.plainMain + block
                #expect(throws: Never.self) { try TemporaryConfiguration(main: main).load() }
                continue
            }
            let definition = try #require(block.prefix { $0 != "\n" }.split(separator: "/").last)
            let directory = try TemporaryConfiguration()
            try directory.unit("A", definition: Self.text("units/\(definition)"), overlay: block)
            #expect(try directory.load().unitErrors.flatMap(\.errors).map(\.description) == [])
        }
    }

    @Test func theDocumentationNamesEveryKey() throws {
        let documentation = try Self.text("doc/configuration.md")
        let directory = try TemporaryConfiguration(main: Self.text("etc/config"))
        for (name, definition) in [("Root", "tar"), ("Dump", "command"), ("Logs", "logfile"), ("Packages", "packages")]
        {
            try directory.unit(
                name, definition: Self.text("units/" + definition),
                overlay: Self.text("etc/units/\(name).config.example"))
        }
        let loaded = try directory.load()
        let transfer = try TemporaryConfiguration(main: TransferConfigurationTests.everything).load()
        var shown = try transfer.show(unit: nil, explain: false)
        for unit in [nil, "Root", "Dump", "Logs", "Packages"] { shown += try loaded.show(unit: unit, explain: false) }
        for line in shown.split(separator: "\n") {
            let key = line.trimmingPrefix { $0 == " " || $0 == "-" }.prefix { $0 != ":" }
            let isKey = key.first?.isLowercase == true && key.allSatisfy { $0.isLowercase || $0 == "_" }
            // The names of inputs look like keys.
            guard isKey, line.contains(":"), key != "system", key != "web" else { continue }
            let forms = ["`\(key)`", "`\(key).", ".\(key)`", "### \(key)", "{ \(key):"]
            #expect(forms.contains { documentation.contains($0) }, "\(key)")
        }
    }

    private static func quoted(_ text: String) -> String { "'\(text)'" }

    /// As below, for the definition that sets its timing.
    @Test func theCommentedDefaultsOfPackagesAreTheDefaults() throws {
        let lines = try Self.text("units/packages").split(separator: "\n").map { line in
            line.hasPrefix("# ") && line.dropFirst(2).prefix { $0.isLowercase }.count > 2 && line.contains(": ")
                && !line.contains("what is installed") && !line.hasSuffix(":") ? line.dropFirst(2) : line
        }
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: lines.joined(separator: "\n"))
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        let plain = try TemporaryConfiguration()
        try plain.unit("A", definition: Self.text("units/packages"), overlay: "base: /host1/packages")
        #expect(loaded.units.map(\.kind) == (try plain.load().units.map(\.kind)))
        let shown = try loaded.show(unit: "A", explain: true).split(separator: "\n").filter { line in
            line.hasSuffix("# default") && ["base", "manager", "root", "log", "policy"].contains { line.hasPrefix($0) }
        }
        #expect(shown == [], "keys that are not listed")
    }

    @Test(arguments: ["tar", "command", "logfile"])
    func theCommentedDefaultsOfADefinitionAreTheDefaults(definition: String) throws {
        // With its mark removed every commented line must be a known key, with its default or an example.
        let lines = try Self.text("units/" + definition).split(separator: "\n").map { line in
            let rest = line.dropFirst(4)
            return line.hasPrefix("  # ") && rest.first?.isLowercase == true ? "  " + rest : line
        }
        let directory = try TemporaryConfiguration()
        let inputs = definition == "logfile"
        try directory.unit(
            "A",
            definition: lines.joined(separator: "\n") + (inputs ? "\ninputs: { a: {} }\n" : "\nsources: { /a: {} }\n"))
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])

        let minimal = try TemporaryConfiguration()
        let examples =
            switch definition {
            case "tar": "sources: { /a: { root: /, full_timing: { min: 6d20h, max: 7d4h, every: 7d, offset: 2h } } }"
            case "command":
                "sources: { /a: { command: [program, argument], full_timing: { min: 20h, max: 28h, every: 1d, offset: 2h } } }"
            default:
                #"inputs: { a: { directory: /var/log, after_store: keep, pattern: "#
                    + Self.quoted(
                        #"(syslog|auth\.log)\.(?<oldserial>[0-9]+)(?:\.(?<compress>gz))?"#) + " } }"
            }
        try minimal.unit("A", definition: "unit: \(definition)\n\(examples)\n")
        #expect(loaded.units.map(\.kind) == (try minimal.load().units.map(\.kind)))
        let shown = try loaded.show(unit: "A", explain: true).split(separator: "\n")
            .drop { $0 != "sources:" && $0 != "timing:" }
        #expect(shown.filter { $0.hasSuffix("# default") } == [], "keys that are not listed")
    }
}
