import BackupModel
import BackupTestKit
import Synchronization
import Testing

@testable import BackupRestore

/// The filter and GNU tar must agree on where members begin and how they are called: what only tar sees is written without
/// having been looked at.
@Suite(.timeLimit(.minutes(5))) struct HostileTarTests {
    struct Archive: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]

        init(_ name: String, _ pieces: [UInt8]...) {
            testDescription = name
            bytes = pieces.flatMap(\.self) + TarBytes.end
        }
    }

    /// Remembers what it was shown.
    private struct Witness: MemberInspector {
        final class Names: Sendable { let seen = Mutex<Set<MemberPath>>([]) }
        let names: Names

        func see(_ name: MemberPath, isDirectory: Bool, hardLink: MemberPath?) {
            names.seen.withLock { _ = $0.insert(name) }
        }

        func needsNames(of directory: MemberPath) -> Bool { false }
        func see(_ names: TarDirectory, of directory: MemberPath) {}
    }

    /// What passes; what was shown to the inspector on the way.
    private func filter(_ archive: Archive, _ wanted: String) throws -> (output: [UInt8], seen: Set<MemberPath>) {
        let witness = Witness(names: .init())
        var filter = TarFilter(wanted: [MemberPath(wanted)], findings: .init(), inspector: witness)
        var output: [UInt8] = []
        let emit = { (piece: UnsafeRawBufferPointer) throws(BackupError) in output.append(contentsOf: piece) }
        // Whatever is refused later: tar has had everything that was emitted until then.
        do throws(BackupError) {
            try archive.bytes.withUnsafeBytes { buffer -> Result<Void, BackupError> in
                do throws(BackupError) { return .success(try filter.process(buffer, emit: emit)) } catch {
                    return .failure(error)
                }
            }.get()
            try filter.finish(emit: emit)
        } catch {
            #expect(error.code == .damaged, "\(error)")
            output += [UInt8](repeating: 0, count: 10240 - output.count % 10240)
        }
        return (output, witness.names.seen.withLock { $0 })
    }

    /// What tar makes of it.
    private func written(_ place: TemporaryDirectory, _ archive: [UInt8]) throws -> [String] {
        try place.write("passed.tar", archive)
        place.remove("written")
        try place.makeDirectory("written")
        // What it thinks of the archive does not matter here, only what it does.
        _ = try ToolRun(
            ["tar"]
                + RestoreSession.tarArguments(deletes: true).map {
                    $0 == "--file=-" ? "--file=" + place.path("passed.tar") : $0
                }
                + ["--directory", place.path("written")])
        return try contentsOfTree(place.path("written"), aspects: []).keys.filter { $0 != "." }
    }

    private static let trap = TarBytes.file("x/evil")
    /// As many bytes as ``trap`` has.
    private static let length = 1024

    /// Members with two names.
    static let names: [Archive] = [
        Archive("path twice", TarBytes.pax(["path": "a/ok", "path": "x/evil"]), TarBytes.file("a/n")),
        Archive(
            "long name and path", TarBytes.long("L", "a/ok"), TarBytes.pax(["path": "x/evil"]), TarBytes.file("a/n")),
        Archive(
            "path and long name", TarBytes.pax(["path": "x/evil"]), TarBytes.long("L", "a/ok"), TarBytes.file("a/n")),
        Archive("two headers", TarBytes.pax(["path": "a/ok"]), TarBytes.pax(["mtime": "1"]), trap),
        Archive(
            "the letter of Solaris", TarBytes.pax(["path": "x/evil"], type: "X", name: "a/pax"), TarBytes.file("a/n")),
        Archive("a path for all", TarBytes.pax(["path": "x/evil"], type: "g"), TarBytes.file("a/n")),
        Archive("a sparse name for all", TarBytes.pax(["GNU.sparse.name": "x/evil"], type: "g"), TarBytes.file("a/n")),
        Archive(
            "for all, behind one of its own", TarBytes.pax(["mtime": "1"]), TarBytes.pax(["path": "x/evil"], type: "g"),
            TarBytes.file("a/n")),
        Archive(
            "two sparse names", TarBytes.pax(["GNU.sparse.name": "a/ok", "path": "x/evil"]), TarBytes.file("x/evil")),
        Archive("a byte of zero in the path", TarBytes.pax(["path": "x\u{0}/../a/ok"]), TarBytes.file("a/n")),
    ]

    /// Records that tar does not take.
    static let records: [Archive] = [
        Archive("no end of the line", TarBytes.pax(text: "12 path=a/ok"), trap),
        Archive("a sign", TarBytes.pax(text: "+13 path=a/ok\n"), trap),
        Archive("two blanks", TarBytes.pax(text: "16  path=x/evil\n"), TarBytes.file("a/n")),
        Archive("a byte of zero in a key", TarBytes.pax(text: "8 a\u{0}b=c\n" + TarBytes.record("path", "a/ok")), trap),
    ]

    /// Members that have no content, as tar sees it.
    static let contents: [Archive] = [
        Archive(
            "a hard link with a size", TarBytes.file("a/f"), TarBytes.pax(["size": "1024"]),
            TarBytes.header("1", "a/h", link: "a/f"), trap),
        Archive("a symbolic link", TarBytes.header("2", "a/s", size: length, link: "n"), trap),
        Archive("a device", TarBytes.header("3", "a/c", size: length), trap),
        Archive("a block device", TarBytes.header("4", "a/b", size: length), trap),
        Archive("a directory", TarBytes.header("5", "a/d", size: length), trap),
        Archive("a directory by pax", TarBytes.pax(["size": "1024"]), TarBytes.header("5", "a/d"), trap),
        Archive("a pipe", TarBytes.header("6", "a/p", size: length), trap),
        Archive(
            "a link with a bad name", TarBytes.header("2", "a/../s", size: 512, link: "n"),
            TarBytes.header("0", "a/f", size: length), trap),
    ]

    static let sizes: [Archive] = [
        Archive(
            "a size for all", TarBytes.pax(["size": "0"], type: "g"), TarBytes.header("0", "a/n", size: length), trap),
        Archive("a size with a sign", TarBytes.pax(["size": "+1024"]), TarBytes.header("0", "a/n"), trap),
        Archive(
            "a real size alone", TarBytes.pax(["GNU.sparse.realsize": "0"]), TarBytes.header("0", "a/n", size: length),
            trap),
        Archive(
            "a sparse size alone", TarBytes.pax(["GNU.sparse.size": "0"]), TarBytes.header("0", "a/n", size: length),
            trap),
    ]

    /// Maps of sparse files that tell of more bytes than there are.
    static let maps: [Archive] = [
        Archive(
            "a map of more", TarBytes.sparse("a/ok", map: "1\n0\n1024\n", size: 1024, content: 512),
            TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "a map that ends later", TarBytes.sparse("a/ok", map: "1\n0\n", size: 1024, content: 0),
            TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "a map with zeros before a number",
            TarBytes.sparse("a/ok", map: String(repeating: "0", count: 30) + "1\n0\n0\n", size: 0, content: 0),
            TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "a sparse directory",
            TarBytes.pax(["GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"]),
            TarBytes.header("5", "a/d"), TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "a map in the header",
            TarBytes.pax(["GNU.sparse.size": "1024", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1024"]),
            TarBytes.file("a/n", String(repeating: "q", count: 512)), TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "a map in records",
            TarBytes.pax([
                "GNU.sparse.size": "1024", "GNU.sparse.numblocks": "1", "GNU.sparse.offset": "0",
                "GNU.sparse.numbytes": "1024",
            ]),
            TarBytes.file("a/n", String(repeating: "q", count: 512)), TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "an old map of more", TarBytes.oldSparse("a/ok", [(0, 1024)], realSize: 1024, content: 512),
            TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "an old map that is said to go on",
            TarBytes.oldSparse("a/ok", [(0, 512)], realSize: 512, content: 512, isExtended: true),
            TarBytes.header("0", "a/f", size: length), trap),
        Archive(
            "an old map beyond the end", TarBytes.oldSparse("a/ok", [(4096, 512)], realSize: 512, content: 512),
            TarBytes.header("0", "a/f", size: length), trap),
    ]

    @Test(arguments: names + records + contents + sizes + maps, ["a", ""]) func tarWritesNothingUnseen(
        _ archive: Archive, wanted: String
    ) throws {
        try withTemporaryDirectory { place in
            let (output, seen) = try filter(archive, wanted)
            for name in try written(place, output) {
                let path = MemberPath(name)
                #expect(seen.contains { path.contains($0) }, "\(name) was written, and only \(seen) were seen")
            }
        }
    }

    /// What programs write for good reasons passes.
    @Test(arguments: [
        Archive("a comment for all", TarBytes.pax(["comment": "0123abcd"], type: "g"), TarBytes.file("a/n")),
        Archive("times", TarBytes.pax(["mtime": "1.5", "path": "a/ok"]), TarBytes.file("a/n")),
        Archive(
            "long names", TarBytes.long("K", "target"), TarBytes.long("L", "a/ok"),
            TarBytes.header("2", "a/n", link: "t")),
        Archive(
            "a hard link that repeats the size", TarBytes.file("a/f"), TarBytes.header("1", "a/h", size: 4, link: "a/f")
        ),
        Archive("an old directory", TarBytes.header("0", "a/d/")),
        Archive("a sparse file", TarBytes.sparse("a/ok", map: "2\n0\n512\n4096\n0\n", size: 4096, content: 512)),
        Archive("an old sparse file", TarBytes.oldSparse("a/ok", [(0, 512), (4096, 0)], realSize: 4096, content: 512)),
    ])
    func whatIsUsualPasses(_ archive: Archive) throws {
        try withTemporaryDirectory { place in
            let (output, seen) = try filter(archive, "a")
            #expect(!seen.isEmpty)
            #expect(Set(try written(place, output).map { MemberPath($0) }) == seen.union([MemberPath("a")]))
        }
    }
}
