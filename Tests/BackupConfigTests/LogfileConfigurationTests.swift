import BackupConfig
import BackupModel
import Testing

@Suite struct LogfileConfigurationTests {
    static let least = #"directory: /var/log, pattern: "(syslog)\\.(?<oldserial>[0-9]+)", after_store: keep"#

    private func unit(_ overlay: String, definition: String = "unit: logfile\n") throws -> UnitConfiguration {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: definition, overlay: overlay)
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        let unit = try #require(loaded.units.first)
        // What is shown reads back as the same.
        let shown = try TemporaryConfiguration()
        try shown.unit("A", definition: try loaded.show(unit: "A", explain: false))
        #expect(try shown.load().units.map(\.kind) == [unit.kind])
        #expect(unit.sources.isEmpty)
        return unit
    }

    private func settings(_ overlay: String, definition: String = "unit: logfile\n") throws -> LogfileSettings {
        guard case .logfile(let settings) = try unit(overlay, definition: definition).kind else {
            throw BackupError(.failed, "not a logfile unit")
        }
        return settings
    }

    @Test func anInputHasTheDocumentedDefaults() throws {
        let settings = try settings("inputs: { a: { \(Self.least) } }")
        #expect(settings.timing == LogfileSettings.defaultTiming)
        let input = try #require(settings.inputs.first)
        #expect(settings.inputs.count == 1)
        #expect(input.name == "a" && input.directory == "/var/log")
        #expect(input.afterStore == .keep && input.whenUnknown == .wait)
        #expect(input.settle == TimeSpan(seconds: 60))
        #expect(input.policies == [] && input.encryption == .none)
        #expect(try input.source.source { _ in "syslog" }.description == "/var/log/syslog")
    }

    @Test func everyKeyIsTaken() throws {
        let settings = try settings(
            """
            timing: { min: 5min, max: 3h, every: 30min, offset: 10min }
            input_defaults: { after_store: truncate, settle: 5s }
            inputs:
              one:
                directory: /srv/log///
                pattern: '(?P<name>[a-z]+)-(?<serial>[0-9]+)'
                source: /h/\\g<name>-x/\\2
                when_unknown: take
                policy: [a/b]
                encryption: { recipients: [a@b] }
              two: { directory: /, pattern: "(a)(b)", source: "logs/\\\\g<2>", after_store: delete, settle: 0s }
            """)
        #expect(
            settings.timing
                == TimingSetting(
                    minimum: TimeSpan(seconds: 300), maximum: TimeSpan(seconds: 10800),
                    modulus: TimeSpan(seconds: 1800), offset: TimeSpan(seconds: 600)))
        #expect(settings.inputs.map(\.name) == ["one", "two"])
        #expect(settings.inputs.map(\.directory) == ["/srv/log", ""])
        #expect(settings.inputs.map(\.afterStore) == [.truncate, .delete])
        #expect(settings.inputs.map(\.settle) == [TimeSpan(seconds: 5), .zero])
        #expect(settings.inputs.map(\.whenUnknown) == [.take, .wait])
        #expect(settings.inputs.map(\.policies) == [["a/b"], []])
        #expect(settings.inputs.map(\.encryption) == [.recipients(["a@b"]), .none])
        let sources = try settings.inputs.map { try $0.source.source { ["", "auth", "7"][$0] }.description }
        #expect(sources == ["/h/auth-x/7", "/logs/7"])
    }

    /// What is left out of the timing is as in the default, but its offset goes with its modulus.
    @Test func theTimingIsMergedWithTheDefault() throws {
        func timing(_ text: String) throws -> TimingSetting {
            try settings("timing: \(text)\ninputs: { a: { \(Self.least) } }").timing
        }
        #expect(try timing("{ max: 3h }").maximum == TimeSpan(seconds: 10800))
        #expect(try timing("{ max: 3h }").offset == TimeSpan(seconds: 300))
        #expect(try timing("{ every: 1min }").offset == .zero)
        #expect(try timing("{ every: none }").modulus == nil)
        #expect(try timing("{ offset: 7min }").offset == TimeSpan(seconds: 420))
        #expect(try timing("{ offset: none }").offset == .zero)
    }

    struct Case: Sendable {
        let text: String
        let words: [String]
    }

    @Test(arguments: [
        Case(text: #"pattern: "(a", directory: /l, after_store: keep"#, words: ["inputs.a.pattern", "expected ')'"]),
        Case(
            text: #"pattern: "a+", directory: /l, after_store: keep"#,
            words: ["inputs.a.pattern", "no group", "write source"]),
        Case(text: #"pattern: "", directory: /l, after_store: keep"#, words: ["inputs.a.pattern", "empty"]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, source: "/h/\\2""#,
            words: ["inputs.a.source", "no group \"2\"", #"\1"#]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, source: "/h/\\g<nme>""#,
            words: ["inputs.a.source", "no group \"nme\""]),
        Case(
            text: #"pattern: "a", directory: /l, after_store: keep, source: "/h/\\1""#,
            words: ["inputs.a.source", "no group \"1\""]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, source: "/h h/\\1""#,
            words: ["inputs.a.source", "' '"]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, source: "/h/../\\1""#,
            words: ["inputs.a.source", "\"..\""]),
        Case(
            text: #"pattern: "(a)", directory: "/l l", after_store: keep"#,
            words: ["inputs.a.directory", "without the key source"]),
        Case(text: #"pattern: "(a)", directory: l, after_store: keep"#, words: ["inputs.a.directory", "absolute"]),
        Case(
            text: #"pattern: "(a)", directory: /l"#,
            words: ["inputs.a.after_store", "missing", "delete, keep or truncate"]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: remove"#,
            words: ["inputs.a.after_store", "delete, keep, truncate"]),
        Case(text: #"directory: /l, after_store: keep"#, words: ["inputs.a.pattern", "missing"]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, when_unknown: guess"#,
            words: ["inputs.a.when_unknown", "wait, take"]),
        Case(
            text: #"pattern: "(a)", directory: /l, after_store: keep, settel: 1s"#,
            words: ["settel", "did you mean \"settle\"?"]),
    ]) func wrongInputsAreRefused(_ wrong: Case) throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: logfile\n", overlay: "inputs: { a: { \(wrong.text) } }\n")
        let error = try directory.unitError("A")
        for word in wrong.words { #expect(error.contains(word), "\(error)") }
    }

    @Test func wrongUnitsAreRefused() throws {
        func error(_ overlay: String) throws -> String {
            let directory = try TemporaryConfiguration()
            try directory.unit("A", definition: "unit: logfile\n", overlay: overlay)
            return try directory.unitError("A")
        }
        #expect(try error("timing: { max: 1h }\n").contains("inputs: the mandatory key is missing"))
        #expect(try error("inputs: [a]\n").contains("expected a map of inputs"))
        #expect(try error("inputs: { \"a b\": { \(Self.least) } }\n").contains("no name of an input"))
        #expect(try error("inputs: { a: 5 }\n").contains("inputs.a: expected a map"))
        #expect(
            try error("input_defaults: 5\ninputs: { a: { \(Self.least) } }\n").contains(
                "input_defaults: expected a map"))
        #expect(try error("sources: { /a: {} }\ninputs: { a: { \(Self.least) } }\n").contains("sources: unknown key"))
        #expect(
            try error("timing: { min: 3h }\ninputs: { a: { \(Self.least) } }\n").contains("3h is more than max, 2h"))
    }

    @Test func groupsAreCounted() throws {
        #expect(try LogPattern.groups(of: "a") == [])
        #expect(try LogPattern.groups(of: "(a)(?<b>c)(?:d)(?P<e>f)") == [nil, "b", "e"])
        #expect(try LogPattern.groups(of: "(?x) (a) # comment") == [nil])
        #expect(throws: BackupError.self) { try LogPattern.groups(of: String(repeating: "a", count: 1001)) }
    }
}
