import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@testable import BackupRestore

/// Archives that GNU tar reads otherwise than ``TarFilter`` does, or that lead it out of the target in ways that cannot be
/// seen in the archive: the kernel keeps it there.
@Suite(
    .enabled(if: ConfinedProcess.isPossible, "the kernel of this machine has no Landlock, or version 1"),
    .timeLimit(.minutes(5)))
struct ConfinementTests {
    /// In the target there are `keep`, the directory `sub`, and `link`, which leads to the directory `outside`.
    struct Archive: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// - Parameter outside: the path of the directory.
        let bytes: @Sendable (_ outside: String) -> [UInt8]

        init(_ name: String, _ bytes: @escaping @Sendable (_ outside: String) -> [UInt8]) {
            testDescription = name
            self.bytes = { bytes($0) + TarBytes.end }
        }
    }

    enum Mode: CaseIterable { case into, deleting, increment }

    private static let evil = TarBytes.file("link/evil", "evil\n")
    /// A character that glibc leaves out where names become ASCII.
    private static let tag = "\u{E0041}"
    private static let hidden = TarBytes.header("0", "./b", size: evil.count) + evil

    private static func names(_ names: [String]) -> [UInt8] {
        TarBytes.pax(["GNU.dumpdir": names.map { $0 + "\u{0}" }.joined() + "\u{0}"])
    }

    private static func directory(_ name: String, _ entries: String...) -> [UInt8] {
        names(entries) + TarBytes.header("5", name + "/")
    }

    /// A size that tar and others read differently begins with it.
    private static func withNumberAtStart(_ number: UInt8, _ text: String) -> [UInt8] { [number] + Array(text.utf8) }

    private static func holes(_ size: Int) -> [UInt8] {
        TarBytes.pax([
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": String(size),
        ])
    }

    private static let emptyMap = TarBytes.padded(Array("0\n".utf8)) + evil + evil

    private static func changed(_ block: [UInt8], _ start: Int, _ bytes: [UInt8]) -> [UInt8] {
        var block = block
        block.replaceSubrange(start..<(start + bytes.count), with: bytes)
        return TarBytes.summed(block)
    }

    static let archives: [Archive] = [
        Archive("a checksum in base 256") { _ in
            var block = TarBytes.header("0", "./a", size: evil.count)
            block.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
            let sum = block.reduce(0) { $0 + UInt32($1) }
            block.replaceSubrange(
                148..<156, with: [0x80, 0, 0, 0] + (0..<4).reversed().map { UInt8(sum >> (8 * $0) & 255) })
            return block + evil
        },
        Archive("a size behind a zero byte") { _ in
            TarBytes.header("0", "./a", size: withNumberAtStart(0, "0000001000\u{0}")) + hidden
        },
        Archive("a name with a tag") { _ in TarBytes.pax(["path": "li\(tag)nk/evil"]) + TarBytes.file("x") },
        Archive("a hard link to a name with a tag") { _ in
            TarBytes.pax(["linkpath": "li\(tag)nk/precious"]) + TarBytes.header("1", "./hl", link: "x")
        },
        Archive("a long name without a zero byte") { _ in
            TarBytes.header("L", "L", size: Array("00000000001".utf8), magic: gnu)
                + TarBytes.padded(Array("link/evil".utf8))
                + TarBytes.header("0", "x", size: Array("00000000005".utf8), magic: gnu)
                + TarBytes.padded(Array("evil\n".utf8))
        },
        Archive("an old directory with a map") { _ in
            holes(512) + TarBytes.header("D", "./s", size: 512) + TarBytes.padded(Array("1\n0\n512\n".utf8)) + hidden
        },
        Archive("an old directory with names twice") { _ in
            names([]) + TarBytes.header("D", "./sub/", size: evil.count) + evil
        },
        Archive("a file with a slash") { _ in TarBytes.header("0", "./sub/", size: evil.count) + evil },
        Archive("a file with a slash and names") { _ in
            names([]) + TarBytes.header("0", "./sub/", size: evil.count) + evil
        },
        Archive("a contiguous file with a slash") { _ in TarBytes.header("7", "./sub/", size: evil.count) + evil },
        Archive("holes in a file of no form") { _ in
            holes(0)
                + TarBytes.header(
                    "0", "./s", size: TarBytes.octal(emptyMap.count), magic: String(repeating: "\u{0}", count: 8))
                + emptyMap
        },
        Archive("holes in a file of the form of GNU") { _ in
            holes(0) + TarBytes.header("0", "./s", size: TarBytes.octal(emptyMap.count), magic: gnu) + emptyMap
        },
        Archive("holes in a file of the form of star") { _ in
            let block = TarBytes.header("0", "./s", size: emptyMap.count)
            return holes(0)
                + changed(changed(block, 476, Array("00000000000 ".utf8)), 488, Array("00000000000 ".utf8)) + emptyMap
        },
        Archive("a temporary directory elsewhere") { outside in directory("./sub", "X" + outside) },
        Archive("a rename by a temporary directory elsewhere") { outside in
            directory(".", "Ykeep", "Dlink", "Dsub", "X" + outside, "Rsub", "T")
        },
        Archive("a rename from a path with ..") { _ in directory("./sub", "Rno/../link/precious", "Tsub/p") },
        Archive("a rename to a path with ..") { _ in directory("./sub", "Rkeep", "Tno/../link/kept") },
        Archive("a hard link to the link") { _ in
            TarBytes.header("1", "./n", link: "link") + TarBytes.file("./n/evil", "evil\n")
        },
        Archive("a rename of the link") { _ in
            directory("./sub", "Rlink", "Tn") + TarBytes.file("./n/evil", "evil\n")
        },
    ]

    private static let gnu = "ustar  \u{0}"

    /// A place with `outside/precious`, and what an increment is made upon.
    private func prepare(_ place: TemporaryDirectory) throws -> RestorePlace {
        try place.write("outside/precious", "mine")
        return try RestorePlace(place)
    }

    /// What nobody may touch. Names of the same file included, which may lie anywhere.
    private func outside(_ place: TemporaryDirectory) throws -> [String: String] {
        var tree = try contentsOfTree(place.path("outside"))
        var status = stat()
        if stat(place.path("outside/precious"), &status) == 0 { tree["links"] = String(status.st_nlink) }
        return tree
    }

    private func extract(
        _ restore: RestorePlace, _ permissions: RestoreTarget.Permissions = .init()
    ) async throws(BackupError) {
        let plan = try RestorePlan(restore.storage, source: restore.source, at: .newest)
        let target = try RestoreTarget(
            restore.place.path("target"), permissions: permissions, storagePath: restore.storagePath,
            increments: plan.deletingIncrements)
        try await restore.session().extract(plan, to: target, paths: []) { _, _ in }
    }

    /// Applies the archive; what it meets does not matter here.
    private func apply(_ archive: Archive, _ mode: Mode, _ restore: RestorePlace) async throws -> BackupError? {
        let place = restore.place
        let bytes = archive.bytes(place.path("outside"))
        if mode == .increment {
            let full =
                Self.directory(".", "Ykeep", "Ylink", "Dsub") + TarBytes.file("./keep")
                + TarBytes.header("2", "./link", link: "../outside") + Self.directory("./sub") + TarBytes.end
            let first = try restore.store(data: full, stages: [tarRecord])
            try restore.store(.inc, at: 2000, data: bytes, stages: [tarRecord], after: first)
        } else {
            try place.write("target/keep", "")
            try place.makeDirectory("target/sub")
            try place.link("target/link", to: "../outside")
            try restore.store(data: bytes, stages: [tarRecord])
        }
        let permissions: RestoreTarget.Permissions =
            mode == .increment ? .init() : .init(intoExisting: true, deleteUnknown: mode == .deleting)
        do throws(BackupError) { try await extract(restore, permissions) } catch { return error }
        return nil
    }

    @Test(arguments: archives, Mode.allCases) func nothingLeavesTheTarget(_ archive: Archive, mode: Mode) async throws {
        try await withTemporaryDirectory { place in
            let restore = try prepare(place)
            let before = try outside(place)
            let error = try await apply(archive, mode, restore)
            #expect(treeDifferences(before, try outside(place)) == [], "\(String(describing: error))")
        }
    }

    /// People are told what it was, and not that nothing had happened.
    @Test(arguments: Mode.allCases) func theMessageSaysThatTheArchiveLeadsOut(mode: Mode) async throws {
        try await withTemporaryDirectory { place in
            let error = try await apply(Self.archives[0], mode, try prepare(place))
            #expect(error?.code == .untrusted, "\(String(describing: error))")
            #expect(error?.description.contains("the archive leads out of the target") == true)
            #expect(error?.description.contains("before anything was written") == false)
        }
    }

    /// A directory that has been made in the new target is moved out of it, and nothing is left.
    @Test func nothingLeavesANewTarget() async throws {
        try await withTemporaryDirectory { place in
            let restore = try prepare(place)
            let before = try outside(place)
            let archive =
                Self.directory(".", "Dsub") + Self.directory("./sub") + TarBytes.file("./sub/payload")
                + Self.directory(".", "Dsub", "X" + place.path("outside"), "Rsub", "T") + TarBytes.end
            try restore.store(data: archive, stages: [tarRecord])
            let error = await #expect(throws: BackupError.self) { try await extract(restore) }
            #expect(error?.code == .untrusted, "\(String(describing: error))")
            #expect(treeDifferences(before, try outside(place)) == [])
        }
    }

    /// tar makes room for that by a temporary directory, which must lie in the target as well.
    @Test func swappedDirectories() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir a b; echo 1 >a/one; echo 2 >b/two; ln a/one b/same", in: history.root)
            try history.backup(.full, guessing: true)
            try shell("mv a c; mv b a; mv c b", in: history.root)
            try history.backup(.inc, guessing: true)
            let restored = try await history.restore.extract(try history.restore.plan(), into: "swapped")
            #expect(treeDifferences(try contentsOfTree(restored), history.trees[1]) == [])
        }
    }

    /// An old kernel is no reason to refuse; people are told where it matters.
    @Test func withoutTheKernelPeopleAreWarned() throws {
        try withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            let full = try restore.store(data: TarBytes.end, stages: [tarRecord])
            let existing = RestoreTarget.Permissions(intoExisting: true, deleteUnknown: true)
            try place.write("used/file", "")
            func warning(_ name: String, canConfine: Bool) throws -> String? {
                let target = try RestoreTarget(
                    place.path(name), permissions: existing, storagePath: nil, increments: 0)
                return RestoreSession.warning(try restore.plan(), into: target, canConfine: canConfine)
            }
            #expect(try warning("new", canConfine: false) == nil)
            #expect(try warning("used", canConfine: false)?.contains("Landlock") == true)
            try restore.store(.inc, at: 2000, data: TarBytes.end, stages: [tarRecord], after: full)
            #expect(try warning("new", canConfine: false)?.contains("Landlock") == true)
            for name in ["new", "used"] { #expect(try warning(name, canConfine: true) == nil) }
        }
    }
}
