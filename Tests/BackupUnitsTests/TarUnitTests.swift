import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Testing

@testable import BackupUnits

@Suite struct TarUnitTests {
    // MARK: - Command lines

    @Test func theCommandLine() throws {
        let settings = try tarSource("/h/a", root: "/srv", include: ["."], exclude: ["*.tmp"])
        let arguments = TarArguments.create(settings, index: "/i", excluded: ["/srv/backup", "/var"])
        #expect(
            arguments == [
                "--create", "--file=-", "--format=posix",
                "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f", "--listed-incremental=/i",
                "--no-check-device", "--sparse", "--no-unquote", "--xattrs", "--xattrs-include=*", "--acls",
                "--directory=/srv",
                "--exclude=./backup", "--exclude=*.tmp", "--", ".",
            ])
        let plain = try tarSource("/h/a", root: "/srv", xattrs: false)
        #expect(
            !TarArguments.create(plain, index: "/i", excluded: []).contains { $0.contains("attr") || $0 == "--acls" })
    }

    @Test func memberNames() {
        for (include, name) in [
            (".", "."), ("./", "."), ("etc", "./etc"), ("etc//ssl/", "./etc/ssl"), ("./etc/./ssl", "./etc/ssl"),
            ("-C", "./-C"), ("a.b", "./a.b"),
        ] {
            #expect(TarArguments.memberName(include) == name)
        }
    }

    @Test func patternsForOwnDirectoriesMatchOnlyThem() {
        #expect(TarArguments.excludePatterns(root: "/", ["/a[1]*\\?", "/a[1]*\\?"]) == ["./a\\[1\\]\\*\\\\\\?"])
    }

    @Test func relativePaths() {
        #expect(TarArguments.relative("/srv/backup", to: "/srv") == "backup")
        #expect(TarArguments.relative("/srv/backup", to: "/") == "srv/backup")
        #expect(TarArguments.relative("/srv//backup/", to: "/srv/") == "backup")
        #expect(TarArguments.relative("/srvx", to: "/srv") == nil)
        #expect(TarArguments.relative("/srv", to: "/srv") == "")
    }

    // MARK: - What must be in place

    @Test func aMissingRootIsNamed() throws {
        let scratch = try Scratch()
        let bench = try Bench(.tar([try tarSource("/h/a", root: scratch.path + "/none")]), in: scratch)
        expectError(.notFound, mentions: ["sources./h/a.root", scratch.path + "/none"]) {
            try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(1))
        }
        try shell("touch none", in: scratch.path)
        expectError(.configuration, mentions: ["sources./h/a.root", "not a directory"]) {
            try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(1))
        }
        expectError(.notFound, mentions: ["/h/b", "/h/a"]) {
            try bench.unit.prepare(try SourceURL("/h/b"), type: nil, now: Timestamp(1))
        }
    }

    @Test(arguments: [
        ("etc", "no such thing"), ("/etc", "relative"), ("a/../../x", "leads out"), ("", "relative"),
    ]) func includesMustBeBelowRoot(path: String, word: String) throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root/a")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root, include: [path])]), in: scratch)
        expectError(path == "etc" ? .notFound : .configuration, mentions: ["sources./h/a.include", word]) {
            try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(1))
        }
    }

    @Test func aRootInsideTheStorageIsRefused() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("store/x")
        try shell("ln -s store/x link", in: scratch.path)
        for path in [root, scratch.path + "/link", scratch.path + "/store"] {
            let bench = try Bench(
                .tar([try tarSource("/h/a", root: path)]), in: scratch, excluded: [scratch.path + "/store"])
            expectError(.configuration, mentions: ["/store", "own files"]) {
                try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(1))
            }
        }
    }

    @Test func sourcesThatWouldShareAnIndexAreRefused() throws {
        let scratch = try Scratch()
        expectError(.configuration, mentions: ["/a/b", "/a-b", "a-b.index"]) {
            try Bench(.tar([try tarSource("/a/b", root: "/"), try tarSource("/a-b", root: "/")]), in: scratch)
        }
        let part = String(repeating: "x", count: 150)
        expectError(.configuration, mentions: ["tar index"]) {
            try Bench(.tar([try tarSource("/\(part)/\(part)", root: "/")]), in: scratch)
        }
        expectError(.configuration, mentions: ["full_command"]) {
            try Bench(.tar([try tarSource("/a", root: "/", fullCommand: [])]), in: scratch)
        }
    }

    // MARK: - Races

    @Test func racesCountOnlyWhenTheyAreLetPass() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        for accepts in [false, true] {
            let bench = try Bench(.tar([try tarSource("/h/a", root: root, ignoreRaces: accepts)]), in: scratch)
            let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1))
            #expect(run.producer.process?.acceptedStatuses == (accepts ? [0, 1] : [0]))
        }
    }

    @Test func notesTellWhatTarSaid() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root, ignoreRaces: true)]), in: scratch)
        let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1))
        func report(_ status: Int32, _ text: String) -> StageReport {
            StageReport(
                name: "tar", exitStatus: status, bytesIn: nil, bytesOut: nil, standardError: text, seconds: 0,
                failure: nil)
        }
        #expect(run.notes(report(0, "")) == [])
        #expect(run.notes(report(0, "tar: ./s: socket ignored\n")) == ["tar: ./s: socket ignored"])
        let notes = run.notes(report(1, "tar: ./a: file changed as we read it\n"))
        #expect(notes.count == 2 && notes[1] == "tar: ./a: file changed as we read it")
        let many = run.notes(report(0, String(repeating: "line\u{1b}[31m\n", count: 1000)))
        #expect(many.count == 21 && many[20].contains("980") && !many[0].contains("\u{1b}"))
    }

    // MARK: - Programs of the administrator's own

    @Test func ownCommandsAreRunAsGiven() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let show = ["sh", "-c", #"echo "$0 $GB_SOURCE $GB_TYPE $GB_INDEX""#]
        let settings = try tarSource(
            "/h/a", root: root, fullCommand: show + ["F"], incCommand: show + ["I"], preCommand: show + ["P"])
        let bench = try Bench(.tar([settings]), in: scratch)
        let output = scratch.path + "/out"
        let full = try bench.run("/h/a", type: .full, at: 1000, output: output)
        let index = bench.files.path + "/h-a.index.next"
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "F /h/a full \(index)\n")
        #expect(full.record.other == ["Program": .string("sh")])
        #expect(full.record.version == nil)
        let pre = try #require(full.preCommand)
        #expect(String(decoding: try run(pre).output, as: UTF8.self) == "P /h/a full \(index)\n")
        #expect(full.postCommand == nil)
        let increment = try bench.run("/h/a", type: .inc, at: 2000, output: output)
        #expect(increment.type == .inc)
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "I /h/a inc \(index)\n")
    }

    @Test func afterAFullWithoutIndexTarMakesNoIncrement() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let plain = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        try plain.run("/h/a", at: 1000)
        let own = try Bench(.tar([try tarSource("/h/a", root: root, fullCommand: ["true"])]), in: scratch)
        try own.run("/h/a", type: .full, at: 2000)
        let next = try own.unit.prepare(try SourceURL("/h/a"), type: .inc, now: Timestamp(3000))
        #expect(next.type == .full && next.reason.contains("no index"))
    }

    @Test func aDamagedIndexMakesAFull() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        try bench.run("/h/a", at: 1000)
        let index = try #require(bench.files.text("h-a.index"))
        for text in [String(index.dropLast(1)), "rubbish", "GNU tar-1.34-2\n5"] {
            try bench.files.write(text, to: "h-a.index")
            let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .inc, now: Timestamp(2000))
            #expect(run.type == .full && run.reason.contains("not a tar index"))
            #expect(bench.files.text("h-a.index.next") == nil)
        }
    }

    @Test func theRecordSaysHowToRestore() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let run = try bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1))
        #expect(
            run.record
                == StageRecord(
                    stage: "tar",
                    restore: [
                        "tar", "--extract", "--listed-incremental=/dev/null", "--numeric-owner", "--xattrs",
                        "--xattrs-include=*", "--acls", "--preserve-permissions", "--same-owner",
                    ], version: "GNU tar 1.34"))
        #expect(run.policies == ["default"])
    }
}

