import BackupConfig
import BackupModel
import BackupSystem
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// When a file is taken, and what becomes of it.
@Suite struct LogfileUnitTests {
    // MARK: - The original

    /// Elements and state that the original wrote: the formula gives its UUIDs, and its state is read and written again.
    @Test func givesTheUUIDsOfTheOriginal() throws {
        let first = ElementUUID(
            predecessor: nil,
            checksum: try #require(
                Base64.decode(
                    "5VyAFuo14TVaw3RME24c/v47t2QYeHzZn6p9/JT//8WgFFbf691PEhytisEe95iPP1idoMtFob+b6zc9M7pGOQ==")),
            timestamp: Timestamp(1_795_220_058), name: "syslog.2.gz")
        #expect(
            first.base64 == "jyOPYkvcCOkA+uXQ7vQbszZ9QGLWGIsO5GUm4azIslF0yF0h+vvcc0dJyZUQdHbIdQpmmwe8TreRR12orCGVEg==")
        let second = ElementUUID(
            predecessor: first,
            checksum: try #require(
                Base64.decode(
                    "5KSpzpKH1nhm9sfQzQGurLxc23FYfkNIJRVe60JLNg3pnOJqSbTSlzameVujtOUHSV/7kbkmsxHASiozggsRlg==")),
            timestamp: Timestamp(1_795_220_058), name: "syslog.1")
        #expect(second.base64 == Self.last)
    }

    static let last = "ZwZyStHvmZ443VyU4coB8Epbjfhsmr++55sWDEBHOFkTTEdrqt4DppYY/cI2XwWYCOlA8UPHj4hQuCFzsXDxrA=="
    static let state = #"[1795220099, {"/host1/var/log/syslog": ""# + last + #""}]"#

    @Test func continuesTheStateOfTheOriginal() throws {
        let parsed = try UnitState(parsing: Array(Self.state.utf8), path: "x", form: .looks)
        #expect(String(decoding: parsed.text, as: UTF8.self) == Self.state)
        let bench = try LogBench(source: "/host1/var/log/\\1")
        try bench.bench.files.write(Self.state, to: "state.current")
        try bench.write("syslog.1", "other.1")
        #expect(try bench.bench.recover() == [])
        let last = Timestamp(1_795_220_099)
        let early = try bench.outlook(Timestamp(1_795_220_100))
        #expect(early.nextLook == LogBench.hourly.next(after: last))
        #expect(early.runs.allSatisfy { $0.due == LogBench.hourly.next(after: last) }, "not before its time")
        #expect(try bench.prepare("/host1/var/log/syslog").predecessor?.base64 == Self.last)
        #expect(try bench.prepare("/host1/var/log/other").predecessor == nil)
        try bench.store("/host1/var/log/syslog")
        let text = try #require(bench.bench.files.text("state.current"))
        #expect(text.hasPrefix("[1795220099, {\"/host1/var/log/syslog\": \""))
        #expect(!text.contains(Self.last))
        #expect(bench.bench.files.text("state.old") == Self.state)
    }

    @Test(arguments: [
        "", "[", "{}", "[5]", "[-5, {}]", "[99999999999999, {}]", #"[5, {"/h/a": 5}]"#, #"[5, {"/h/a": "not base64"}]"#,
    ]) func aDamagedStateFallsBackToTheOneBefore(text: String) throws {
        let bench = try LogBench(source: "/host1/var/log/\\1")
        try bench.bench.files.write(text, to: "state.current")
        try bench.bench.files.write(Self.state, to: "state.old")
        let notes = try bench.bench.recover()
        #expect(notes.count == 1 && notes[0].contains("state.old was used instead"), "\(notes)")
        #expect(try bench.bench.recover() == [])
        try bench.write("syslog.1")
        #expect(try bench.prepare("/host1/var/log/syslog").predecessor?.base64 == Self.last)
    }

    // MARK: - Rounds

    @Test func aRoundLastsUntilNothingIsLeft() throws {
        let bench = try LogBench()
        let start = LogBench.now
        #expect(try bench.outlook(start).nextLook == start, "it never looked before")
        try bench.write("a.2", "a.1")
        try bench.store("/h/a", now: start)
        // The round is not over: what waits is due at once.
        #expect(try bench.outlook(start).runs.map { $0.due <= start } == [true])
        let run = try bench.prepare("/h/a", now: start)
        #expect(try bench.bench.unit.endRound(now: start) == [])
        #expect(try bench.bench.files.state().lastLook?.seconds ?? 0 == 0, "a run is under way")
        try bench.store(run)
        #expect(try bench.outlook(start).runs.isEmpty)
        #expect(try bench.bench.unit.endRound(now: start) == [])
        let next = LogBench.hourly.next(after: start)
        #expect(try bench.outlook(start).nextLook == next)
        #expect(try bench.waits("/h/a", start)?.contains("stored already") == true)
        // What comes now waits for the next one.
        try bench.write("b.1")
        #expect(try bench.outlook(start).runs.map(\.due) == [next])
        // And a restart changes nothing of that.
        #expect(try LogBench(bench.scratch).outlook(start).runs.map(\.due) == [next])
    }

    @Test func sourcesAreWhatIsThereAndWhatWas() throws {
        let bench = try LogBench(after: .delete)
        #expect(bench.bench.unit.sources == [])
        #expect(try bench.outlook().waiting == [])
        try bench.write("b.1", "a.1", "c")
        #expect(bench.bench.unit.sources.map(\.description) == ["/h/a", "/h/b", "/h/c"])
        #expect(try bench.storeAll("/h/a") == ["a.1"])
        #expect(bench.bench.unit.sources.map(\.description) == ["/h/a", "/h/b", "/h/c"])
        #expect(try bench.waits("/h/a") == "no file is there")
        #expect(bench.names == ["b.1", "c"])
    }

    // MARK: - Waiting

    @Test func filesMustHaveSettled() throws {
        let bench = try LogBench(settle: 60)
        try bench.write("a.2", "a.1")
        let made = Timestamp(Int64(time(nil)))
        let reason = try #require(try bench.waits("/h/a", Timestamp(made.seconds + 30)))
        #expect(reason.contains("a.2") && reason.contains("must rest for 1min"), "\(reason)")
        #expect(try bench.outlook(Timestamp(made.seconds + 30)).runs.isEmpty)
        #expect(try bench.outlook(Timestamp(made.seconds + 61)).runs.count == 1)
        // The time of the file says nothing if it was set by hand: that of the kernel counts.
        try shell("touch -d @1000 a.2", in: bench.logs)
        #expect(try bench.outlook(Timestamp(made.seconds + 30)).runs.isEmpty)
        // The clock was set back: nobody waits for years.
        #expect(try bench.outlook(Timestamp(made.seconds - 1_000_000)).runs.count == 1)
    }

    @Test func timesInTheFutureAreThoseOfTheRun() throws {
        let bench = try LogBench(settle: 60)
        let now = LogBench.now
        try bench.write("a.2", text: "x", at: 4_000_000_000)
        try bench.write("a.1", text: "y", at: -5)
        let future = try bench.prepare("/h/a", now: now)
        #expect(future.timestamp == now)
        let uuid = future.uuid(checksum: [1])
        #expect(uuid == ElementUUID(predecessor: nil, checksum: [1], timestamp: now, name: "a.2"))
        try bench.store(future)
        #expect(try bench.prepare("/h/a", now: now).timestamp == Timestamp(0), "metadata have no time before 1970")
    }

    @Test func whatIsOpenForWritingWaitsWithWhatComesAfterIt() throws {
        let bench = try LogBench(after: .delete)
        bench.open.withLock { $0 = nil }
        try bench.write("a.2", "a.1", "b.1")
        // This process is the writer.
        let writer = try #require(FileHandle(forWritingAtPath: bench.logs + "/a.2"))
        let reason = try #require(try bench.waits("/h/a"))
        #expect(reason.contains("a.2 is open for writing by process \(getpid())"), "\(reason)")
        #expect(try bench.outlook().runs.map(\.source.description) == ["/h/b"])
        expectError(.notFound, mentions: ["/h/a", "open for writing"]) { try bench.prepare("/h/a") }
        try writer.close()
        // Who reads is in nobody's way.
        let reader = try #require(FileHandle(forReadingAtPath: bench.logs + "/a.2"))
        defer { try? reader.close() }
        #expect(try bench.outlook().runs.count == 2)
    }

    @Test(arguments: [LogfileInputSettings.WhenUnknown.wait, .take])
    func whereItCannotBeToldTheSettingDecides(unknown: LogfileInputSettings.WhenUnknown) throws {
        let bench = try LogBench(after: .delete, unknown: unknown)
        bench.open.withLock { $0 = OpenFiles.writers(of: [FileIdentity(device: 1, inode: 1)], proc: "/nowhere") }
        try bench.write("a.1", "b.1")
        let outlook = try bench.outlook()
        #expect(outlook.runs.count == (unknown == .take ? 2 : 0))
        #expect(outlook.notices.count == 1, "said once: \(outlook.notices)")
        #expect(outlook.notices[0].contains("when_unknown") && outlook.notices[0].contains("/nowhere"))
        guard unknown == .take else { return }
        #expect(try bench.storeAll("/h/a") == ["a.1"])
        #expect(bench.names == ["b.1"])
    }

    @Test func emptyFilesAreLeftAlone() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.3", text: "")
        try bench.write("a.2", "a.1")
        try bench.write("b.1", text: "")
        #expect(try bench.storeAll("/h/a") == ["a.2", "a.1"])
        #expect(try bench.waits("/h/b")?.contains("empty") == true)
        #expect(bench.names == ["a.3", "b.1"])
    }

    // MARK: - Changes while a file is read

    @Test(arguments: ["echo more >>a.1", ": >a.1", "echo xxx >a.1", "printf 'A.1' >a.1; touch -d @7 a.1"])
    func aFileThatChangesIsNotStored(script: String) throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        try shell(script, in: bench.logs)
        expectError(.busy, mentions: ["a.1", "written to while it was read"]) { try run.checkProduced() }
        run.abandoned()
        #expect(bench.names == ["a.1"])
        #expect(bench.bench.files.names == [])
    }

    @Test func aFileThatVanishesIsStoredAllTheSame() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        try FileManager.default.removeItem(atPath: bench.logs + "/a.1")
        let stored = try bench.store(run)
        #expect(stored.contents == "a.1" && stored.notes == [])
    }

    @Test func aFileThatIsReplacedStays() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        // As logrotate does: another file has that name now.
        try shell("mv a.1 a.2; printf new >a.1", in: bench.logs)
        let stored = try bench.store(run)
        #expect(stored.contents == "a.1")
        #expect(stored.notes.count == 1 && stored.notes[0].contains("was not deleted"), "\(stored.notes)")
        #expect(bench.names == ["a.1", "a.2"])
        // The file is known under its new name: deleted at the end of the round, and not stored again.
        #expect(try bench.storeAll("/h/a") == ["new"])
        #expect(bench.names == ["a.2"])
        #expect(try bench.bench.unit.endRound(now: LogBench.now) == [])
        #expect(bench.names == [])
    }

    @Test func whatGrowsAfterItWasReadIsNotDeleted() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        _ = try LogBench.contents(run)
        try run.checkProduced()
        let uuid = run.uuid(checksum: [1])
        try run.willStore(uuid)
        bench.bench.add(run, uuid)
        try run.stored()
        try shell("printf more >>a.1", in: bench.logs)
        let notes = run.finish()
        #expect(notes.count == 1 && notes[0].contains("written to meanwhile"), "\(notes)")
        // Nothing is lost: it is stored as it is now.
        #expect(try bench.storeAll("/h/a") == ["a.1more"])
        #expect(bench.names == [])
    }

    @Test func whoOpensItMeanwhileKeepsIt() throws {
        let bench = try LogBench(after: .delete)
        bench.open.withLock { $0 = nil }
        try bench.write("a.1")
        let run = try bench.prepare("/h/a")
        let writer = try #require(FileHandle(forWritingAtPath: bench.logs + "/a.1"))
        let stored = try bench.store(run)
        #expect(stored.notes.count == 1 && stored.notes[0].contains("open for writing by process"), "\(stored.notes)")
        #expect(bench.names == ["a.1"])
        // Not again while it is as it was.
        #expect(try bench.storeAll("/h/a") == [])
        #expect(try bench.bench.unit.endRound(now: LogBench.now).count == 1)
        try writer.close()
        #expect(try bench.bench.unit.endRound(now: LogBench.now) == [])
        #expect(bench.names == [])
    }

    @Test func aLinkPutInItsPlaceIsNotFollowed() throws {
        let bench = try LogBench(after: .delete)
        try bench.write("a.1")
        try shell("echo secret >../secret; mv a.1 ../moved; ln -s ../secret a.1", in: bench.logs)
        #expect(try bench.outlook().runs.isEmpty)
        expectError(.notFound, mentions: ["/h/a"]) { try bench.prepare("/h/a") }
        #expect(FileManager.default.fileExists(atPath: bench.scratch.path + "/secret"))
    }

    // MARK: - Keeping and cutting

    @Test func whatIsKeptIsNotStoredAgain() throws {
        let bench = try LogBench()
        try bench.write("a.2", "a.1")
        #expect(try bench.storeAll("/h/a") == ["a.2", "a.1"])
        #expect(try bench.storeAll("/h/a") == [])
        // Nor by another process, nor under another name.
        try shell("mv a.2 a.3; mv a.1 a.2; printf new >a.1", in: bench.logs)
        let other = try LogBench(bench.scratch)
        #expect(try other.storeAll("/h/a") == ["new"])
        #expect(other.names == ["a.1", "a.2", "a.3"])
        // What is gone is forgotten, so the list does not grow for ever.
        try shell("rm a.3; printf newer >a.0", in: bench.logs)
        #expect(try other.storeAll("/h/a") == ["newer"])
        let list = try #require(other.bench.files.text("files.current"))
        #expect(list.components(separatedBy: "\"uuid\"").count - 1 == 3, "\(list)")
    }

    @Test func whatLiesInADirectoryThatIsNotThereNowIsNotForgotten() throws {
        let scratch = try Scratch()
        let inputs = [
            try LogBench.input(try scratch.directory("one"), "one"),
            try LogBench.input(try scratch.directory("two"), "two", source: "/two/\\1"),
        ]
        let bench = try LogBench(scratch, inputs)
        try shell("printf 1 >one/a.1; printf 2 >two/a.1", in: scratch.path)
        #expect(try bench.storeAll("/h/a") + bench.storeAll("/two/a") == ["1", "2"])
        try shell("mv two away; printf 3 >one/a.0", in: scratch.path)
        #expect(try bench.storeAll("/h/a") == ["3"])
        try shell("mv away two", in: scratch.path)
        #expect(try bench.storeAll("/two/a") == [])
    }

    @Test func aListThatCannotBeReadSaysTheWayOut() throws {
        let bench = try LogBench()
        try bench.write("a.1")
        for text in ["", "{", "[]", "{\"files\": 5}", "{\"files\": [{}]}"] {
            try bench.bench.files.write(text, to: "files.current")
            expectError(.damaged, mentions: ["files.current", "remove it"]) { try bench.outlook() }
            expectError(.damaged, mentions: ["files.current"]) { try bench.prepare("/h/a") }
        }
    }

    @Test func whatIsCutIsEmptyAndStoredAgainWhenItHasGrown() throws {
        let bench = try LogBench(after: .truncate)
        try bench.write("a")
        #expect(try bench.storeAll("/h/a") == ["a"])
        #expect(bench.names == ["a"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: bench.logs + "/a")).isEmpty)
        #expect(try bench.waits("/h/a")?.contains("empty") == true)
        try shell("printf more >>a", in: bench.logs)
        #expect(try bench.storeAll("/h/a") == ["more"])
    }

    @Test func nothingIsCutThatSomebodyHasOpen() throws {
        let bench = try LogBench(after: .truncate)
        try bench.write("a")
        let run = try bench.prepare("/h/a")
        // Even for reading only: the kernel gives no lease then.
        let reader = try #require(FileHandle(forReadingAtPath: bench.logs + "/a"))
        let stored = try bench.store(run)
        #expect(stored.notes.count == 1 && stored.notes[0].contains("was not cut"), "\(stored.notes)")
        #expect(try String(contentsOfFile: bench.logs + "/a", encoding: .utf8) == "a")
        #expect(try bench.bench.unit.endRound(now: LogBench.now).count == 1)
        try reader.close()
        #expect(try bench.bench.unit.endRound(now: LogBench.now) == [])
        #expect(try Data(contentsOf: URL(fileURLWithPath: bench.logs + "/a")).isEmpty)
    }

    @Test func nothingIsCutThatHasGrownOrHasTwoNames() throws {
        for (script, word) in [("printf more >>a", "written to"), ("ln a b", "several names")] {
            let bench = try LogBench(pattern: "(a)", after: .truncate)
            try bench.write("a")
            let run = try bench.prepare("/h/a")
            _ = try LogBench.contents(run)
            let uuid = run.uuid(checksum: [1])
            try run.willStore(uuid)
            try run.stored()
            try shell(script, in: bench.logs)
            let notes = run.finish()
            #expect(notes.count == 1 && notes[0].contains(word), "\(notes)")
            #expect(try String(contentsOfFile: bench.logs + "/a", encoding: .utf8).hasPrefix("a"))
        }
    }

    // MARK: - The element

    @Test func theRecordSaysWhatItWas() throws {
        let bench = try LogBench()
        try bench.write("a.3.gz", "a.2.bz2", "a.1.zst", "a")
        for (name, tool) in [("a.3.gz", "gzip"), ("a.2.bz2", "bzip2"), ("a.1.zst", "zstd"), ("a", nil)] {
            let run = try bench.prepare("/h/a")
            var other: JSONObject = ["File": .string(name)]
            other["Decompressed"] = tool.map { .string($0) }
            #expect(run.record == StageRecord(stage: "logfile", restore: nil, other: other))
            #expect(run.policies == ["p"] && run.type == .full && run.unit == "Unit")
            guard case .file(_, let compression) = run.producer else {
                Issue.record("not a file")
                return
            }
            #expect(compression?.toolName == tool)
            try bench.store(run)
        }
    }
}
