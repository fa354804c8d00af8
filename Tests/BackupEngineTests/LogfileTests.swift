import BackupModel
import BackupPipeline
import BackupRestore
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupUnits
import Glibc
import Testing

@testable import BackupEngine

/// Log files from the directory into the storage and back.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LogfileTests {
    /// Later than the files that tests make.
    private func site(
        _ place: TemporaryDirectory, compression: String = "none", encryption: String = "none",
        after: String = "delete",
        source: String = "/h/\\1", general: String = ""
    ) throws -> Site {
        let site = try Site(place, compression: compression, encryption: encryption, general: general)
        site.clock.set(SystemClock().now() + TimeSpan(seconds: 1000))
        try site.logs(source: source, after: after)
        return site
    }

    /// The content of an element, as `gb restore cat` gives it.
    private func content(_ site: Site, _ element: StoredElement) async throws -> String {
        let session = try site.installation().restoreSession(mayAsk: false, progress: .init())
        let path = site.place.path("content")
        let raw = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let file = OwnedDescriptor(raw, name: path)
        try await session.write(element, to: .descriptor(file))
        return String(decoding: try site.place.read("content"), as: UTF8.self)
    }

    @Test(arguments: ["none", "{ zstd: { level: 1 } }", "{ command: [gzip, -c], restore: [gzip, -dc] }"])
    func everyCompressionComesInAndTheLinesComeOut(compression: String) async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place, compression: compression)
            try shell(
                """
                for n in 5 4 3 2 1; do for i in $(seq 2000); do echo line $n $i; done >syslog.$n; done
                gzip syslog.5; bzip2 syslog.4; xz syslog.3; zstd -q --rm syslog.2
                """, in: place.path("logs"))
            let outcomes = try await site.once()
            #expect(outcomes.map(\.failure?.description) == [nil, nil, nil, nil, nil])
            let elements = try site.elements("/h/syslog")
            #expect(outcomes.compactMap(\.element) == elements.map(\.id))
            for (number, element) in zip([5, 4, 3, 2, 1], elements) {
                let text = try await content(site, element)
                #expect(text == (1...2000).map { "line \(number) \($0)\n" }.joined())
            }
            // Two programs talk directly: nobody counts what passes between them.
            if !compression.contains("command") { #expect(Set(outcomes.map(\.bytesIn)).count == 1) }
            #expect(elements.map(\.metadata.predecessor) == [nil] + elements.dropLast().map(\.metadata.uuid))
            let first = elements.compactMap { $0.metadata.pipeline?.first }
            #expect(first.map(\.stage) == ["logfile", "logfile", "logfile", "logfile", "logfile"])
            #expect(first.map { $0.other["Decompressed"]?.stringValue } == ["gzip", "bzip2", "xz", "zstd", nil])
            #expect(place.names("logs").isEmpty)
            let verified = try await StorageVerification(try site.storage, jobs: 1).verify(try SourceURL("/h/syslog"))
            #expect(verified.isSound)
            #expect(try await site.once().isEmpty)
            // Extracting writes the newest one into a file.
            let session = try site.installation().restoreSession(mayAsk: false, progress: .init())
            let plan = try RestorePlan(session.storage, source: try SourceURL("/h/syslog"), at: .newest)
            #expect(plan.elements.count == 1)
        }
    }

    /// State and storage of the original, with its unit's name: the same chain, continued.
    @Test func stateOfTheOriginalIsContinued() async throws {
        try await withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let site = try site(place)
            place.remove("store")
            place.remove("state")
            try shell("mv '\(reference.dataPath)' store; mv '\(reference.statePath)' state", in: place.path)
            let source = "/host1/var/log/syslog"
            let before = try site.elements(source)
            #expect(before.count == 2)
            // Its names, time and UUIDs by our formula.
            for (element, name) in zip(before, ["syslog.2.gz", "syslog.1"]) {
                let metadata = element.metadata
                let uuid = DataDigest.uuid(
                    predecessor: metadata.predecessor, checksum: try #require(metadata.checksum),
                    timestamp: metadata.timestamp, name: name)
                #expect(uuid == metadata.uuid)
            }
            place.remove("etc/units/Logs")
            try site.logs("LogfileBackupUnit", source: "/host1/var/log/\\1")
            try shell("echo 'oct 3 line' >syslog.1; touch -d @1795220500 syslog.1", in: place.path("logs"))
            let outcomes = try await site.once()
            #expect(outcomes.map(\.failure?.description) == [nil])
            let after = try site.elements(source)
            #expect(after.map(\.id).dropLast() == before.map(\.id)[...])
            let new = try #require(after.last)
            #expect(new.metadata.predecessor == before.last?.metadata.uuid)
            #expect(new.metadata.timestamp == Timestamp(1_795_220_500))
            #expect(try await content(site, new) == "oct 3 line\n")
            #expect(try await StorageVerification(try site.storage, jobs: 1).verify(try SourceURL(source)).isSound)
            let state = String(
                decoding: try place.read("state/generators/LogfileBackupUnit/state.current"), as: UTF8.self)
            let uuid = try #require(new.metadata.uuid)
            #expect(state == "[\(site.clock.now().seconds), {\"\(source)\": \"\(uuid.base64)\"}]")
        }
    }

    /// A file that cannot be read fails its run, and those after it wait; other sources go on.
    @Test(arguments: [("gz", "gzip -c"), ("bz2", "bzip2 -c"), ("xz", "xz -c"), ("zst", "zstd -qc")])
    func aTruncatedFileIsNoBackup(suffix: String, command: String) async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try shell(
                """
                head -c 100000 /dev/urandom | \(command) | head -c 50000 >bad.2.\(suffix); echo x >bad.1; echo y >good.1
                echo 'no such form' >worse.1.\(suffix)
                """, in: place.path("logs"))
            let outcomes = try await site.once()
            #expect(outcomes.count == 3)
            for outcome in outcomes where outcome.source.description != "/h/good" {
                let failure = try #require(outcome.failure)
                #expect([.processFailed, .damaged].contains(failure.code), "\(failure)")
                #expect(failure.description.contains(place.path("logs/")), "\(failure)")
                #expect(failure.description.contains("move it away"), "\(failure)")
            }
            #expect(try site.elements("/h/good").count == 1)
            #expect(try site.storage.sources().map(\.description) == ["/h/good"])
            #expect(place.names("logs") == ["bad.1", "bad.2.\(suffix)", "worse.1.\(suffix)"])
            try shell("mv bad.2.\(suffix) damaged", in: place.path("logs"))
            #expect(try await site.once(all: true).contains { $0.element != nil })
            #expect(try site.elements("/h/bad").count == 1)
        }
    }

    /// The stage behind it changes the file while it is read.
    @Test(arguments: ["echo more >>syslog.1", ": >syslog.1", "echo y >syslog.1"])
    func aFileThatChangesWhileItIsReadIsNoBackup(script: String) async throws {
        try await withTemporaryDirectory { place in
            let command = "cat; cd '\(place.path("logs"))'; test -e other.1 || { \(script); }"
            let site = try site(
                place, compression: "{ command: [sh, -c, \"\(command)\"], restore: [cat] }")
            try shell("head -c 3000000 /dev/zero >syslog.1; echo x >other.1", in: place.path("logs"))
            // The other source comes first, and its file is there until it is stored.
            let outcomes = try await site.once()
            let failed = outcomes.filter { $0.failure != nil }
            #expect(failed.map(\.source.description) == ["/h/syslog"])
            #expect(failed.first?.failure?.code == .busy)
            #expect(try site.storage.sources().map(\.description) == ["/h/other"])
            #expect(place.names("logs") == ["syslog.1"])
            #expect(try site.events("run_failed").count == 1)
            // When it holds still it is stored as it is.
            try site.configure()
            let rest = try place.read("logs/syslog.1")
            let again = try await site.once(all: true)
            #expect(again.map(\.failure?.description) == (rest.isEmpty ? [] : [nil]))
            #expect(place.names("logs") == (rest.isEmpty ? ["syslog.1"] : []))
        }
    }

    @Test func vanishedAndReplacedFiles() async throws {
        try await withTemporaryDirectory { place in
            let logs = place.path("logs")
            let command =
                "cat; cd '\(logs)'; rm -f gone.1; test -e done || { test ! -e old.1 || { mv old.1 old.2; touch done; }; echo new >old.1; }"
            let site = try site(
                place, compression: "{ command: [sh, -c, \"\(command)\"], restore: [cat] }")
            try shell("echo 1 >gone.1", in: logs)
            let gone = try #require(try await site.once().first)
            #expect(gone.failure == nil && gone.element != nil)
            let stored = try #require(try site.elements("/h/gone").first)
            #expect(try site.storage.data(stored.id) == Array("1\n".utf8))
            // Another file has the name when it is to be deleted.
            let replaced = try await site.once(all: true)
            #expect(replaced.map(\.failure?.description) == [nil, nil])
            #expect(replaced.map { $0.notes.contains { $0.contains("was not deleted") } } == [true, false])
            // The end of the round finds the first one under its new name.
            #expect(place.names("logs") == ["done"])
        }
    }

    @Test func theGeneratorWorksThroughAllFilesAndEndsTheRound() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place, after: "keep")
            try site.command([("/h/dump", "echo dump")])
            try shell("for n in $(seq 30); do echo $n >app-$n; echo $n >web.$n; done", in: place.path("logs"))
            let outcomes = try await site.once()
            #expect(outcomes.count == 61)
            #expect(outcomes.allSatisfy { $0.failure == nil })
            for (source, order) in [("/h/app", Array(1...30)), ("/h/web", Array((1...30).reversed()))] {
                var texts: [String] = []
                for element in try site.elements(source) { texts.append(try await content(site, element)) }
                #expect(texts == order.map { "\($0)\n" })
            }
            #expect(place.names("logs").count == 60)
            #expect(try await site.once(all: true).count == 1, "only the command")
            // The next round comes in an hour, and not before.
            try shell("echo 31 >app-31", in: place.path("logs"))
            #expect(try await site.once().isEmpty)
            site.clock.advance(by: TimeSpan(seconds: 7200))
            #expect(try await site.once().map(\.source.description) == ["/h/app"])
        }
    }

    /// The same bytes give the same UUID: a state that was put back from a backup stores nothing twice.
    @Test func whatIsInTheStorageIsNotStoredTwice() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place, after: "keep")
            try shell("echo 1 >syslog.1", in: place.path("logs"))
            try await site.once()
            try shell("cp -a state before", in: place.path)
            try shell("mv syslog.1 syslog.2; echo 2 >syslog.1", in: place.path("logs"))
            #expect(try await site.once(all: true).count == 1)
            // The file is found under the name it had then.
            try shell("rm -r state; mv before state", in: place.path)
            let again = try await site.once(all: true)
            #expect(again.map(\.isStoredAlready) == [true])
            #expect(again.first?.notes.contains { $0.contains("already") } == true)
            let elements = try site.elements("/h/syslog")
            #expect(elements.count == 2)
            #expect(try await site.once(all: true).isEmpty)
        }
    }

    @Test func testModeTouchesNothing() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place, general: "test_mode: true")
            try shell("echo 1 >syslog.1; echo 2 >syslog.2", in: place.path("logs"))
            #expect(try await site.once().map(\.element) == [nil])
            #expect(place.names("logs") == ["syslog.1", "syslog.2"])
            try site.expectNothingStored("Logs")
        }
    }

    @Test func twoGeneratorsDoNotMeet() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            let first = try await site.generator()
            let error = await #expect(throws: BackupError.self) { _ = try await site.generator() }
            #expect(error?.code == .busy)
            withExtendedLifetime(first) {}
        }
    }

    /// Written down once for as long as it is so, and again when it comes back.
    @Test func theJournalGetsTheReasons() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try shell("echo 1 >mixed.1; echo 2 >mixed-1; ln -s x link.1", in: place.path("logs"))
            let generator = try await site.generator()
            func notes() throws -> [String] { try site.events("note").compactMap { $0["message"]?.stringValue } }
            for _ in 0..<3 { _ = generator.outlook() }
            #expect(try notes().count == 2)
            #expect(try notes().contains { $0.contains("/h/mixed is skipped") })
            #expect(try notes().contains { $0.contains("link.1") && $0.contains("symbolic link") })
            try shell("mv mixed-1 away", in: place.path("logs"))
            _ = generator.outlook()
            try shell("mv away mixed-1", in: place.path("logs"))
            _ = generator.outlook()
            #expect(try notes().count == 3)
        }
    }

    @Test func aMissingDirectoryIsAnErrorAndTheOthersGoOn() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try place.write(
                "etc/units/Logs.config",
                try String(decoding: place.read("etc/units/Logs.config"), as: UTF8.self)
                    + "  b: { directory: /nowhere/at/all, pattern: '(a)', after_store: keep }\n")
            try shell("echo 1 >syslog.1", in: place.path("logs"))
            let generator = try await site.generator()
            let (runs, errors) = generator.schedule()
            #expect(errors.count == 1 && errors[0].description.contains("/nowhere/at/all"))
            #expect(runs.count == 1)
            var check = ConfigurationCheck(try site.installation())
            let findings = check.run()
            #expect(findings.contains { $0.grade == .error && $0.message.contains("/nowhere/at/all") })
            #expect(findings.contains { $0.grade == .warning && $0.message.contains("inputs.a") })
        }
    }

    /// A source that fails does not keep the round open: else every other one would be looked at all the time.
    @Test func whatHasFailedIsTriedInTheNextRound() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try shell("echo no gzip >bad.1.gz; echo 1 >good.1", in: place.path("logs"))
            #expect(try await site.once().map { $0.failure != nil } == [true, false])
            try shell("echo 2 >good.1", in: place.path("logs"))
            #expect(try await site.once().isEmpty, "the next round has not come")
            site.clock.advance(by: TimeSpan(seconds: 7200))
            #expect(try await site.once().map { $0.failure != nil } == [true, false])
        }
    }

    /// The configuration cannot know what will be found.
    @Test func aSourceThatAnotherUnitHasIsRefused() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try site.command([("/h/dump", "echo dump")])
            try shell("echo 1 >dump.1; echo 2 >other.1", in: place.path("logs"))
            let generator = try await site.generator()
            let outlook = generator.outlook()
            #expect(outlook.runs.map(\.unit) == ["Dump", "Logs"])
            #expect(outlook.runs.map(\.source.description) == ["/h/dump", "/h/other"])
            #expect(
                outlook.errors.count == 1 && outlook.errors[0].description.contains("the unit Dump has this source"))
            let overview = try GeneratorOverview(try site.installation())
            #expect(overview.errors.map(\.description) == outlook.errors.map(\.description))
        }
    }

    @Test func theOverviewShowsWhatWaitsAndWhy() async throws {
        try await withTemporaryDirectory { place in
            let site = try site(place)
            try shell("echo 1 >syslog.2; echo 1 >syslog.1; echo 2 >held.1", in: place.path("logs"))
            let writer = OwnedDescriptor(open(place.path("logs/held.1"), O_WRONLY | O_CLOEXEC), name: "held")
            let overview = try GeneratorOverview(try site.installation())
            #expect(overview.sources.map(\.next.source.description) == ["/h/syslog"])
            #expect(overview.sources.first?.next.reason.contains("syslog.2") == true)
            #expect(overview.sources.first?.next.reason.contains("oldest of 2") == true)
            #expect(overview.waiting.map(\.source.source.description) == ["/h/held"])
            #expect(overview.waiting.first?.source.reason.contains("open for writing by process \(getpid())") == true)
            #expect(!place.exists("state"), "looking changes nothing")
            writer.close()
            #expect(try await site.once().count == 3)
            let later = try GeneratorOverview(try site.installation())
            #expect(later.sources.isEmpty)
            #expect(later.waiting.map { $0.lastStored != nil } == [true, true])
        }
    }
}
