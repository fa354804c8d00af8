import BackupModel
import BackupStorage
import BackupTestKit
import Synchronization
import Testing

@testable import BackupRestore

@Suite struct TarFilterTests {
    /// What passes, in pieces of random size.
    private func filter(
        _ archive: [UInt8], _ wanted: [String], _ random: inout SeededGenerator, longest: Int = 3000,
        findings: TarFilter.Findings = .init()
    ) throws -> [UInt8] {
        var filter = TarFilter(wanted: wanted.map { MemberPath($0) }, findings: findings)
        var output: [UInt8] = []
        let emit = { (piece: UnsafeRawBufferPointer) throws(BackupError) in output.append(contentsOf: piece) }
        var start = 0
        while start < archive.count {
            let end = min(archive.count, start + Int.random(in: 1...longest, using: &random))
            let piece = Array(archive[start..<end])
            try piece.withUnsafeBytes { try filter.process($0, emit: emit) }
            start = end
        }
        try filter.finish(emit: emit)
        return output
    }

    private static let script = """
        mkdir -p a/deep b empty a2 $'new\\nline' $'bad\\xff'
        echo 1 >a/one; head -c 70000 /dev/urandom >a/deep/big; echo 2 >b/two; ln a/one a/same; ln -s one a/link
        echo n >$'new\\nline/in'; echo x >$'bad\\xff/x'; echo 3 >a2/three; : >b/nothing
        """

    private func list(_ place: TemporaryDirectory, _ archive: [UInt8], _ extra: [String] = []) throws -> [String] {
        try place.write("out.tar", archive)
        let run = try ToolRun(["tar", "--list", "--quoting-style=c", "--file=" + place.path("out.tar")] + extra)
        try #require(run.isSuccess, "\(run.output)")
        return run.output.split(separator: "\n").map(String.init)
    }