@Suite struct TarIndexFilterTests {
    private func filter(_ text: String, pieces: Int) throws -> String {
        var filter = TarIndexFilter()
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        let emit: (UnsafeRawBufferPointer) throws(BackupError) -> Void = { output += Array($0) }
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieces)])
            try piece.withUnsafeBytes { try filter.process($0, emit: emit) }
        }
        try filter.finish(emit: emit)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func onlyTheDevicesAndTheStartChange() throws {
        // Two seconds earlier: clocks of files lag behind that of tar.
        let expected = ChainTests.index.replacingOccurrences(of: "\u{0}65024\u{0}", with: "\u{0}0\u{0}")
            .replacingOccurrences(of: "\n1795220060\u{0}", with: "\n1795220058\u{0}")
        for pieces in 1...40 { #expect(try filter(ChainTests.index, pieces: pieces) == expected) }
        let empty = "GNU tar-1.34-2\n1\u{0}2\u{0}"
        #expect(try filter(empty, pieces: 100) == "GNU tar-1.34-2\n-1\u{0}2\u{0}")
        #expect(throws: BackupError.self) { try filter("GNU tar-1.34-2\n1x\u{0}2\u{0}", pieces: 100) }
        let older = "GNU tar-1.13-1\n1 2\n"
        #expect(try filter(older, pieces: 100) == older)
    }

    @Test func aCutIndexIsNone() throws {
        let bytes = Array(ChainTests.index.utf8)
        // After the times of the run, and after the first directory, a whole index may end.
        let whole = [36, 103, bytes.count]
        var ends: [Int] = []
        for end in 0...bytes.count {
            let text = String(decoding: bytes[..<end], as: UTF8.self)
            if (try? filter(text, pieces: 64)) != nil { ends.append(end) }
        }
        #expect(ends == whole)
    }
}
