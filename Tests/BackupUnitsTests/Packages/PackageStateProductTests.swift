import BackupModel
import BackupPackages
import BackupSystem
import BackupTestKit
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// Snapshot and changes say what is installed; log and database check each other.
@Suite struct PackageStateProductTests {
    private static let state = PackagesBench.state

    @Test func aFullHasTheHistoryAndTheSnapshot() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.change("b", to: "1")
        try bench.change("a", to: "2")
        try bench.change("b", to: nil)
        let full = try bench.run(Self.state, type: nil)
        #expect(full.type == .full && full.events.isEmpty && full.notes.isEmpty)
        #expect(try bench.prepare(Self.state).record.other["FromBeginning"] == nil)
        let records = try PackagesBench.records(full)
        #expect(
            records.map { "\($0.event.rawValue) \($0.name ?? "") \($0.version ?? "")" }
                == ["install a 1", "install b 1", "uninstall a 1", "install a 2", "uninstall b 1", "purge b "])
        #expect(records.allSatisfy { $0.machine == PackagesBench.machine && $0.manager == "dpkg" })
        #expect(try bench.told() == ["a": "2"])
        try bench.change("c", to: "1")
        let increment = try bench.run(Self.state)
        #expect(increment.type == .inc)
        #expect(try PackagesBench.records(increment).map(\.name) == ["c"])
        #expect(try bench.told() == ["a": "2", "c": "1"])
        #expect(try bench.run(Self.state).bytes.isEmpty)
    }

    @Test(arguments: 0..<10) func randomHistoriesLeadToTheDatabase(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        var version = 1
        for _ in 0..<60 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...5:
                let name = ["a", "b", "c", "d", "e"].randomElement(using: &random) ?? "a"
                version += 1
                try bench.change(name, to: Bool.random(using: &random) ? "\(version)" : nil)
            case 6: try bench.rotate(copies: Bool.random(using: &random), compresses: Bool.random(using: &random))
            case 7: try bench.run(Self.state, type: .full)
            default: try bench.run(Self.state)
            }
        }
        try bench.run(Self.state)
        #expect(try bench.told() == bench.installed, "seed \(seed)")
        #expect(bench.elements.allSatisfy { $0.events.isEmpty && $0.notes.isEmpty })
    }

    @Test func whatTheLogDoesNotSayIsAnEventAndARecord() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.change("b", to: "1")
        try bench.run(Self.state, type: nil)
        try bench.change("a", to: "9", logged: false)
        try bench.change("b", to: nil, logged: false)
        try bench.change("c", to: "1", logged: false)
        let element = try bench.run(Self.state, at: 1_700_000_500)
        let records = try PackagesBench.records(element)
        #expect(records.filter { $0.event == .disagreement }.compactMap(\.name) == ["a", "b", "c"])
        // It happened between the two elements.
        #expect(
            records.allSatisfy { $0.started == Timestamp(1_700_000_000) && $0.finished == Timestamp(1_700_000_500) })
        #expect(element.events.count == 3)
        let kinds = element.events.compactMap { $0.details["disagreement"]?.stringValue }
        #expect(kinds == ["other_version", "only_in_log", "missed_by_log"])
        #expect(element.events.first?.details["database_version"]?.stringValue == "9")
        #expect(element.notes.contains { $0.contains("disagree on 3 packages: a, b, c") })
        #expect(try bench.told() == ["a": "9", "c": "1"])
        // Said once.
        let next = try bench.run(Self.state)
        #expect(next.events.isEmpty && next.bytes.isEmpty)
    }

    @Test func aSystemWithoutALogIsFollowedByItsDatabase() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1", logged: false)
        let full = try bench.run(Self.state, type: nil)
        #expect(full.notes.contains { $0.contains("there is no log") })
        try bench.change("b", to: "1", logged: false)
        let element = try bench.run(Self.state)
        #expect(element.events.isEmpty, "without a log nothing can disagree")
        #expect(try PackagesBench.records(element).map(\.event) == [.install])
        #expect(try bench.told() == ["a": "1", "b": "1"])
    }

    @Test func aLogThatHasVanishedIsSaid() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        try shell("rm dpkg.log", in: bench.logs)
        try bench.change("b", to: "1", logged: false)
        let element = try bench.run(Self.state)
        #expect(element.notes.contains { $0.contains("has vanished") })
        #expect(element.events.count == 1)
        #expect(try bench.told() == ["a": "1", "b": "1"])
    }

    @Test func anOlderLogThatWasPutBackIsNotReadTwice() throws {
        let bench = try PackagesBench()
        for number in 1...5 { try bench.change("a", to: "\(number)") }
        try shell("cp dpkg.log ../backup", in: bench.logs)
        try bench.change("b", to: "1")
        try bench.run(Self.state, type: nil)
        try shell("cp ../backup put; mv put dpkg.log", in: bench.logs)
        try bench.change("c", to: "1")
        let element = try bench.run(Self.state)
        #expect(element.type == .full)
        #expect(try PackagesBench.records(element).filter { $0.name == "a" }.isEmpty)
        #expect(try bench.told() == ["a": "5", "b": "1", "c": "1"])
        try bench.change("d", to: "1")
        #expect(try bench.run(Self.state).events.isEmpty)
        #expect(try bench.told() == bench.installed)
    }

    /// The database has what the part behind the one that is held back tells: that is no disagreement.
    @Test func whileAPartIsHeldBackNothingIsCompared() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        bench.open.openFiles.withLock { $0 = { files in OpenFiles.writers(of: files) } }
        try bench.rotate()
        let writer = try #require(FileHandle(forWritingAtPath: bench.logs + "/dpkg.log.1"))
        try bench.change("a", to: "2")
        let held = try bench.run(Self.state)
        #expect(held.bytes.isEmpty && held.events.isEmpty)
        #expect(held.notes.contains { $0.contains("dpkg.log.1") && $0.contains("open for writing") })
        try writer.close()
        let element = try bench.run(Self.state)
        #expect(element.events.isEmpty && element.notes.isEmpty)
        #expect(try PackagesBench.records(element).map(\.completeness) == [.complete, .complete])
        #expect(try bench.told() == ["a": "2"])
    }

    /// Somebody installs another package manager beside the one that is followed.
    @Test func anotherManagerBesideItChangesNothing() throws {
        let bench = try PackagesBench(manager: nil)
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        try bench.run(PackagesBench.log, type: nil)
        _ = try bench.scratch.directory("root/var/lib/pacman/local")
        try bench.change("b", to: "1")
        #expect(try bench.unit.outlook(now: Timestamp(1_700_000_000)).problems.isEmpty)
        #expect(try bench.run(Self.state).events.isEmpty)
        #expect(try bench.run(PackagesBench.log).type == .inc)
        #expect(try bench.told() == bench.installed)
    }

    @Test(arguments: [PackagesBench.log, PackagesBench.state]) func anotherSystemNeedsAnotherBase(_ source: SourceURL?)
        throws
    {
        let bench = try PackagesBench(manager: nil)
        try bench.change("a", to: "1")
        try bench.run(source, type: nil)
        _ = try bench.scratch.directory("root/var/lib/pacman/local")
        try shell("rm -r var/lib/dpkg; echo > var/log/pacman.log", in: bench.scratch.path + "/root")
        expectError(.configuration, mentions: ["dpkg", "pacman", "another base"]) { try bench.prepare(source) }
        try bench.change(root: "other")
        expectError(.configuration, mentions: ["/other", "another base"]) { try bench.prepare(source) }
    }

    /// As after an update that keeps what the parser knows in another form.
    @Test func aParserStateOfAnotherFormLeadsToAFull() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        let place = bench.scratch.path + "/state/generators/Unit"
        // That of the parser, and not that of the note.
        try shell(#"sed -i '1s/"Schema": 1}, "Root"/"Schema": 99}, "Root"/' state.position"#, in: place)
        try shell(#"grep -q '"Schema": 99' state.position"#, in: place)
        try bench.change("b", to: "1")
        #expect(try bench.run(Self.state).type == .full)
        #expect(try bench.told() == bench.installed)
    }

    /// Nobody knows which element the older state belongs to.
    @Test func aDamagedStateLeadsToAFull() throws {
        let bench = try PackagesBench()
        for number in 1...3 {
            try bench.change("a", to: "\(number)")
            try bench.run(Self.state)
        }
        try shell("echo zz > state.current", in: bench.scratch.path + "/state/generators/Unit")
        #expect(try !bench.restart().isEmpty)
        try bench.change("b", to: "1")
        let run = try bench.prepare(Self.state)
        #expect(run.type == .full)
        #expect(run.record.other["FromBeginning"] == .bool(true))
    }

    @Test func linesThatDoNotFitAreCountedAndQuoted() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.append("no line of dpkg\n")
        try shell(#"printf '\000\000\377\n' >> dpkg.log"#, in: bench.logs)
        try bench.change("b", to: "1")
        let element = try bench.run(Self.state, type: nil)
        #expect(
            element.notes.contains { $0.contains("2 lines of the log do not fit") && $0.contains("no line of dpkg") })
        #expect(try bench.told() == ["a": "1", "b": "1"])
    }

    @Test func aDatabaseThatIsSuddenlyEmptyGivesNoElement() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        try shell(": > status", in: bench.scratch.path + "/root/var/lib/dpkg")
        let run = try bench.prepare(Self.state)
        expectError(.damaged, mentions: ["no package any more", "--full"]) { try PackagesBench.bytes(run) }
        run.abandoned()
        #expect(try bench.run(Self.state, type: .full).type == .full)
        #expect(try bench.told() == [:])
    }

    @Test func withoutItsDatabaseThereIsNoElement() throws {
        let bench = try PackagesBench()
        try shell("rm status", in: bench.scratch.path + "/root/var/lib/dpkg")
        let run = try bench.prepare(Self.state, type: nil)
        expectError(.notFound, mentions: ["var/lib/dpkg/status"]) { try PackagesBench.bytes(run) }
    }

    @Test func aManagerThatIsNotKnownIsAnErrorOfTheConfiguration() {
        expectError(.configuration, mentions: ["rpmm", "portage"]) { try PackagesBench(manager: "rpmm") }
    }

    @Test func withoutADatabaseTheWayOutIsSaid() throws {
        let bench = try PackagesBench(manager: nil)
        try shell("rm -r var/lib/dpkg", in: bench.scratch.path + "/root")
        expectError(.notFound, mentions: ["root", "manager"]) { try bench.prepare(Self.state, type: nil) }
    }

    @Test func aDamagedNoteLeadsToAFull() throws {
        let bench = try PackagesBench()
        try bench.change("a", to: "1")
        try bench.run(Self.state, type: nil)
        try shell("truncate -s -3 state.position", in: bench.scratch.path + "/state/generators/Unit")
        try bench.change("b", to: "1")
        let element = try bench.run(Self.state)
        #expect(element.type == .full && element.events.isEmpty)
        #expect(try bench.told() == bench.installed)
    }
}
