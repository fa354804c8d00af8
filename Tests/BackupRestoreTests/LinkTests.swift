import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupRestore

/// Nothing is written outside of the target, wherever symbolic links in it lead.
@Suite(.timeLimit(.minutes(5))) struct LinkTests {
    /// A full with `d/f` and `d/e/g`, an increment with `d/f2`, and a directory `out` that nobody may touch.
    private func history(_ place: TemporaryDirectory) throws -> TreeHistory {
        let history = try TreeHistory(place)
        try shell("mkdir -p d/e; echo 1 >d/f; echo 1 >d/e/g; echo 1 >top", in: history.root)
        try history.backup(.full)
        try shell("echo 2 >d/f2; echo 2 >d/e/g2", in: history.root)
        try history.backup(.inc)
        try place.write("out/f", "mine")
        try place.write("out/precious", "mine")
        try shell("mkdir out/e; chmod 711 out; touch -d @1000 out/e out", in: place.path)
        return history
    }

    private func extract(_ history: TreeHistory, at time: Int64?, _ paths: [String], deletes: Bool) async throws {
        let target = try RestoreTarget(
            history.restore.place.path("target"), permissions: .init(intoExisting: true, deleteUnknown: deletes),
            storagePath: history.restore.storagePath, increments: time == nil ? 1 : 0)
        try await history.restore.session().extract(
            try history.restore.plan(at: time), to: target, paths: paths.map { Array($0.utf8) }
        ) { _, _ in }
    }

    @Test(arguments: [("d", "../out"), ("d/e", "../../out")], [true, false])
    func directoriesReplaceLinks(link: (name: String, to: String), deletes: Bool) async throws {
        try await withTemporaryDirectory { place in
            let history = try history(place)
            let before = try contentsOfTree(place.path("out"))
            try place.makeDirectory("target/d")
            if link.name == "d" { place.remove("target/d") }
            try place.link("target/" + link.name, to: link.to)
            try await extract(history, at: deletes ? nil : 1000, [], deletes: deletes)
            #expect(try contentsOfTree(place.path("out")) == before)
            #expect(
                treeDifferences(
                    try contentsOfTree(place.path("target")), deletes ? history.trees[1] : history.trees[0]) == [])
        }
    }

    @Test(
        arguments: [("d", ["d/f"]), ("d", ["top", "d/e"]), ("d/e", ["d/e/g"]), ("d", ["d/e/g", "d/f2"])], [true, false])
    func selectedPathsAreNotWrittenThroughLinks(_ link: (name: String, paths: [String]), deletes: Bool) async throws {
        try await withTemporaryDirectory { place in
            let history = try history(place)
            try place.makeDirectory("target/d")
            if link.name == "d" { place.remove("target/d") }
            try place.link("target/" + link.name, to: place.path("out"))
            let before = try contentsOfTree(place.path)
            let error = await #expect(throws: BackupError.self) {
                try await extract(history, at: deletes ? nil : 1000, link.paths, deletes: deletes)
            }
            #expect(error?.code == .untrusted, "\(String(describing: error))")
            #expect(error?.message.contains("\(link.name) in ") == true, "\(String(describing: error))")
            #expect(error?.description.contains("symbolic link") == true)
            #expect(try contentsOfTree(place.path) == before, "nothing at all is written")
            // A link that is wanted itself, or lies where nothing is written, is in nobody's way.
            try await extract(history, at: deletes ? nil : 1000, ["d"], deletes: deletes)
            #expect(
                try contentsOfTree(place.path("out"))
                    == before.filter { $0.key.hasPrefix("out/") || $0.key == "out" }
                    .reduce(into: [:]) { $0[$1.key == "out" ? "." : String($1.key.dropFirst(4))] = $1.value })
            #expect(try place.read("target/d/e/g") == Array("1\n".utf8))
        }
    }

    /// An archive without the directories above its members, as a source with `include` has it: alone into a tree that is
    /// there, and as an increment behind a full that has set the trap.
    @Test func archivesWithoutTheDirectoriesAbove() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            try shell(
                "mkdir -p s/d out t; echo new >s/d/f; echo mine >out/f; ln -s ../out t/d; ln -s \"$PWD/out\" s/l",
                in: place.path)
            try shell(
                "tar -C s -cf full.tar ./l; mkdir -p i/l; echo new >i/l/f; tar -C i -cf inc.tar ./l/f; tar -C s -cf bare.tar ./d/f",
                in: place.path)
            let bare = try restore.store(at: 1000, data: try place.read("bare.tar"), stages: [tarRecord])
            let target = try RestoreTarget(
                place.path("t"), permissions: .init(intoExisting: true), storagePath: nil, increments: 0)
            let error = await #expect(throws: BackupError.self) {
                try await restore.session().extract(try restore.plan(), to: target, paths: []) { _, _ in }
            }
            #expect(
                error?.description.contains("d in \(target.path) is a symbolic link") == true,
                "\(String(describing: error))")
            let full = try restore.store(at: 2000, data: try place.read("full.tar"), stages: [tarRecord], after: bare)
            try restore.store(.inc, at: 3000, data: try place.read("inc.tar"), stages: [tarRecord], after: full)
            let planted = await #expect(throws: BackupError.self) {
                _ = try await restore.extract(try restore.plan(), into: "empty")
            }
            #expect(planted?.code == .untrusted, "\(String(describing: planted))")
            #expect(try place.read("out/f") == Array("mine\n".utf8))
        }
    }
    /// An archive says that a file was renamed which lies behind a link of the target, or is to lie there.
    @Test(arguments: [("d/precious", "stolen"), ("mine", "d/brought")])
    func nothingIsRenamedThroughLinks(from old: String, to new: String) async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            try place.write("out/precious", "mine")
            try place.write("target/mine", "mine")
            try place.link("target/d", to: "../out")
            let names = "R\(old)\u{0}T\(new)\u{0}Nd\u{0}Nmine\u{0}Nstolen\u{0}\u{0}"
            let archive = TarBytes.pax(["GNU.dumpdir": names]) + TarBytes.header("5", "./") + TarBytes.end
            try restore.store(data: archive, stages: [tarRecord])
            let before = try contentsOfTree(place.path)
            let target = try RestoreTarget(
                place.path("target"), permissions: .init(intoExisting: true, deleteUnknown: true), storagePath: nil,
                increments: 0)
            let error = await #expect(throws: BackupError.self) {
                try await restore.session().extract(try restore.plan(), to: target, paths: []) { _, _ in }
            }
            #expect(error?.code == .untrusted, "\(String(describing: error))")
            #expect(try contentsOfTree(place.path) == before)
        }
    }
}
