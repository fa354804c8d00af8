import BackupConfig
import BackupModel
import Testing

@Suite struct UnitConfigurationTests {
    static let timing = "full_timing: { min: 1d, max: 2d }"

    static func hours(_ count: Int64) -> TimeSpan { TimeSpan(seconds: count * 3600) }

    @Test func aTarSourceHasTheDocumentedDefaults() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: tar\n", overlay: "sources: { /h/r: { root: /r, \(Self.timing) } }")
        let unit = try #require(try directory.load().units.first)
        #expect(unit.name == "A")
        #expect(unit.definition == directory.root + "/lib/A")
        #expect(unit.runConditions == nil)
        let expected = TarSourceSettings(
            source: try SourceURL("/h/r"), root: "/r", include: ["."], exclude: [], preCommand: nil, postCommand: nil,
            ignoreRaces: false, xattrs: true, oneFileSystem: false,
            fullTiming: TimingSetting(minimum: Self.hours(24), maximum: Self.hours(48), modulus: nil, offset: .zero),
            incTiming: nil, fullCommand: nil, incCommand: nil, keepIndices: 0, policies: [], encryption: .none)
        #expect(unit.kind == .tar([expected]))
    }

    @Test func everyKeyOfATarSourceIsTaken() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit(
            "A", definition: "unit: tar\n",
            overlay: """
                sources:
                  /h/r:
                    root: /r
                    include: [a, -b]
                    exclude: ["*.tmp"]
                    pre_command: [pre, 5432]
                    post_command: [post, true, "null"]
                    ignore_races: true
                    xattrs: false
                    one_file_system: true
                    full_timing: { min: 0s, max: 1d, every: 1d, offset: 2h }
                    inc_timing: { min: 1h, max: 1h }
                    full_command: [full]
                    inc_command: [inc]
                    keep_indices: 3
                    policy: [keep-until 2027, a/b.c]
                    encryption: { recipients: [a@b] }
                """)
        let expected = TarSourceSettings(
            source: try SourceURL("/h/r"), root: "/r", include: ["a", "-b"], exclude: ["*.tmp"],
            preCommand: ["pre", "5432"], postCommand: ["post", "true", "null"], ignoreRaces: true, xattrs: false,
            oneFileSystem: true,
            fullTiming: TimingSetting(
                minimum: .zero, maximum: Self.hours(24), modulus: Self.hours(24), offset: Self.hours(2)),
            incTiming: TimingSetting(minimum: Self.hours(1), maximum: Self.hours(1), modulus: nil, offset: .zero),
            fullCommand: ["full"], incCommand: ["inc"], keepIndices: 3, policies: ["keep-until 2027", "a/b.c"],
            encryption: .recipients(["a@b"]))
        #expect(try directory.load().units.map(\.kind) == [.tar([expected])])
    }

    @Test func everyKeyOfACommandSourceIsTaken() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit(
            "A", definition: "unit: command\nsource_defaults: { \(Self.timing), environment: { A: 1, B: b } }\n",
            overlay: """
                sources:
                  /h/short: { command: [date] }
                  /h/long:
                    command: [sh, -c, "a && b | c &"]
                    timeout: 2h
                    working_directory: /w
                    environment: { B: "", C: "x=y" }
                    policy: [p]
                    encryption: none
                """)
        let timing = TimingSetting(minimum: Self.hours(24), maximum: Self.hours(48), modulus: nil, offset: .zero)
        let short = CommandSourceSettings(
            source: try SourceURL("/h/short"), command: ["date"], timing: timing, timeout: nil, workingDirectory: nil,
            environment: ["A": "1", "B": "b"], policies: [], encryption: .none)
        let long = CommandSourceSettings(
            source: try SourceURL("/h/long"), command: ["sh", "-c", "a && b | c &"], timing: timing,
            timeout: Self.hours(2), workingDirectory: "/w", environment: ["A": "1", "B": "", "C": "x=y"],
            policies: ["p"], encryption: .none)
        #expect(try directory.load().units.map(\.kind) == [.command([short, long])])
    }

    @Test func theOverlayLiesOverTheDefinitionOverTheMainConfiguration() throws {
        let directory = try TemporaryConfiguration(
            main: """
                pipeline: { encryption: { recipients: [main@x] }, compression: { zstd: { level: 5, workers: 1 } }, stall_timeout: 1h }
                generator: { run_conditions: { minimum_uptime: 1h, load_below: { limit: 1, for: 1min } } }
                """)
        try directory.unit(
            "A",
            definition: """
                unit: tar
                pipeline: { compression: { zstd: { workers: 2 } }, stall_timeout: 2h }
                source_defaults: { root: /def, \(Self.timing), exclude: [a, b], keep_indices: 1, pre_command: [x] }
                sources: { /one: { keep_indices: 2 } }
                """,
            overlay: """
                pipeline: { stall_timeout: 3h }
                generator: { run_conditions: { load_below: { limit: 2 } } }
                source_defaults: { exclude: [c], full_timing: { max: 3d }, pre_command: none }
                sources: { /two: { root: /two, encryption: { recipients: [two@x] } }, /one: }
                """)
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        let unit = try #require(loaded.units.first)
        #expect(unit.pipeline.compression == .zstd(level: 5, workers: 2, longDistance: false, checksum: true))
        #expect(unit.pipeline.stallTimeout == Self.hours(3))
        #expect(unit.runConditions?.minimumUptime == Self.hours(1))
        #expect(unit.runConditions?.loadBelow == LoadLimitSetting(limit: 2, span: TimeSpan(seconds: 60)))
        guard case .tar(let sources) = unit.kind else { throw BackupError(.failed, "no tar unit") }
        #expect(sources.map(\.source.description) == ["/one", "/two"])
        #expect(sources.map(\.root) == ["/def", "/two"])
        #expect(sources.map(\.exclude) == [["c"], ["c"]])
        #expect(sources.map(\.preCommand) == [nil, nil])
        #expect(sources.map(\.keepIndices) == [2, 1])
        #expect(sources.map(\.fullTiming.maximum) == [Self.hours(72), Self.hours(72)])
        #expect(sources.map(\.encryption) == [.recipients(["main@x"]), .recipients(["two@x"])])
        // The main configuration itself is as it was.
        #expect(loaded.main.pipeline.stallTimeout == Self.hours(1))
    }

    @Test(arguments: [
        ("{ command: [xz], restore: [unxz] }", CompressionSetting.command(compress: ["xz"], restore: ["unxz"])),
        ("none", .none), ("{ zstd: }", .zstd(level: 9, workers: 0, longDistance: false, checksum: true)),
        ("", .zstd(level: 9, workers: 0, longDistance: false, checksum: true)),
    ])
    func anotherKindOfCompressionReplacesTheOneBelow(text: String, expected: CompressionSetting) throws {
        let directory = try TemporaryConfiguration(
            main: "pipeline: { encryption: none, compression: { zstd: { level: 9 } } }")
        let overlay = "pipeline: { compression: \(text) }\nsources: { /a: { root: /, \(Self.timing) } }"
        try directory.unit("A", definition: "unit: tar\n", overlay: overlay)
        #expect(try directory.load().units.first?.pipeline.compression == expected)
    }

    @Test func aUnitCanTakeBackTheRunConditions() throws {
        let directory = try TemporaryConfiguration(
            main: TemporaryConfiguration.plainMain + "generator: { run_conditions: { minimum_uptime: 1h } }")
        let sources = "sources: { /a: { root: /, \(Self.timing) } }\n"
        try directory.unit("A", definition: "unit: tar\n" + sources, overlay: "generator: { run_conditions: none }\n")
        let loaded = try directory.load()
        #expect(loaded.units.map(\.runConditions) == [nil])
        #expect(loaded.main.generator.runConditions?.minimumUptime == Self.hours(1))
    }

    @Test func aSourceCanTakeBackTheTimeOfChoice() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit(
            "A",
            definition: "unit: tar\nsource_defaults: { full_timing: { min: 1d, max: 2d, every: 1d, offset: 2h } }\n",
            overlay: "sources: { /a: { root: /, full_timing: { every: none, offset: none } } }")
        let loaded = try directory.load()
        guard case .tar(let sources) = loaded.units.first?.kind else { throw BackupError(.failed, "no tar unit") }
        let plain = TimingSetting(minimum: Self.hours(24), maximum: Self.hours(48), modulus: nil, offset: .zero)
        #expect(sources.map(\.fullTiming) == [plain])
    }

    @Test func theKindOfAUnitIsNoMatterOfTheOverlay() throws {
        let directory = try TemporaryConfiguration()
        let sources = "sources: { /a: { root: /, \(Self.timing) } }"
        try directory.unit("A", definition: "unit: tar\n\(sources)\n", overlay: "unit: tar\n")
        #expect(
            try directory.unitError("A")
                == "ETC/units/A.config:1:1: unit: this key belongs in the unit definition, not in the overlay "
                + "NAME.config; to change what the unit is, point the symlink to another unit definition")
    }

    @Test func theErrorsOfOneUnitLeaveTheOthersAlone() throws {
        let directory = try TemporaryConfiguration()
        for name in ["A", "C"] {
            try directory.unit(name, definition: "unit: tar\nsources: { /\(name): { root: /, \(Self.timing) } }\n")
        }
        try directory.unit("B", definition: "unit: tar\nsources: { /B: { root: , \(Self.timing) } }\n")
        try directory.unit("D", definition: "unit: tar\nsources: [\n")
        let loaded = try directory.load()
        #expect(loaded.units.map(\.name) == ["A", "C"])
        #expect(loaded.unitErrors.map(\.unit) == ["B", "D"])
        let error = try #require(throws: BackupError.self) { try loaded.show(unit: "B", explain: false) }
        #expect(error.code == .configuration)
    }

    @Test func twoUnitsCannotWriteOneSource() throws {
        let directory = try TemporaryConfiguration()
        for name in ["First", "Second"] {
            try directory.unit(name, definition: "unit: tar\nsources:\n  /a: { root: /, \(Self.timing) }\n")
        }
        #expect(try directory.load().units.map(\.name) == ["First"])
        #expect(
            try directory.unitError("Second")
                == "LIB/Second:3:3: sources./a: the unit First has this source already, and two units cannot write one "
                + "chain; give the source of unit Second another URL, or remove one of the two")
    }
}
