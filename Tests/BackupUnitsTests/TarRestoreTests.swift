import BackupConfig
import BackupModel
import BackupPipeline
import BackupTestKit
import Foundation
import Testing

@testable import BackupUnits

/// Real runs of GNU tar, unpacked again with the command that stands in the element's record.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TarRestoreTests {
    /// One source with its elements.
    private final class Chain {
        let scratch: Scratch
        let root: String
        let bench: Bench
        private(set) var archives: [(path: String, run: any UnitRun)] = []

        init(excluded: [String] = [], exclude: [String] = [], include: [String] = ["."], xattrs: Bool = true) throws {
            scratch = try Scratch()
            root = try scratch.directory("root")
            let settings = try tarSource(
                "/h/a", root: root, include: include, exclude: exclude, xattrs: xattrs)
            let base = scratch.path
            bench = try Bench(.tar([settings]), in: scratch, excluded: excluded.map { base + "/" + $0 })
        }

        @discardableResult
        func backup(_ type: BackupType) throws -> any UnitRun {
            let path = scratch.path + "/\(archives.count).tar"
            let run = try bench.run("/h/a", type: type, at: Int64(1000 + archives.count), output: path)
            #expect(run.type == type, "\(run.reason)")
            archives.append((path, run))
            return run
        }

        /// Unpacks the last full and what follows into a directory of its own.
        func restore() throws -> String {
            let place = try scratch.directory("restored\(archives.count)")
            let start = try #require(archives.lastIndex { $0.run.type == .full })
            for archive in archives[start...] {
                let command = try #require(archive.run.record.restore)
                let outcome = try run(
                    command[0], Array(command.dropFirst()), workingDirectory: place, input: archive.path)
                let complaints = outcome.errors.split(separator: "\n").filter { !$0.contains("implausibly old time") }
                #expect(outcome.status == 0 && complaints.isEmpty, "\(complaints)")
            }
            return place
        }
    }

    /// A digest over everything in `directory`: names, contents, modes, owners, times to the nanosecond, links,
    /// extended attributes, ACLs.
    private func digest(_ directory: String, hardLinks: Bool = true) throws -> String {
        try shell(
            "tar --create --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' --acls "
                + (hardLinks ? "" : "--hard-dereference ")
                + "--pax-option=delete=atime,delete=ctime,exthdr.name=x . | sha512sum", in: directory)
    }

    private func expectSame(
        _ chain: Chain, _ label: String, hardLinks: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let restored = try chain.restore()
        let same = try digest(restored, hardLinks: hardLinks) == digest(chain.root, hardLinks: hardLinks)
        if !same {
            let show = "find . -printf '%p %y %m %U %G %T@ %s %l\\n' | sort"
            let diff = try shell("diff <(\(show)) <(cd '\(restored)'; \(show)) | head -20; true", in: chain.root)
            Issue.record("\(label): \(diff)", sourceLocation: sourceLocation)
        }
    }

    @Test func aTreeWithEverythingInIt() throws {
        let chain = try Chain()
        let long = String(repeating: "l", count: 250)
        try shell(
            """
            mkdir -p a/b/c empty '\(long)/\(long)' $'new\\nline' $'bad\\xff\\xfe' "quo'\\"te"
            echo one >a/one; echo two >a/b/two; touch a/b/c/nothing; head -c 100000 /dev/urandom >a/random
            ln a/one a/b/hard; ln -s ../one a/b/symbolic; ln -s /none dangling; mkfifo fifo
            echo long >'\(long)/\(long)/\(long)'; ln -s '\(long)' longlink
            echo x >$'new\\nline/in\\nside'; echo y >$'bad\\xff\\xfe/\\x80'; echo z >"quo'\\"te/\\\\"; echo w >-dash; echo v >' '
            truncate -s 5M sparse; echo end >>sparse
            touch -d '2001-02-03 04:05:06.123456789Z' a/one; touch -d '1969-12-31 23:59:58Z' a/b/two
            chmod 4711 a/random; chmod 1777 empty; chmod 000 a/b/c/nothing
            """, in: chain.root)
        if geteuid() == 0 { try shell("chown 12345:54321 a/one; chown -h 7:8 dangling", in: chain.root) }
        try chain.backup(.full)
        try expectSame(chain, "full")
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: chain.scratch.path + "/0.tar")[.size] as? Int)
        #expect(size < 1_000_000, "the holes of a sparse file are not stored")

        try chain.backup(.inc)
        try expectSame(chain, "nothing changed")

        try shell(
            """
            ln a/random a/b/later; rm a/b/two; mv a/b/c a/c; echo more >>a/one; chmod 600 a/b/c 2>/dev/null
            rm -r empty; echo 'now a file' >empty; rm sparse; mkdir sparse; echo in >sparse/in
            mv '\(long)' short; mv $'new\\nline' $'newer\\nline'
            """, in: chain.root)
        try chain.backup(.inc)
        try expectSame(chain, "first changes")

        try shell(
            "rm empty; mkdir empty; echo again >empty/x; rm -r sparse; echo file >sparse; rm -r short", in: chain.root)
        try chain.backup(.inc)
        try expectSame(chain, "and back")
    }

    @Test func extendedAttributes() throws {
        let chain = try Chain()
        // tar can write attributes into an archive that no file has, and set them when it unpacks that.
        func set(_ attribute: String, _ paths: String) throws {
            try shell(
                "tar --create --format=posix --pax-option='SCHILY.xattr.user.\(attribute):=value' \(paths) "
                    + "| tar --extract --xattrs --xattrs-include='*'", in: chain.root)
        }
        try shell("echo a >a; echo b >b; mkdir d", in: chain.root)
        try set("first", "a d")
        let without = try shell("tar --create --no-xattrs --sort=name . | sha512sum", in: chain.root)
        let with = try shell("tar --create --xattrs --xattrs-include='*' --sort=name . | sha512sum", in: chain.root)
        #expect(without != with, "the file system of the test must keep extended attributes")
        try chain.backup(.full)
        try expectSame(chain, "full")
        try set("second", "b d")
        try chain.backup(.inc)
        try expectSame(chain, "increment")
    }

    /// Most of these fail to restore, or restore something else, without ``TarIndexFilter``.
    @Test(arguments: [
        "mv a t; mv b a; mv t b",
        "mkdir new; mv a new/a",
        "rm -r b; mv a b",
        "mkdir new; mv a/deep new/x; rm -r a; mv new a",
        "rm f; mkdir f; mv a f/a",
        "mv a/deep t; mv a t/a; mv t a",
        "mv a t; mv b a; mv t a/b; echo x >a/b/deep/x",
        "for i in 1 2 3 4 5 6 7 8 9; do rm -r b; mkdir c$i; echo $i >c$i/x; mv c$i b; done",
    ]) func renamedDirectories(script: String) throws {
        let chain = try Chain()
        try shell(
            "mkdir -p a/deep b/two; echo 1 >a/1; echo 2 >a/deep/2; echo 3 >b/3; echo 4 >b/two/4; echo f >f",
            in: chain.root)
        try chain.backup(.full)
        try chain.backup(.inc)
        try shell(script, in: chain.root)
        try chain.backup(.inc)
        try expectSame(chain, script)
        try chain.backup(.inc)
        try expectSame(chain, script + ", and nothing more")
    }

    @Test(arguments: 0..<5 as Range<UInt64>) func randomHistories(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let chain = try Chain()
        let pick = { (kind: String, number: Int) in
            "$(find . -mindepth 1 -type \(kind) | LC_ALL=C sort | sed -n \(number)p)"
        }
        var counter = 0
        func change() -> String {
            counter += 1
            let directory = pick("d", Int.random(in: 1...8, using: &random))
            let second = pick("d", Int.random(in: 1...8, using: &random))
            let file = pick("f", Int.random(in: 1...15, using: &random))
            let name = "n\(Int.random(in: 0..<12, using: &random))"
            let line =
                switch Int.random(in: 0..<12, using: &random) {
                case 0, 1:
                    "head -c \(Int.random(in: 0..<3000, using: &random)) /dev/urandom >\"./\(directory)/\(name)\""
                case 2, 3: "mkdir \"./\(directory)/\(name)\""
                case 4: "rm -r \"\(directory)\""
                case 5: "rm \"\(file)\""
                case 6: "echo \(counter) >>\"\(file)\""
                case 7: "mv -T \"\(directory)\" \"./\(second)/\(name)\""
                case 8: "mv \"\(file)\" \"./\(directory)/\(name)\""
                case 9:
                    "a=\"\(directory)\"; b=\"\(second)\"; mv -T \"$a\" ./swap && mv -T \"$b\" \"$a\"; mv -T ./swap \"$b\""
                case 10: "a=\"\(file)\"; rm \"$a\"; mkdir \"$a\"; echo in >\"$a/in\""
                default:
                    "ln -s \(name) \"./\(directory)/\(name)\"; chmod \(["600", "750", "2755"].randomElement(using: &random) ?? "700") \"\(directory)\""
                }
            return "{ \(line); } 2>/dev/null"
        }
        func changes(_ count: Int) -> String { (0..<count).map { _ in change() }.joined(separator: "\n") + "\ntrue" }
        try shell("mkdir -p n0/n1 n2/n3 n4; echo x >n0/x; echo y >n2/n3/y\n" + changes(20), in: chain.root)
        try chain.backup(.full)
        for step in 1...5 {
            try shell(changes(Int.random(in: 1...8, using: &random)), in: chain.root)
            try chain.backup(.inc)
            try expectSame(chain, "seed \(seed), step \(step)")
        }
    }

    @Test func excludesAndIncludes() throws {
        let chain = try Chain(
            excluded: ["root/store", "root/sub/run[1]"], exclude: ["*.tmp", "./only/top"], include: [".", "sub"])
        try shell(
            """
            mkdir -p store/x sub/store sub/'run[1]' sub/run1 only/deep/only; echo a >a.tmp; echo b >b; echo c >sub/c.tmp
            echo t >only/top; echo t >only/deep/top; echo d >sub/store/d; echo e >sub/'run[1]'/e; echo f >sub/run1/f
            """, in: chain.root)
        try chain.backup(.full)
        try chain.backup(.inc)
        let restored = try chain.restore()
        #expect(
            try shell("find . -type f | LC_ALL=C sort", in: restored)
                == "./b\n./only/deep/top\n./sub/run1/f\n./sub/store/d\n")
    }

    @Test func onlyWhatIsIncluded() throws {
        let chain = try Chain(excluded: ["root/etc/own"], include: ["etc//", "./var/lib", "-x"])
        try shell(
            "mkdir -p etc/own var/lib var/log home; touch etc/a etc/own/b var/lib/c var/log/d home/e -- -x; sleep 2.5",
            in: chain.root)
        try chain.backup(.full)
        try shell("touch etc/f; rm var/lib/c; chmod 700 etc", in: chain.root)
        try chain.backup(.inc)
        // The directories themselves are in it: what was deleted stands there.
        let listing = try run("tar", ["--list", "--file=" + chain.scratch.path + "/1.tar"])
        #expect(
            String(decoding: listing.output, as: UTF8.self).split(separator: "\n").sorted()
                == ["./etc/", "./etc/f", "./var/lib/"])
        let restored = try chain.restore()
        #expect(try shell("find . -type f | LC_ALL=C sort", in: restored) == "./-x\n./etc/a\n./etc/f\n")
    }

    @Test func theEnvironmentChangesNothing() throws {
        let chain = try Chain()
        try shell("echo a >a; echo b >b; touch -d @1000000000 a b .", in: chain.root)
        let run = try chain.bench.unit.prepare(try SourceURL("/h/a"), type: .full, now: Timestamp(1))
        var archives: [Data] = []
        for environment in [
            [:], ["TAR_OPTIONS": "--exclude=b --format=gnu", "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8"],
        ] {
            try? FileManager.default.removeItem(atPath: chain.bench.files.path + "/h-a.index.next")
            let stage = try #require(run.producer.process)
            let outcome = try BackupUnitsTests.run(
                stage.executable, stage.arguments, environment: environment.merging(stage.environment) { $1 })
            #expect(outcome.status == 0)
            archives.append(outcome.output)
        }
        // Two runs over the same files give the same bytes: no process ID, no time of the run in them.
        #expect(archives[0] == archives[1] && archives[0].count > 1000)
    }

    @Test func anIncrementHoldsOnlyWhatChanged() throws {
        let chain = try Chain()
        // What is younger than two seconds is stored once more.
        try shell("mkdir d; echo a >d/a; sleep 2.5", in: chain.root)
        try chain.backup(.full)
        try shell("echo b >d/b", in: chain.root)
        try chain.backup(.inc)
        let listing = try run("tar", ["--list", "--file=" + chain.scratch.path + "/1.tar"])
        #expect(
            String(decoding: listing.output, as: UTF8.self).split(separator: "\n") == ["./", "./d/", "./d/b"])
    }

    /// Clocks of files lag behind the one that tar notes its start by: a file that was written right after tar had read
    /// it has a time of change before the start.
    @Test func aChangeRightAfterTheRunIsInTheIncrement() throws {
        let chain = try Chain()
        try shell("echo A >f", in: chain.root)
        try chain.backup(.full)
        try shell("printf 'B\\n' 1<>f", in: chain.root)
        let index = chain.bench.files.path + "/h-a.index"
        try shell(#"perl -0777 -pi -e 's/\n\d+\0/"\n" . (time + 1) . "\0"/e' "# + index, in: chain.root)
        try chain.backup(.inc)
        #expect(try shell("cat f", in: try chain.restore()) == "B\n")
    }

    @Test func aChangeOfWhatIsStoredMakesAFull() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        try shell("touch a.o", in: root)
        let bench = try Bench(.tar([try tarSource("/h/a", root: root, exclude: ["*.o"])]), in: scratch)
        _ = try bench.run("/h/a", type: .full, at: 1000, output: scratch.path + "/0.tar")
        #expect(try bench.unit.prepare(try SourceURL("/h/a"), type: .inc, now: Timestamp(2000)).type == .inc)
        let wider = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let run = try wider.unit.prepare(try SourceURL("/h/a"), type: .inc, now: Timestamp(3000))
        #expect(run.type == .full && run.reason.contains("changed"), "\(run.reason)")
    }

    /// tar takes backslashes in names on its command line for escapes, unless it is told not to.
    @Test func backslashesInNamesAreTakenAsTheyAre() throws {
        let chain = try Chain(include: ["a\\nb"])
        try shell(
            "mkdir 'a\\nb'; touch 'a\\nb/right'; mkdir \"$(printf 'a\\nb')\"; touch \"$(printf 'a\\nb')/wrong\"",
            in: chain.root)
        try chain.backup(.full)
        #expect(try shell("find . -name right; find . -name wrong", in: try chain.restore()).hasSuffix("/right\n"))
    }
}
