import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupUnits
import Glibc
import Testing

@testable import BackupEngine

/// A machine with a configuration, as an administrator writes it: units are links to the definitions of this package.
struct Site {
    let place: TemporaryDirectory
    let clock = TestClock()

    var configuration: String { place.path("etc") }

    /// - Parameters:
    ///   - general: more lines of that section.
    ///   - other: whole sections.
    init(
        _ place: TemporaryDirectory, compression: String = "none", encryption: String = "none", general: String = "",
        other: String = ""
    ) throws {
        self.place = place
        for name in ["etc/units", "store", "root", "keys", "trace"] { try place.makeDirectory(name) }
        try configure(compression: compression, encryption: encryption, general: general, other: other)
    }

    func configure(
        compression: String = "none", encryption: String = "none", signing: String = "none", general: String = "",
        other: String = ""
    ) throws {
        try place.write(
            "etc/config",
            """
            general:
              state_directory: \(place.path("state"))
              runtime_directory: \(place.path("run"))
              keys_directory: \(place.path("keys"))
              \(general)
            storage: { directory: \(place.path("store")), durability: none }
            pipeline:
              compression: \(compression)
              encryption: \(encryption)
              signing: \(signing)
            \(other)

            """)
    }

    /// Where this package keeps the definitions of units.
    static let definitions =
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/units/"

    private func enable(_ name: String, _ kind: String, _ sources: String) throws {
        if !place.exists("etc/units/" + name) { try place.link("etc/units/" + name, to: Self.definitions + kind) }
        try place.write("etc/units/\(name).config", "sources:\n" + sources)
    }

    /// Enables a tar unit for `root` below the site.
    func tar(_ name: String = "Root", source: String = "/h/root", root: String? = nil, keys: [String] = []) throws {
        let more = keys.map { "    \($0)\n" }.joined()
        try enable(
            name, "tar",
            """
              \(source):
                root: \(root ?? place.path("root"))
                full_timing: { min: 6d, max: 7d }
                inc_timing: { min: 20h, max: 28h }
            \(more)

            """)
    }

    /// Enables a command unit, whose sources are the output of these scripts.
    func command(
        _ scripts: [(source: String, script: String)], as name: String = "Dump", keys: [String] = []
    ) throws {
        let more = keys.map { "    \($0)\n" }.joined()
        try enable(
            name, "command",
            scripts.map { source, script in
                """
                  \(source):
                    command: [sh, -c, '\(script.replacing("'", with: "''"))']
                    full_timing: { min: 1d, max: 2d }
                \(more)
                """
            }.joined(separator: "\n") + "\n")
    }

    /// Enables a logfile unit for the directory `logs` below the site, with names like `syslog.2.gz` and `app-7`.
    func logs(
        _ name: String = "Logs", source: String = "/h/\\1", after: String = "delete", keys: [String] = []
    ) throws {
        try place.makeDirectory("logs")
        if !place.exists("etc/units/" + name) { try place.link("etc/units/" + name, to: Self.definitions + "logfile") }
        try place.write(
            "etc/units/\(name).config",
            """
            inputs:
              a:
                directory: \(place.path("logs"))
                pattern: '([a-z]+)(?:\\.(?<oldserial>[0-9]+)|-(?<serial>[0-9]+))(?:\\.(?<compress>gz|bz2|xz|zst))?'
                source: '\(source)'
                after_store: \(after)
                settle: 0s
                when_unknown: take
            \(keys.map { "    \($0)\n" }.joined())

            """)
    }

    /// Enables a program as the unit `name`: these are the lines of shell for each call.
    func program(
        as name: String = "Own", describe: String? = nil, plan: String? = nil, run: String, done: String = ":",
        failed: String = ":", keys: [String] = []
    ) throws {
        let text = Self.programText(describe: describe, plan: plan, run: run, done: done, failed: failed)
        let path = try place.write("programs/" + name, text)
        try #require(chmod(path, 0o755) == 0)
        if !place.exists("etc/units/" + name) { try place.link("etc/units/" + name, to: path) }
        let all = ["environment: { TRACE: \(place.path("trace/told")) }"] + keys
        try place.write("etc/units/\(name).config", all.joined(separator: "\n") + "\n")
    }

    static func programText(
        describe: String? = nil, plan: String? = nil, run: String, done: String = ":", failed: String = ":"
    ) -> String {
        """
        #!/bin/sh
        case $1 in
        describe) \(describe ?? #"echo '{"protocol": 1, "name": "test"}'"#) ;;
        plan) \(plan ?? #"echo '{"sources": [{"source": "/h/own", "type": "full", "due": 0}]}'"#) ;;
        run) \(run) ;;
        done) \(done) ;;
        failed) \(failed) ;;
        esac

        """
    }

