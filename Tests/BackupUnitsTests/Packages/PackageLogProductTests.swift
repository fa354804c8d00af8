import BackupModel
import BackupPackages
import BackupSystem
import BackupTestKit
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// The concatenation of a chain is the log, byte for byte, whatever becomes of its files.
@Suite struct PackageLogProductTests {
    private static let log = PackagesBench.log

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func aGrowingLogGivesWhatIsNew() throws {
        let bench = try PackagesBench()
        try bench.append("one\ntwo\nhal")
        #expect(text(try bench.run(Self.log, type: nil).bytes) == "one\ntwo\n")
        #expect(try bench.run(Self.log).bytes.isEmpty)
        try bench.append("f\nfour\n")
        #expect(text(try bench.run(Self.log).bytes) == "half\nfour\n")
        #expect(bench.elements.map(\.type) == [.full, .inc, .inc])
        let full = try bench.run(Self.log, type: .full)
        #expect(full.type == .full && text(full.bytes) == "one\ntwo\nhalf\nfour\n")
    }

    @Test func aRotationWithAnUnfinishedLineLosesNothing() throws {
        let bench = try PackagesBench()
        try bench.append("one\ntw")
        try bench.run(Self.log, type: nil)
        try bench.rotate()
        // Nothing follows yet: the line may still get its end.
        #expect(try bench.run(Self.log).bytes.isEmpty)
        try bench.append("three\n")
        #expect(text(try bench.run(Self.log).bytes) == "twthree\n")
    }

    @Test func whatIsWrittenIntoARotatedPartComesBeforeTheNextPart() throws {
        let bench = try PackagesBench()
        try bench.append("one\n")
        try bench.run(Self.log, type: nil)
        try bench.rotate()
        try bench.append("after\n")
        let writer = try #require(FileHandle(forWritingAtPath: bench.logs + "/dpkg.log.1"))
        bench.open.openFiles.withLock { $0 = { files in OpenFiles.writers(of: files) } }
        #expect(try bench.run(Self.log).bytes.isEmpty, "somebody has the rotated part open")
        try writer.seekToEnd()
        try writer.write(contentsOf: Data("late\n".utf8))
        #expect(text(try bench.run(Self.log).bytes) == "late\n")
        try writer.close()
        #expect(text(try bench.run(Self.log).bytes) == "after\n")
    }

    @Test func whereNobodyCanTellWhoWritesItWaitsUntilThePartIsQuiet() throws {
        let bench = try PackagesBench()
        try bench.append("one\n")
        try bench.run(Self.log, type: nil)
        try bench.rotate()
        try bench.append("two\n")
        bench.open.openFiles.withLock { $0 = { OpenFiles.writers(of: $0, proc: "/nonexistent") } }
        let now = Int64(time(nil))
        #expect(try bench.run(Self.log, at: now).bytes.isEmpty)
        #expect(text(try bench.run(Self.log, at: now + 100).bytes) == "two\n")
    }

    /// Long enough to be known again at another place.
    private static let lines = (1...20).map { "2026-11-20 10:00:00 line number \($0)\n" }.joined()

