import BackupModel
import BackupPipeline
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupRestore

/// What comes back is what was there.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ExtractTests {
    @Test func randomHistories() async throws {
        try await withTemporaryDirectory { place in
            let random = SeededGenerator()
            var changes = RandomChanges(random)
            let history = try TreeHistory(place)
            try shell(changes.script(40), in: history.root)
            try history.backup(.full)
            for round in 1...9 {
                try shell(changes.script(Int.random(in: 0...8, using: &changes.random)), in: history.root)
                try history.backup(round == 6 ? .full : .inc)
            }
            for (number, time) in history.times.enumerated() {
                let restored = try await history.restore.extract(try history.restore.plan(at: time), into: "t\(number)")
                // A hard link between a directory that moved and one that did not is two files in an increment of tar.
                let differences = treeDifferences(
                    try contentsOfTree(restored).mapValues(Self.withoutLinks),
                    history.trees[number].mapValues(Self.withoutLinks))
                #expect(differences == [], "state \(number), \(random.comment)")
            }
            // Some paths of each state, there or not.
            for (number, time) in history.times.enumerated() {
                let known = history.trees[Int.random(in: 0..<history.trees.count, using: &changes.random)].keys
                    .filter { $0 != "." }.sorted()
                for attempt in 0..<3 {
                    guard let path = known.randomElement(using: &changes.random) else { continue }
                    try await check(path, history, number, time, "p\(number)-\(attempt)", random.comment)
                }
            }
        }
    }

    /// One path is as in the tree, or is said not to be there.
    private func check(
        _ path: String, _ history: TreeHistory, _ number: Int, _ time: Int64, _ name: String, _ comment: Comment
    ) async throws {
        let isBelow = { (other: String) in other == path || other.hasPrefix(path + "/") }
        // Links to what lies elsewhere are another matter, and so are the times of directories above.
        let aspects: TreeAspects = [.mode, .time]
        let expected = history.trees[number].filter { isBelow($0.key) }.mapValues(Self.withoutLinks)
        do {
            let restored = try await history.restore.extract(
                try history.restore.plan(at: time), into: name, paths: [path])
            let found = try contentsOfTree(restored, aspects: aspects.union(.owner)).filter { isBelow($0.key) }
            let differences = treeDifferences(found, expected)
            #expect(differences == [], "\(path) in state \(number), \(comment)")
            #expect(!expected.isEmpty, "\(path) in state \(number), \(comment)")
        } catch let error as BackupError {
            if expected.isEmpty {
                #expect(
                    error.code == .notFound || error.description.contains("is a hard link"),
                    "\(path) in state \(number), \(comment): \(error)")
            } else {
                #expect(
                    error.description.contains("is a hard link"), "\(path) in state \(number), \(comment): \(error)")
            }
        }
    }

    private static func withoutLinks(_ line: String) -> String {
        line.split(separator: " ").filter { !$0.hasPrefix("same-file-as=") }.joined(separator: " ")
    }

    @Test func hardLinks() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir a b; echo 1 >a/1; ln a/1 b/1; echo 2 >a/2; echo 3 >b/3; ln b/3 3", in: history.root)
            try history.backup(.full)
            try shell("ln a/2 b/2; rm a/1; cp --remove-destination b/3 x; mv x b/3; echo more >>3", in: history.root)
            try history.backup(.inc)
            try shell("rm b/2; ln a/2 b/2; ln a/2 2; rm 3; ln b/3 3", in: history.root)
            try history.backup(.inc)
            for (number, time) in history.times.enumerated() {
                let restored = try await history.restore.extract(try history.restore.plan(at: time), into: "t\(number)")
                let differences = treeDifferences(try contentsOfTree(restored), history.trees[number])
                #expect(differences == [], "state \(number)")
            }
        }
    }

    @Test func selectedPaths() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell(
                "mkdir -p a/b c dirfile; echo 1 >a/b/1; echo 2 >c/2; echo f >gone; echo k >keep; echo i >dirfile/in; echo t >turn",
                in: history.root)
            try history.backup(.full)
            try shell(
                "rm gone; rm -r c; rm -r dirfile; echo now >dirfile; rm turn; mkdir turn; echo t >turn/t",
                in: history.root)
            try history.backup(.inc)
            try shell("mkdir c; echo 3 >c/3; echo more >>a/b/1", in: history.root)
            try history.backup(.inc)
            func restored(_ name: String, _ paths: [String], at time: Int64? = nil) async throws -> [String] {
                let path = try await history.restore.extract(
                    try history.restore.plan(at: time), into: name, paths: paths)
                return try shell("find . -type f | sort", in: path).split(separator: "\n").map(String.init)
            }
            #expect(try await restored("1", ["a/b/1"]) == ["./a/b/1"])
            #expect(try place.read("1/a/b/1") == Array("1\nmore\n".utf8))
            #expect(try await restored("2", ["./c/", "/keep"]) == ["./c/3", "./keep"])
            #expect(try await restored("3", ["c"], at: 1000) == ["./c/2"])
            #expect(try await restored("4", ["dirfile", "turn"]) == ["./dirfile", "./turn/t"])
            #expect(try await restored("5", ["gone"], at: 1005) == ["./gone"])
            #expect(try await restored("6", ["."]).count == 5)
            for (number, paths) in [["gone"], ["c/2"], ["dirfile/in"], ["never"], ["keep", "a/b/2"], ["keep/below"]]
                .enumerated()
            {
                let error = await #expect(throws: BackupError.self, "\(paths)") {
                    _ = try await restored("n\(number)", paths)
                }
                #expect(error?.code == .notFound)
                #expect(place.names("n\(number)").isEmpty, "nothing is written before that is known")
            }
            // With a full alone it is known when all has been read.
            let error = await #expect(throws: BackupError.self) { _ = try await restored("m", ["never"], at: 1000) }
            #expect(error?.code == .notFound)
        }
    }

    /// tar can apply a renaming only to whole trees.
    @Test func renamedDirectory() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir -p old/deep other; echo 1 >old/deep/1; echo 2 >other/2", in: history.root)
            try history.backup(.full, guessing: true)
            try shell("mv old new", in: history.root)
            try history.backup(.inc, guessing: true)
            for path in ["new", "new/deep/1", "old/deep"] {
                let error = await #expect(throws: BackupError.self, "\(path)") {
                    _ = try await history.restore.extract(try history.restore.plan(), into: "t", paths: [path])
                }
                #expect(error?.message.contains("renamed") == true || error?.code == .notFound, "\(path)")
                #expect(place.names("t").isEmpty)
            }
            _ = try await history.restore.extract(try history.restore.plan(), into: "u", paths: ["other"])
            #expect(try place.read("u/other/2") == Array("2\n".utf8))
            let all = try await history.restore.extract(try history.restore.plan(), into: "v", paths: ["/"])
            #expect(treeDifferences(try contentsOfTree(all), history.trees[1]) == [])
        }
    }

    @Test func hardLinkToWhatIsNotWanted() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir a b; echo 1 >a/first; ln a/first b/second", in: history.root)
            try history.backup(.full)
            let listed = try shell("tar tvf archive | grep 'link to'", in: place.path)
            let (link, target) = listed.contains("a/first link") ? ("a", "b/second") : ("b", "a/first")
            let error = await #expect(throws: BackupError.self) {
                _ = try await history.restore.extract(try history.restore.plan(), into: "t", paths: [link])
            }
            #expect(error?.description.contains("ask for \(target) as well") == true, "\(String(describing: error))")
            let both = try await history.restore.extract(try history.restore.plan(), into: "u", paths: ["a", "b"])
            #expect(treeDifferences(try contentsOfTree(both), history.trees[0]).filter { !$0.hasPrefix(".:") } == [])
        }
    }

    /// Over what is there: a full alone deletes nothing unless that is allowed.
    @Test func intoExisting() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir d; echo 1 >d/1", in: history.root)
            try history.backup(.full)
            for deletes in [false, true] {
                try place.write("target/d/mine", "mine")
                try place.write("target/d/1", "old")
                let target = try RestoreTarget(
                    place.path("target"), permissions: .init(intoExisting: true, deleteUnknown: deletes),
                    storagePath: history.restore.storagePath, increments: 0)
                try await history.restore.session().extract(try history.restore.plan(), to: target, paths: []) { _, _ in
                }
                #expect(place.exists("target/d/mine") == !deletes)
                #expect(try place.read("target/d/1") == Array("1\n".utf8))
            }
        }
    }

    // MARK: - Damage

    @Test(arguments: [0, 1], [0, 700, 1200, -1]) func damagedElement(number: Int, offset: Int) async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("mkdir d; echo 1 >d/1; head -c 200000 /dev/urandom >d/random", in: history.root)
            try history.backup(.full)
            try shell("echo 2 >d/2; head -c 100000 /dev/urandom >d/more", in: history.root)
            try history.backup(.inc)
            try history.backup(.inc)
            try history.restore.damage(history.elements[number].id, at: offset)
            let session = history.restore.session()
            let plan = try history.restore.plan()
            let check = await #expect(throws: BackupError.self) { try await session.checkBytes(of: plan) }
            #expect(check?.code == .damaged)
            let rehearsal = await #expect(throws: BackupError.self) { _ = try await session.rehearse(plan) }
            #expect(rehearsal?.code == .damaged, "\(String(describing: rehearsal))")
            #expect(
                place.names().allSatisfy { ["archive", "index", "root", "store"].contains($0) }, "nothing was written")
            let target = try history.restore.target()
            var begun: [Int] = []
            let error = await #expect(throws: BackupError.self) {
                try await session.extract(plan, to: target, paths: []) { begun.append($1) }
            }
            let stopped = try #require(error)
            #expect(stopped.code == .damaged, "\(stopped)")
            #expect(stopped.message.contains(history.elements[number].id.description))
            #expect(stopped.message.contains(target.path))
            #expect(
                stopped.message.contains(
                    number == 1
                        ? "after element 1 of 3"
                        : !place.exists("target") ? "before anything" : "nothing that was written"),
                "\(stopped)")
            #expect(stopped.remedy.contains("--at"))
            #expect(begun == Array(1...(number + 1)), "nothing is applied behind the damage")
        }
    }

    @Test func soundBytes() async throws {
        try await withTemporaryDirectory { place in
            let history = try TreeHistory(place)
            try shell("echo 1 >a", in: history.root)
            try history.backup(.full)
            try history.backup(.inc)
            let session = history.restore.session()
            let plan = try history.restore.plan()
            try await session.checkBytes(of: plan)
            #expect(session.progress.bytesIn == plan.size)
            #expect(try await session.rehearse(plan) == [])
            let before = try contentsOfTree(history.restore.storagePath)
            _ = try await history.restore.extract(plan, into: "t")
            #expect(try contentsOfTree(history.restore.storagePath) == before, "the storage is as it was")
        }
    }

    // MARK: - What is no archive

    private static let command = StageRecord(stage: "command", restore: nil)

    @Test func dumpBecomesOneFile() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place, source: "/host1/db")
            var random = SeededGenerator()
            let data = random.bytes(300_000)
            let full = try restore.store(at: 1000, data: data, stages: [Self.command])
            try restore.store(at: 2000, data: [1, 2, 3], stages: [Self.command], after: full)
            let path = try await restore.extract(try restore.plan(at: 1500), into: "t")
            #expect(place.names("t") == ["db"])
            #expect(try place.read("t/db") == data)
            #expect(try shell("stat -c %a db", in: path) == "600\n")
            let error = await #expect(throws: BackupError.self) {
                _ = try await restore.extract(try restore.plan(), into: "u", paths: ["x"])
            }
            #expect(error?.code == .usage)
            try restore.damage(full.id, at: 200_000)
            let damage = await #expect(throws: BackupError.self) {
                _ = try await restore.extract(try restore.plan(at: 1500), into: "v")
            }
            #expect(damage?.code == .damaged)
            #expect(place.names("v").isEmpty, "no file that looks like the dump")
            // What was there stays when the new one is no good.
            try place.write("w/db", "mine")
            let target = try RestoreTarget(
                place.path("w"), permissions: .init(intoExisting: true), storagePath: nil, increments: 0)
            await #expect(throws: BackupError.self) {
                try await restore.session().extract(try restore.plan(at: 1500), to: target, paths: []) { _, _ in }
            }
            #expect(try place.read("w/db") == Array("mine".utf8))
            #expect(place.names("w") == ["db"])
            try await restore.session().extract(try restore.plan(), to: target, paths: []) { _, _ in }
            #expect(try place.read("w/db") == [1, 2, 3])
        }
    }

    @Test func emptyDump() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place, source: "/host1/db")
            try restore.store(data: [], stages: [Self.command])
            _ = try await restore.extract(try restore.plan(), into: "t")
            #expect(try place.read("t/db") == [])
        }
    }
}
