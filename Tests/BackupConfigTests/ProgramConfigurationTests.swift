import BackupConfig
import BackupModel
import Glibc
import Testing

/// Units that are programs.
@Suite struct ProgramConfigurationTests {
    private static let script = Array("#!/bin/sh\n".utf8)

    private func directory(_ overlay: String? = nil) throws -> TemporaryConfiguration {
        let directory = try TemporaryConfiguration()
        try directory.write("lib/program", bytes: Self.script, mode: 0o755)
        try directory.link("Own", to: "../../lib/program")
        if let overlay { try directory.write("etc/units/Own.config", overlay) }
        return directory
    }

    private func settings(_ directory: TemporaryConfiguration) throws -> ProgramSettings {
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        guard case .program(let settings)? = loaded.units.first?.kind else {
            throw BackupError(.failed, "no unit that is a program")
        }
        return settings
    }

    @Test(arguments: [Array("#!/bin/sh\nunit: tar\n".utf8), [0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]])
    func aProgramNeedsNoConfiguration(content: [UInt8]) throws {
        let directory = try directory()
        try directory.write("lib/program", bytes: content, mode: 0o755)
        let settings = try settings(directory)
        #expect(
            settings
                == ProgramSettings(
                    program: directory.root + "/lib/program", link: directory.directory + "/units/Own",
                    encryption: .none))
        #expect(try directory.load().warnings == [])
    }

    /// The text of a script may be secret, and is no YAML that could be wrong.
    @Test(arguments: [("", mode_t(0o644), "chmod +x"), ("\u{feff}", 0o755, "byte order mark")])
    func aScriptThatCannotBeExecuted(start: String, mode: mode_t, words: String) throws {
        let directory = try directory()
        try directory.write("lib/program", bytes: Array((start + "#!/bin/sh\nsecret\n").utf8), mode: mode)
        let errors = try directory.load().unitErrors.flatMap(\.errors).map(\.description)
        #expect(errors.count == 1)
        #expect(
            errors.allSatisfy { $0.contains("is a script") && $0.contains(words) && !$0.contains("secret") },
            "\(errors)")
    }

    private static let everything = """
        prefix: /host1/own
        plan_every: 1h
        min_interval: 5min
        call_timeout: 10s
        timeout: 2h
        policy: [keep]
        environment: { NAME: value }
        pipeline: { encryption: { recipients: [a@example.org] } }
        settings:
          text: two words
          number: 5432
          quoted: "5432"
          mode: 0600
          yes: true
          nothing:
          word: none
          float: -1.5e3
          list: [1, "1", a, { b: c }]
          map: { deep: { er: x }, empty: {} }

        """

    @Test func theOverlayCarriesTheSettingsAndFreeOnes() throws {
        let settings = try settings(directory(Self.everything))
        #expect(settings.prefix?.description == "/host1/own")
        #expect(settings.planEvery == TimeSpan(seconds: 3600) && settings.minimumInterval == TimeSpan(seconds: 300))
        #expect(settings.callTimeout == TimeSpan(seconds: 10) && settings.timeout == TimeSpan(seconds: 7200))
        #expect(settings.policies == ["keep"] && settings.environment == ["NAME": "value"])
        #expect(settings.encryption == .recipients(["a@example.org"]))
        #expect(
            JSONValue.object(settings.settings)
                == (try JSONParser.parse(
                    #"""
                    {"text": "two words", "number": 5432, "quoted": "5432", "mode": "0600", "yes": true, "nothing": null,
                    "word": "none", "float": -1.5e3, "list": [1, "1", "a", {"b": "c"}],
                    "map": {"deep": {"er": "x"}, "empty": {}}}
                    """#)))
    }

    @Test func whatIsShownIsADefinition() throws {
        let directory = try directory(Self.everything)
        let shown = try directory.load().show(unit: "Own", explain: false)
        #expect(shown.hasPrefix("unit: program\n"))
        let again = try TemporaryConfiguration()
        try again.unit("Own", definition: shown)
        let (one, other) = (try settings(directory), try settings(again))
        #expect(other.settings == one.settings)
        #expect(other.prefix == one.prefix && other.timeout == one.timeout && other.program == one.program)
        // The link is checked only where it leads to the program.
        #expect(other.link == nil)
        #expect(try again.load().show(unit: "Own", explain: false) == shown)
    }

    @Test(arguments: [
        ("plan_every: 10s", "plan_every: expected a duration from 1min to 1d, found 10s"),
        ("call_timeout: 1h", "call_timeout: expected a duration from 1s to 10min, found 1h"),
        ("environment: { GB_TYPE: full }", "environment: the variable GB_TYPE is one of the protocol's"),
        ("settings: [1]", "settings: expected a map, found a list"),
        ("prefix: host1", "prefix: "),
        ("sources: { /a: {} }", "sources: unknown key"),
        ("program: ../x", "program: expected an absolute path, or the name of a link in lib-enabled"),
    ])
    func refusals(overlay: String, message: String) throws {
        let error = try directory(overlay + "\n").unitError("Own")
        #expect(error.contains(message), "\(error)")
    }

    @Test func settingsMustFitIntoAnEnvironment() throws {
        let text = String(repeating: "x", count: ProgramSettings.maximumSettings)
        let error = try directory("settings: { text: \(text) }\n").unitError("Own")
        #expect(error.contains("more than 64 KiB"))
    }

    @Test func aDefinitionCanNameAProgramOfTheLibrary() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("Own", definition: "unit: program\nprogram: dump\n")
        #expect(try settings(directory).program == "dump")
        try directory.unit("None", definition: "unit: program\n")
        #expect(try directory.unitError("None").contains("program: the mandatory key is missing"))
    }

    // MARK: - Documents

    private func document(_ name: String) throws -> String {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try #require(fopen(path + "/doc/" + name, "r"))
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    @Test func theDocumentationNamesEveryKey() throws {
        let text = try document("configuration.md")
        let section = try #require(text.split(separator: "### Programs as units").last?.split(separator: "\n## ").first)
        let shown = try directory().load().show(unit: "Own", explain: false)
        for line in shown.split(separator: "\n") where line.first?.isLowercase == true {
            let key = line.prefix { $0 != ":" }
            if ["unit", "pipeline", "generator"].contains(key) { continue }
            #expect(section.contains("| `\(key)` |"), "\(key)")
        }
    }

    @Test func theSettingsInTheDocumentAreValid() throws {
        let blocks = try document("own-units.md").split(separator: "```yaml\n").dropFirst()
            .compactMap { $0.split(separator: "```").first.map(String.init) }
        try #require(blocks.count == 2)
        #expect(try settings(directory(blocks[0])).prefix?.description == "/host1/db")
        #expect(throws: Never.self) { try TemporaryConfiguration(main: blocks[1]).load() }
    }
}