    @Test func aLogThatIsCutAtItsFrontGoesOn() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.run(Self.log, type: nil)
        try bench.append("new\n")
        try shell("tail -n 5 dpkg.log > cut; mv cut dpkg.log", in: bench.logs)
        let element = try bench.run(Self.log)
        #expect(element.type == .inc && text(element.bytes) == "new\n" && element.notes.isEmpty)
        try bench.append("newer\n")
        #expect(text(try bench.run(Self.log).bytes) == "newer\n")
    }

    @Test func aLogThatWasEmptiedGoesOnAndSaysSo() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.run(Self.log, type: nil)
        try shell(": > dpkg.log", in: bench.logs)
        let empty = try bench.run(Self.log)
        #expect(empty.bytes.isEmpty)
        try bench.append("after\n")
        let element = try bench.run(Self.log)
        #expect(element.type == .inc && text(bench.chain(Self.log)) == Self.lines + "after\n")
        #expect((empty.notes + element.notes).contains { $0.contains("may be missing") })
    }

    @Test func whenThePartThatWasReadIsGoneOnlyWhatIsNewIsTaken() throws {
        let bench = try PackagesBench()
        try bench.append("old\n" + Self.lines)
        try bench.rotate()
        try bench.append("read\n" + Self.lines.replacingOccurrences(of: "10:00", with: "11:00"))
        try bench.run(Self.log, type: nil)
        try bench.rotate()
        try bench.append("new\n")
        try shell("rm dpkg.log.1", in: bench.logs)
        let element = try bench.run(Self.log)
        #expect(element.type == .inc && text(element.bytes) == "new\n")
        #expect(element.notes.contains { $0.contains("may be missing") })
    }

    @Test func anOlderLogThatWasPutBackBeginsAnew() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try shell("cp dpkg.log ../backup", in: bench.logs)
        try bench.append("more\n")
        try bench.run(Self.log, type: nil)
        try shell("cp ../backup put; mv put dpkg.log", in: bench.logs)
        try bench.append("another history\n")
        let run = try bench.prepare(Self.log)
        #expect(run.type == .full && run.reason.contains("not what it was"), "\(run.reason)")
        let element = try bench.run(Self.log)
        #expect(text(element.bytes) == Self.lines + "another history\n")
        #expect(element.notes.contains { $0.contains("begins anew") })
    }

    @Test func aLogThatIsReplacedByAnotherOneGoesOnWithThat() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.run(Self.log, type: nil)
        try shell("echo 'of another machine' > put; mv put dpkg.log", in: bench.logs)
        #expect(text(try bench.run(Self.log).bytes) == "of another machine\n")
    }

    @Test(arguments: ["gz", "zst", "xz", "bz2"]) func compressedPartsAreReadAsTheyWere(_ ending: String) throws {
        let program = ["gz": "gzip", "zst": "zstd -q --rm", "xz": "xz", "bz2": "bzip2"][ending] ?? ""
        let bench = try PackagesBench()
        try bench.append("first\n" + Self.lines)
        try bench.run(Self.log, type: nil)
        try bench.append("last before rotation\n")
        try bench.rotate()
        try shell("\(program) dpkg.log.1 && ls dpkg.log.1.\(ending)", in: bench.logs)
        try bench.append("after\n")
        #expect(text(try bench.run(Self.log).bytes) == "last before rotation\nafter\n")
        let whole = text(bench.chain(Self.log))
        #expect(text(try bench.run(Self.log, type: .full).bytes) == whole)
    }

    @Test func aPartThatIsCompressedJustNowIsTakenOnce() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.run(Self.log, type: nil)
        try bench.rotate()
        try bench.append("after\n")
        // What gzip has written when it has not yet removed the original.
        try shell("gzip -k dpkg.log.1; truncate -s 30 dpkg.log.1.gz", in: bench.logs)
        #expect(text(try bench.run(Self.log).bytes) == "after\n")
    }

    /// Whatever becomes of the files between two runs, and wherever a run is killed.
    @Test(arguments: 0..<24) func randomHistories(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bench = try PackagesBench()
        var written = ""
        var number = 0
        func write(_ text: String) throws {
            try bench.append(text)
            written += text
        }
        func line() -> String {
            number += 1
            return
                "2026-11-20 10:00:00 status installed package-\(number):amd64 1.\(Int.random(in: 0...9, using: &random))\n"
        }
        try write(line())
        try bench.run(Self.log, type: nil)
        for _ in 0..<60 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3: for _ in 0...Int.random(in: 0...120, using: &random) { try write(line()) }
            case 4: try write(String(line().dropLast(Int.random(in: 1...30, using: &random))))
            case 5: try bench.rotate(creates: Bool.random(using: &random))
            case 6: try bench.rotate(copies: true)
            case 7: try bench.rotate(compresses: true, creates: Bool.random(using: &random))
            case 8:
                try shell("for f in dpkg.log.[2-9]; do [ -e $f ] && gzip $f; done; true", in: bench.logs)
            case 9:
                try shell("[ -e dpkg.log ] && { cp dpkg.log put; mv put dpkg.log; }; true", in: bench.logs)
            default:
                guard FileManager.default.fileExists(atPath: bench.logPath) else { continue }
                let element = try bench.run(Self.log)
                #expect(element.type == .inc, "seed \(seed)")
                #expect(element.notes == [], "seed \(seed)")
                let isPrefix = written.hasPrefix(text(bench.chain(Self.log)))
                #expect(isPrefix, "seed \(seed)")
            }
        }
        try write(line())
        try bench.run(Self.log)
        let isEqual = text(bench.chain(Self.log)) == written
        #expect(isEqual, "seed \(seed)")
        #expect(bench.elements.dropFirst().allSatisfy { $0.type == .inc })
    }

    // MARK: - Names and copies

    /// Old parts with numbers, younger ones with dates: whoever switches `dateext` on has both for a while.
    @Test(arguments: ["-20261120", ".2026-11-20", ".20261120"]) func changingToDatesTakesNothingTwice(_ date: String)
        throws
    {
        let bench = try PackagesBench()
        try bench.append("one\n")
        try shell("mv dpkg.log dpkg.log.1; touch -d '2026-11-18' dpkg.log.1", in: bench.logs)
        try bench.append("two\n")
        try bench.run(Self.log, type: nil)
        try shell("mv dpkg.log dpkg.log\(date); touch -d '2026-11-20' dpkg.log\(date)", in: bench.logs)
        try bench.append("three\n")
        #expect(text(try bench.run(Self.log).bytes) == "three\n")
        try bench.run(Self.log, type: .full)
        #expect(text(bench.chain(Self.log)) == "one\ntwo\nthree\n")
    }

    @Test(arguments: ["-", "."]) func datesCountUp(_ separator: String) throws {
        let bench = try PackagesBench()
        for day in 18...20 {
            try bench.append("day \(day)\n")
            try shell("mv dpkg.log 'dpkg.log\(separator)2026-11-\(day)'", in: bench.logs)
        }
        try bench.append("now\n")
        #expect(text(try bench.run(Self.log, type: nil).bytes) == "day 18\nday 19\nday 20\nnow\n")
    }

    /// The moment between copying and emptying of `copytruncate`.
    @Test func aCopyBesideTheOriginalIsTakenOnce() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try shell("cp dpkg.log dpkg.log.1", in: bench.logs)
        try bench.append("more\n")
        let element = try bench.run(Self.log, type: nil)
        #expect(text(element.bytes) == Self.lines + "more\n")
        #expect(element.notes.contains { $0.contains("dpkg.log.1") && $0.contains("passed over") })
    }

    @Test func whatIsNoPartOfTheLogIsPassedOver() throws {
        let bench = try PackagesBench()
        try bench.append("one\n")
        try shell(
            "mkdir dpkg.log.7; mkfifo dpkg.log.6; ln -s dpkg.log.5 dpkg.log.5; touch dpkg.log.4.gz", in: bench.logs)
        let element = try bench.run(Self.log, type: nil)
        #expect(text(element.bytes) == "one\n" && element.notes.count >= 3, "\(element.notes)")
    }

    // MARK: - Emptied while it is read

    /// Emptied after it was opened, and grown again: longer than it was, or shorter.
    @Test(arguments: [1, 40]) func aLogThatIsEmptiedMeanwhileGivesNoElement(_ lines: Int) throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.run(Self.log, type: nil)
        try bench.append("second\nthird\n")
        let run = try bench.prepare(Self.log)
        try shell("cp dpkg.log dpkg.log.1; : > dpkg.log", in: bench.logs)
        let after = (1...lines).map { "after the rotation, line \($0)\n" }.joined()
        try bench.append(after)
        expectError(.busy, mentions: ["next run"]) { try PackagesBench.bytes(run) }
        run.abandoned()
        try bench.run(Self.log)
        #expect(text(bench.chain(Self.log)) == Self.lines + "second\nthird\n" + after)
    }

    /// As above, between opening it and looking where its last line ends.
    @Test func aLogThatIsEmptiedBeforeItsEndIsFoundGivesNoElement() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        let parts = try PackageLogParts(log: "var/log/dpkg.log", below: PackageRoot(path: bench.scratch.path + "/root"))
        try shell("echo new > dpkg.log", in: bench.logs)
        expectError(.busy, mentions: ["dpkg.log"]) {
            try LogPlan(parts.files, after: nil, now: Timestamp(0)) { OpenFiles.writers(of: $0) }
        }
    }

    // MARK: - What cannot be

    @Test func aLogThatIsNotThereIsRefusedAndGoesOnWhenItIsBack() throws {
        let bench = try PackagesBench()
        expectError(.notFound, mentions: ["var/log/dpkg.log", "key log"]) { try bench.prepare(Self.log, type: nil) }
        let problems = try bench.unit.outlook(now: Timestamp(1_700_000_000)).problems
        #expect(problems.map(\.code) == [.notFound], "who looks before the first run learns of it")
        try bench.append("one\n")
        #expect(try bench.unit.outlook(now: Timestamp(1_700_000_000)).problems.isEmpty)
        try bench.run(Self.log, type: nil)
        try shell("mv dpkg.log ../away", in: bench.logs)
        expectError(.notFound, mentions: ["var/log/dpkg.log"]) { try bench.prepare(Self.log) }
        try shell("mv ../away dpkg.log; echo two >> dpkg.log", in: bench.logs)
        #expect(text(try bench.run(Self.log).bytes) == "two\n")
    }

    @Test func aPartThatCannotBeDecompressedIsNamed() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        try bench.rotate(compresses: true)
        try bench.append("new\n")
        try shell("truncate -s 40 dpkg.log.1.gz", in: bench.logs)
        let run = try bench.prepare(Self.log, type: nil)
        expectError(.damaged, mentions: ["dpkg.log.1.gz"]) { try PackagesBench.bytes(run) }
    }

    @Test func aLogThatBecomesShorterWhileItIsReadGivesNoElement() throws {
        let bench = try PackagesBench()
        try bench.append(Self.lines)
        let run = try bench.prepare(Self.log, type: nil)
        try shell("truncate -s 10 dpkg.log", in: bench.logs)
        expectError(.busy, mentions: ["shorter", "next run"]) { try PackagesBench.bytes(run) }
        expectError(.failed, mentions: ["gave nothing"]) { try run.checkProduced() }
    }

    @Test func anythingButAPlainFileIsRefused() throws {
        let bench = try PackagesBench()
        try shell("mkfifo dpkg.log", in: bench.logs)
        expectError(.damaged, mentions: ["dpkg.log"]) { try bench.prepare(Self.log, type: nil) }
    }

    @Test func bytesThatAreNoTextStayAsTheyAre() throws {
        let bench = try PackagesBench()
        try shell(#"printf 'a\000b\377\n\n\r\n' > dpkg.log"#, in: bench.logs)
        #expect(try bench.run(Self.log, type: nil).bytes == [0x61, 0, 0x62, 0xff, 0x0a, 0x0a, 0x0d, 0x0a])
    }

    @Test func aDamagedNoteLeadsToAFull() throws {
        let bench = try PackagesBench()
        try bench.append("one\n")
        try bench.run(Self.log, type: nil)
        try shell("echo '{' > log.position", in: bench.scratch.path + "/state/generators/Unit")
        let element = try bench.run(Self.log)
        #expect(element.type == .full && text(element.bytes) == "one\n")
        try shell("rm log.position", in: bench.scratch.path + "/state/generators/Unit")
        #expect(try bench.run(Self.log).type == .full)
        #expect(try bench.run(Self.log).type == .inc)
    }

    @Test func aPathOfItsOwnIsTaken() throws {
        let other = try Scratch()
        let bench = try PackagesBench(log: other.path + "/history")
        try shell("echo old > history.1; echo new > history", in: other.path)
        #expect(text(try bench.run(Self.log, type: nil).bytes) == "old\nnew\n")
    }
}