    @Test(arguments: ["gnu", "posix", "oldgnu", "ustar", "v7"], [".", "./", "/"])
    func passesExactlyTheWanted(format: String, form: String) throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let root = try place.makeDirectory("root")
            try shell(Self.script, in: root)
            if !["v7", "ustar"].contains(format) {
                // Names that do not fit in the header, and a sparse file with many holes.
                try shell(
                    """
                    long=$(printf 'l%.0s' {1..200}); mkdir -p a/$long/$long; echo long >a/$long/$long/$long
                    for i in {1..40}; do printf data | dd of=a/sparse bs=4096 seek=$((i*3)) conv=notrunc status=none; done
                    """, in: root)
            }
            // Names as the last argument says: `./a`, or the absolute path.
            let names = form == "/" ? ["-P", root] : ["-C", root, "."]
            let sparse = ["gnu", "oldgnu", "posix"].contains(format) ? ["--sparse"] : []
            let made = try ToolRun(
                ["tar", "--create"] + sparse + ["--sort=name", "--format=" + format, "--file=" + place.path("in.tar")]
                    + names)
            try #require(made.isSuccess, "\(made.output)")
            let archive = try place.read("in.tar")
            let prefix = form == "/" ? String(root.dropFirst()) + "/" : form == "./" ? "./" : ""
            let shown = form == "/" ? root : "."
            let all = try list(place, archive, ["-P"])
            for wanted in [["a"], ["a/deep/", "b/two"], ["new\nline"], ["b/nothing"], ["none"]] {
                let output = try filter(
                    archive, wanted.map { prefix + $0 }, &random,
                    longest: [1, 700, 30000].randomElement(using: &random) ?? 1)
                let expected = all.filter { line in
                    wanted.contains { path in
                        let name = (shown + "/" + path.split(separator: "/").joined(separator: "/")).replacing(
                            "\n", with: "\\n")
                        return line == "\"\(name)\"" || line.hasPrefix("\"\(name)/")
                    }
                }
                #expect(try list(place, output, ["-P"]) == expected, "\(wanted), \(random.comment)")
                #expect(expected.isEmpty == (wanted == ["none"]))
                // Contents too, not only names.
                if form != "/", !expected.isEmpty {
                    place.remove("unpacked")
                    try shell("tar -xf ../out.tar", in: try place.makeDirectory("unpacked"))
                    for path in wanted {
                        try shell("diff -r --no-dereference 'root/\(path)' 'unpacked/\(path)'", in: place.path)
                    }
                }
            }
        }
    }

    @Test(arguments: ["gnu", "posix"]) func incrementalArchives(format: String) throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let history = try TreeHistory(place)
            try shell(Self.script, in: history.root)
            try history.backup(.full, format: format)
            try shell("rm b/two; echo 4 >a/four; mv a/deep b/deep; rm a/one; mkdir a/one", in: history.root)
            let element = try history.backup(.inc, format: format)
            let archive = try history.restore.storage.data(element.id)
            let findings = TarFilter.Findings()
            let output = try filter(
                archive, ["a", "b/two", "b/deep/big", "a2/three", "a/one/x", "a/four", "empty/x/y"], &random,
                findings: findings)
            let expected = try list(place, archive).filter {
                $0.hasPrefix("\"./a/") || $0.hasPrefix("\"./b/deep/big")
            }
            #expect(try list(place, output) == expected, random.comment)
            findings.state.withLock { state in
                #expect(state.renamed == nil)
                #expect(state.absent == [MemberPath("b/two"), MemberPath("a/one/x"), MemberPath("empty/x/y")])
                #expect(state.directories == [MemberPath("a")])
                #expect(state.whole == [MemberPath("b/deep/big"), MemberPath("a/four")])
                #expect(state.seen == [MemberPath("a"), MemberPath("b/deep/big"), MemberPath("a/four")])
            }
        }
    }

    /// Letters of two forms are two names to the file system; so are invalid bytes.
    @Test func namesAreBytes() throws {
        #expect(MemberPath("a\u{e9}") != MemberPath("ae\u{301}"))
        #expect(MemberPath("./a//b/./c/") == MemberPath("/a/b/c"))
        #expect(MemberPath("a").contains(MemberPath("a/\u{301}b")), "an accent after the slash")
        #expect(!MemberPath("a").contains(MemberPath("ab")))
        #expect(MemberPath([0x61, 0xff]) != MemberPath([0x61, 0xfe]))
        #expect(MemberPath(".").isRoot && MemberPath("").isRoot && MemberPath("/").isRoot)
        #expect(!MemberPath("..").isRoot && !MemberPath("...").isRoot)
    }

    @Test func hardLinkToWhatIsNotWanted() throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            try shell(
                "mkdir -p d/a d/b; echo 1 >d/a/first; ln d/a/first d/b/second; tar --create --sort=name -f a.tar -C d .",
                in: place.path)
            let archive = try place.read("a.tar")
            let error = try #require(throws: BackupError.self) { _ = try filter(archive, ["b"], &random) }
            #expect(error.description.contains("a/first"))
            #expect(try list(place, try filter(archive, ["b", "a/first"], &random)).count == 3)
        }
    }

    @Test(arguments: ["gnu", "posix"]) func cutAnywhere(format: String) throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let history = try TreeHistory(place)
            try shell(Self.script + "; mkdir -p $(printf 'l%.0s' {1..150})", in: history.root)
            let element = try history.backup(.full, format: format)
            let archive = try history.restore.storage.data(element.id)
            let lastMember = try #require(archive.lastIndex { $0 != 0 }) / 512
            for blocks in 0...lastMember {
                let cut = Array(archive[..<(blocks * 512 + Int.random(in: 0...511, using: &random))])
                let error = #expect(throws: BackupError.self, "cut after \(cut.count) bytes, \(random.comment)") {
                    _ = try filter(cut, ["a"], &random)
                }
                #expect(error?.code == .damaged)
            }
            // The padding of the last record is not needed.
            _ = try filter(Array(archive[..<((lastMember + 3) * 512)]), ["a"], &random)
        }
    }

    /// Whatever is in the bytes: an error or an archive, no crash.
    @Test func damagedBytes() throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let history = try TreeHistory(place)
            try shell(Self.script, in: history.root)
            let archive = try history.restore.storage.data(try history.backup(.full).id)
            var failures = 0
            for _ in 0..<300 {
                var damaged = archive
                for _ in 0..<Int.random(in: 1...5, using: &random) {
                    damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
                do { _ = try filter(damaged, ["a", "b/two"], &random) } catch let error as BackupError {
                    #expect(error.code == .damaged || error.code == .failed)
                    failures += 1
                }
            }
            #expect(failures > 0, random.comment)
            let block = try #require(archive.indices.first { $0 % 512 == 0 })
            var wrong = archive
            wrong[block + 148] ^= 1
            let error = #expect(throws: BackupError.self) { _ = try filter(wrong, ["a"], &random) }
            #expect(error?.message.contains("checksum") == true)
        }
    }

    private func header(_ type: Character, size: [UInt8], name: String = "a") -> [UInt8] {
        TarBytes.header(type, name, size: size)
    }

    @Test func hostileSizes() throws {
        var random = SeededGenerator()
        let huge: [[UInt8]] = [
            [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0xbf] + Array(repeating: 0xff, count: 11),
            Array("777777777777".utf8), Array("8".utf8), Array("-1".utf8), Array("12x".utf8),
        ]
        for size in huge {
            for type: Character in ["0", "1", "5", "D", "L", "K", "x", "g", "S", "7"] where type != "1" {
                let error = #expect(throws: BackupError.self, "\(type) \(size)") {
                    _ = try filter(header(type, size: size) + [UInt8](repeating: 0, count: 1024), ["a"], &random)
                }
                #expect(error?.code == .damaged)
            }
        }
        for text in ["size=9223372036854775807", "size=9223372036854775808", "size=-1", "size=", "size=1x"] {
            let record = "\(text.utf8.count + 4) \(text)\n"
            let content = Array(record.utf8) + [UInt8](repeating: 0, count: 512 - record.utf8.count)
            let digits = Array(String(record.utf8.count, radix: 8).utf8)
            let archive = header("x", size: digits) + content + header("0", size: [0x30])
            let error = #expect(throws: BackupError.self, "\(text)") {
                _ = try filter(archive + [UInt8](repeating: 0, count: 1024), ["a"], &random)
            }
            #expect(error?.code == .damaged)
        }
        for record in [
            "99 path=a\n", "9 path\n", " path=a\n", "-3 a=b\n", "7 a=b\n\u{0}\u{0}", "99999999999999999999 a=b\n",
            "3 =\n",
        ] {
            let content = Array(record.utf8) + [UInt8](repeating: 0, count: 512 - record.utf8.count)
            let archive = header("x", size: Array(String(record.utf8.count, radix: 8).utf8)) + content
            #expect(throws: BackupError.self, "\(record)") {
                _ = try filter(archive + header("0", size: [0x30]) + [UInt8](repeating: 0, count: 1024), ["a"], &random)
            }
        }
    }

    /// A name takes many times its size of memory.
    @Test(arguments: [64 << 10, (64 << 10) + 1]) func lengthOfNames(length: Int) throws {
        var random = SeededGenerator()
        let name = String(repeating: "a/", count: length / 2) + (length % 2 == 0 ? "" : "b")
        let headers = [
            TarBytes.long("L", name), TarBytes.long("K", name), TarBytes.pax(["path": name]),
            TarBytes.pax(["linkpath": name]),
        ]
        for header in headers {
            let archive = header + TarBytes.header("1", "a/l", link: "a/f") + TarBytes.end
            guard length > 64 << 10 else {
                _ = try filter(archive, ["a"], &random)
                continue
            }
            let error = #expect(throws: BackupError.self) { try filter(archive, ["a"], &random) }
            #expect(error?.code == .damaged && error?.message.contains("a name has ") == true)
        }
    }

    @Test func numbers() throws {
        func number(_ bytes: [UInt8]) throws -> Int64 { try TarHeader.number(bytes[...]) }
        #expect(try number(Array("0000644\u{0}".utf8)) == 0o644)
        #expect(try number(Array("  644 \u{0}".utf8)) == 0o644)
        #expect(try number(Array("644 777".utf8)) == 0o644, "behind the blank stands something else")
        #expect(try number([]) == 0)
        #expect(try number([0x80, 0, 1, 2]) == 258)
        #expect(try number([0x80] + Array(repeating: 0, count: 3) + [0x7f] + Array(repeating: 0xff, count: 7)) == .max)
        #expect(try number([0x81]) == 1)
        #expect(throws: BackupError.self) { _ = try number([0xff, 0xff]) }
        #expect(throws: BackupError.self) { _ = try number(Array("9".utf8)) }
        #expect(throws: BackupError.self) { _ = try number(Array(repeating: 0x37, count: 30)) }
    }

    /// tar reads nothing behind the first block of zeros, so nothing from there may get in.
    @Test func whatStandsBehindTheEnd() throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let good = header("0", size: [0x30], name: "a")
            let zeros = [UInt8](repeating: 0, count: 1024)
            for tail in [header("0", size: [0x30], name: "a/late"), random.bytes(5000)] {
                let output = try filter(good + zeros + tail, ["a"], &random)
                #expect(try list(place, output) == ["\"a\""])
                #expect(output.count % 10240 == 0)
            }
        }
    }
}
