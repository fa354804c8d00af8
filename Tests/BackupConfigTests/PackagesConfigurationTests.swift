import BackupConfig
import BackupModel
import Testing

@Suite struct PackagesConfigurationTests {
    private static let timing = "full_timing: { min: 6d20h, max: 7d4h, every: 7d, offset: 2h }"

    private func settings(_ overlay: String) throws -> PackagesSettings {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: packages\n\(Self.timing)\n", overlay: overlay)
        let loaded = try directory.load()
        #expect(loaded.unitErrors.flatMap(\.errors).map(\.description) == [])
        let unit = try #require(loaded.units.first)
        // What is shown reads back as the same.
        let shown = try TemporaryConfiguration()
        try shown.unit("A", definition: try loaded.show(unit: "A", explain: false))
        #expect(try shown.load().units.map(\.kind) == [unit.kind])
        #expect(unit.sources.count == 2)
        guard case .packages(let settings) = unit.kind else { throw BackupError(.failed, "no packages unit") }
        return settings
    }

    @Test func theDefaults() throws {
        let settings = try settings("base: /h/packages")
        #expect(settings.logSource.description == "/h/packages/log")
        #expect(settings.stateSource.description == "/h/packages/state")
        #expect(settings.manager == nil && settings.root == "/" && settings.log == nil && settings.incTiming == nil)
        #expect(settings.policies == [] && settings.encryption == .none)
    }

    @Test func everyKeyIsTaken() throws {
        let settings = try settings(
            """
            base: /h/p
            manager: portage
            root: /mnt/gentoo
            log: /srv/log/emerge.log
            inc_timing: { min: 1h, max: 2h }
            policy: [a/b]
            encryption: { recipients: [a@b] }
            """)
        #expect(settings.manager == "portage" && settings.root == "/mnt/gentoo")
        #expect(settings.log == "/srv/log/emerge.log" && settings.policies == ["a/b"])
        #expect(settings.incTiming?.maximum == TimeSpan(seconds: 7200))
        #expect(settings.encryption == .recipients(["a@b"]))
    }

    @Test(arguments: [
        ("root: /", "base"), ("base: packages", "base"), ("base: /a/../b", "base"), ("base: [/a]", "base"),
        ("base: /a\nroot: etc", "root"), ("base: /a\nlog: emerge.log", "log"), ("base: /a\nsources: {}", "sources"),
        ("base: /a\ninc_timing: { min: 1h }", "max"), ("base: /a\nmanagr: dpkg", "managr"),
        ("base: /\(String(repeating: "a", count: 5000))", "base"),
    ])
    func whatIsWrongIsNamed(overlay: String, key: String) throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: packages\n\(Self.timing)\n", overlay: overlay)
        let errors = try directory.load().unitErrors.flatMap(\.errors).map(\.description)
        #expect(errors.contains { $0.contains(key) }, "\(errors)")
    }

    @Test func fullsNeedATime() throws {
        let directory = try TemporaryConfiguration()
        try directory.unit("A", definition: "unit: packages\n", overlay: "base: /a")
        #expect(try directory.load().unitErrors.flatMap(\.errors).contains { $0.description.contains("full_timing") })
    }
}