    // MARK: - Doing it

    func installation() throws -> Installation { try Installation(configurationPath: configuration, clock: clock) }

    func generator(observer: (any RunObserver)? = nil) async throws -> Generator {
        try await Generator.start(try installation(), softwareVersion: "test", observer: observer)
    }

    /// What `gb generator once` does.
    @discardableResult
    func once(full: Bool = false, all: Bool = false) async throws -> [RunOutcome] {
        let generator = try await generator()
        let (runs, errors) = generator.schedule()
        #expect(errors.isEmpty)
        let chosen =
            full || all ? runs.sorted(by: ScheduleOrder.precedes) : ScheduleOrder.due(runs, now: clock.now())
        let outcomes = await generator.carryOut(chosen, full: full, toTheEnd: true)
        _ = generator.schedule()
        return outcomes
    }

    // MARK: - Looking

    var storage: DefaultFileStorage { get throws { try DefaultFileStorage(path: place.path("store")) } }

    func elements(_ source: String) throws -> [StoredElement] {
        let listed = try storage.elements(of: SourceURL(source))
        #expect(listed.damaged.isEmpty)
        return ElementChain(source: try SourceURL(source), listed.usable).elements
    }

    func journal() throws -> [JSONObject] { try Journal.recent(stateDirectory: place.path("state")) }

    func events(_ kind: String) throws -> [JSONObject] { try journal().filter { $0["event"]?.stringValue == kind } }

    /// Nothing of a run is left: no element, no bytes, no half state.
    func expectNothingStored(_ unit: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try storage.sources().isEmpty, sourceLocation: sourceLocation)
        for name in try contentsOfTree(place.path("store")) where name.value.hasPrefix("file") {
            Issue.record("\(name) is left in the storage", sourceLocation: sourceLocation)
        }
        let left = place.names("state/generators/" + unit).filter { $0.hasSuffix(".next") || $0.hasSuffix(".tmp") }
        #expect(left.isEmpty, sourceLocation: sourceLocation)
    }

    /// Unpacks archives that are neither compressed nor encrypted, one after the other.
    func unpack(_ elements: [StoredElement], into name: String) throws -> [String: String] {
        let target = try place.makeDirectory(name)
        for element in elements {
            let path = try #require(try storage.localPath(of: element.id))
            let run = try ToolRun(["tar", "-x", "-p", "--listed-incremental=/dev/null", "-f", path, "-C", target])
            #expect(run.isSuccess, "\(run.output)")
        }
        return try contentsOfTree(target)
    }
}

extension Site {
    /// The command for the keys of the site, as a shell in its directory calls it.
    static let gpg = "gpg --homedir keys --batch --quiet --no-tty --pinentry-mode loopback --passphrase ''"

    /// A site whose clock agrees with that of gpg, which knows no other.
    fileprivate init(keysIn place: TemporaryDirectory) throws {
        try self.init(place)
        // A key is not valid before it was made.
        clock.set(Timestamp(Int64(time(nil)) + 5))
    }

    /// Ends the processes that gpg has left behind.
    fileprivate func endKeyProcesses() {
        _ = try? ToolRun(["gpgconf", "--homedir", place.path("keys"), "--kill", "all"])
    }
}

/// Gives `body` a site in which keys can be made.
func withKeySite(_ body: (Site) async throws -> Void) async throws {
    try await withTemporaryDirectory { place in
        let site = try Site(keysIn: place)
        defer { site.endKeyProcesses() }
        try await body(site)
    }
}

/// As the other one.
func withKeySite(_ body: (Site) throws -> Void) throws {
    try withTemporaryDirectory { place in
        let site = try Site(keysIn: place)
        defer { site.endKeyProcesses() }
        try body(site)
    }
}

@discardableResult
func shell(_ script: String, in directory: String) throws -> String {
    let run = try ToolRun(["bash", "-c", "cd \"$1\" || exit; export LC_ALL=C; " + script, "test", directory])
    try #require(run.isSuccess, "\(script): \(run.output)")
    return run.output
}

/// Waits until `condition` holds; two minutes are more than any machine needs.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) async throws {
    for _ in 0..<2400 {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record(what, sourceLocation: sourceLocation)
    throw BackupError(.timedOut, "it never came")
}
