import BackupConfig
import BackupModel
import BackupTestKit
import Testing

@Suite struct ShowTests {
    @Test func explainNamesTheFileAndLineOfEachValue() throws {
        let directory = try TemporaryConfiguration(
            main: "general:\n  test_mode: true\npipeline:\n  encryption:\n    recipients: [a@b]\n")
        try directory.unit(
            "A", definition: "unit: command\nsource_defaults:\n  full_timing:\n    min: 1d\n    max: 2d\n",
            overlay: "sources:\n  /h/x:\n    command: [sh, -c, \"a | b\"]\n    full_timing:\n      max: 48h\n")
        let loaded = try directory.load()
        func shown(_ unit: String?) throws -> String {
            try loaded.show(unit: unit, explain: true).replacing(directory.directory, with: "ETC")
                .replacing(directory.root + "/lib", with: "LIB")
        }
        #expect(
            try shown(nil) == """
                general:
                  state_directory: /var/lib/guerillabackup/state  # default
                  runtime_directory: /run/guerillabackup  # default
                  keys_directory: /etc/guerillabackup/keys  # default
                  test_mode: true  # ETC/config:2
                storage:
                  directory: /var/lib/guerillabackup/data  # default
                  durability: element  # default
                  name_zone: utc  # default
                  partial_directory: none  # default
                pipeline:
                  compression:
                    zstd:
                      level: 3  # default
                      workers: 0  # default
                      long_distance: false  # default
                      checksum: true  # default
                  encryption:
                    recipients: ["a@b"]  # ETC/config:5
                  stall_timeout: 1h  # default
                  signing: none  # default
                generator:
                  parallel_units: 1  # default
                  retry_after: 10min  # default
                  run_conditions: none  # default
                transfer:
                  agent: none  # default
                  listeners: []  # default
                  peers: []  # default
                  limits:
                    element_bytes: none  # default
                    elements_per_round: 2000000  # default
                    idle_timeout: 10min  # default
                    stall_timeout: 5min  # default
                    frame_length: 1Mi  # default
                    open_requests: 32  # default
                    json_depth: 32  # default
                    elements_per_page: 1000  # default
                    page_size: 512Ki  # default
                  partial_maximum_age: 2w  # default
                  parallel_peers: 4  # default

                """)
        #expect(
            try shown("A") == """
                unit: command  # LIB/A:1
                pipeline:
                  compression:
                    zstd:
                      level: 3  # default
                      workers: 0  # default
                      long_distance: false  # default
                      checksum: true  # default
                  encryption:
                    recipients: ["a@b"]  # ETC/config:5
                  stall_timeout: 1h  # default
                  signing: none  # default
                generator:
                  run_conditions: none  # default
                sources:
                  /h/x:
                    command: [sh, "-c", "a | b"]  # ETC/units/A.config:3
                    full_timing:
                      min: 1d  # LIB/A:4
                      max: 2d  # ETC/units/A.config:5
                      every: none  # default
                    timeout: none  # default
                    working_directory: none  # default
                    environment: {}  # default
                    policy: []  # default
                    encryption:
                      recipients: ["a@b"]  # ETC/config:5

                """)
    }

    @Test(arguments: [true, false])
    func whatIsShownIsAConfigurationWithTheSameSettings(explain: Bool) throws {
        for main in [
            MainConfigurationTests.everything, TemporaryConfiguration.plainMain, Self.oddMain,
            TransferConfigurationTests.everything, TransferConfigurationTests.plainest,
        ] {
            let loaded = try TemporaryConfiguration(main: main).load()
            let text = try loaded.show(unit: nil, explain: explain)
            #expect(try TemporaryConfiguration(main: text).load().main == loaded.main, "\(text)")
        }
    }

    private static let oddMain = """
        general: { state_directory: "/a b", keys_directory: "/\\"\\\\ #: \\u2028é🙂 ", runtime_directory: "/\\t\\n\\e" }
        pipeline: { encryption: none, compression: { zstd: { level: 19, workers: 64, long_distance: true, checksum: false } } }
        generator: { run_conditions: { load_below: { limit: 0.00000125, for: 1w2d3h4min5s } } }
        """

    /// Texts from an alphabet of everything that means something to YAML.
    private static func text(_ generator: inout SeededGenerator) -> String {
        let pieces = [
            "a", "Z", "0", "1e3", "none", "null", "~", "true", "yes", " ", "  ", ":", ": ", " #", "#", "-", "- ", "?",
            "[", "]", "{", "}", ",", "&", "*", "!", "|", ">", "'", "\"", "\\", "%", "@", "`", "\n", "\r\n", "\t",
            "\u{1}",
            "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", "x\u{FEFF}", "\u{FFFE}", "\u{FFFF}", "\u{1F642}", "é", "e\u{301}",
            "...", "---", "<<", "=",
            String(repeating: "long ", count: 30),
        ]
        return (0..<Int.random(in: 0...4, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? "" }
            .joined()
    }

    @Test func anyTextSurvivesBeingShown() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let texts = (0..<4).map { _ in Self.text(&generator) }
            var environment: [String: String] = [:]
            for text in texts where !text.contains("=") && !text.isEmpty { environment[text] = text }
            let long = "/" + Array(repeating: String(repeating: "x", count: 150), count: 8).joined(separator: "/")
            let definition = """
                unit: command
                source_defaults: { full_timing: { min: 1d, max: 2d, every: 1d, offset: 1h } }
                sources:
                  ? \(long)
                  :
                    command: [p, \(texts.map(Self.escaped).joined(separator: ", "))]
                    environment: {\(environment.map { "? \(Self.escaped($0)) : \(Self.escaped($1))" }.joined(separator: ", "))}
                """
            let directory = try TemporaryConfiguration()
            try directory.unit("A", definition: definition)
            let loaded = try directory.load()
            let unit = try #require(loaded.units.first, "seed \(seed): \(loaded.unitErrors)")
            guard case .command(let sources) = unit.kind, let source = sources.first else { continue }
            try #require(
                source.command.dropFirst().map { Array($0.utf8) } == texts.map { Array($0.utf8) }, "seed \(seed)")
            for explain in [true, false] {
                let again = try TemporaryConfiguration(main: loaded.show(unit: nil, explain: explain))
                try again.unit("A", definition: loaded.show(unit: "A", explain: explain))
                let reread = try again.load()
                try #require(reread.units.first?.kind == unit.kind, "seed \(seed): \(reread.unitErrors)")
            }
        }
    }

    /// Every character as an escape: nothing of the printer is used to test the printer.
    private static func escaped(_ text: String) -> String {
        let escapes = text.unicodeScalars.map { scalar in
            let digits = String(scalar.value, radix: 16)
            return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
        return "\"" + escapes.joined() + "\""
    }

    @Test func aTarUnitIsShownAsADefinitionWithTheSameSettings() throws {
        let directory = try TemporaryConfiguration(main: MainConfigurationTests.everything)
        let excludes = (0..<20).map { "./directory\($0)/*" }
        try directory.unit(
            "A",
            definition: """
                unit: tar
                pipeline: { encryption: none }
                generator: { run_conditions: { minimum_uptime: none } }
                source_defaults: { full_timing: { min: 1d, max: 2d }, inc_timing: { min: 1h, max: 2h, every: 1h } }
                sources:
                  /a: { root: /, exclude: [\(excludes.map { "\"\($0)\"" }.joined(separator: ", "))], inc_command: [i] }
                  /b: { root: /b, inc_timing: none, encryption: { recipients: [a@b] } }
                """)
        let loaded = try directory.load()
        let unit = try #require(loaded.units.first)
        let again = try TemporaryConfiguration(main: loaded.show(unit: nil, explain: true))
        try again.unit("A", definition: loaded.show(unit: "A", explain: true))
        let reread = try #require(try again.load().units.first)
        #expect(reread.kind == unit.kind)
        #expect(reread.pipeline == unit.pipeline)
        #expect(reread.runConditions == unit.runConditions)
    }

    @Test func anUnknownUnitIsNotFoundAndTheEnabledOnesAreNamed() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit(
            "B", definition: "unit: tar\nsources: { /a: { root: /, full_timing: { min: 1d, max: 2d } } }\n")
        try directory.unit("A", definition: "unit: tar\n")
        let error = try #require(throws: BackupError.self) { try directory.load().show(unit: "C", explain: false) }
        #expect(error.code == .notFound)
        #expect(error.description == "no unit \"C\" is enabled; enabled are A, B")
    }
}
