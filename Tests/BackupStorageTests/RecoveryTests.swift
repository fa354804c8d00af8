import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

/// Each state that a crash can leave, made by hand, and what recovery makes of it.
@Suite struct RecoveryTests {
    private let source: SourceURL
    private let now = Timestamp(1_795_300_000)

    init() throws { source = try SourceURL("/a/x") }

    /// Runs recovery twice; the second time nothing is left to do.
    private func recover(_ place: StoragePlace) throws -> [String] {
        var recovery = StorageRecovery(place.storage)
        try recovery.run(now: now)
        let tree = try place.tree()
        var again = StorageRecovery(place.storage)
        try again.run(now: now)
        #expect(again.actions == [])
        #expect(treeDifferences(tree, try place.tree()) == [])
        return recovery.actions
    }

    private func inode(_ place: StoragePlace, _ name: String) throws -> UInt64 {
        let directory = try Directory(path: place.place.path("store/a"))
        return try #require(try directory.status(name)).inode
    }

    // MARK: - Commit

    enum CommitCrash: CaseIterable {
        case beforeTheNote, beforeData, beforeInfo, beforeTheLockGoes
    }

    @Test(arguments: CommitCrash.allCases, [DefaultFileStorage.Durability.none, .element])
    func crashInACommit(_ crash: CommitCrash, _ durability: DefaultFileStorage.Durability) throws {
        try withStorage(durability) { place in
            let neighbours = [
                try place.storage.store(source), try place.storage.store(source, .inc),
                try place.storage.store(SourceURL("/a/x-full2")),
            ]
            // What the next commit would make: the serial number 0.
            let id = ElementID(source: source, digits: "20261121001418", serial: 0, type: .full)
            let base = "store/a/\(id.baseName)"
            let before = try contentsOfTree(place.place.path("store"), aspects: [.mode, .hardLinks])
            try place.place.write(base + ".lock", "")
            if crash != .beforeTheNote {
                try place.place.write(base + ".data", "bytes")
                let inode = try inode(place, id.fileName("data"))
                try place.place.write(base + ".lock", #"{"operation": "commit", "inode": \#(inode)}"#)
            }
            if crash == .beforeData { place.place.remove(base + ".data") }
            if crash == .beforeTheLockGoes {
                try place.place.write(base + ".info", makeMetadata(data: Array("bytes".utf8)).text)
            }
            let listed = try place.storage.elements(of: source)
            #expect(listed.damaged.isEmpty)
            #expect(listed.usable.contains { $0.id == id } == (crash == .beforeTheLockGoes))

            let actions = try recover(place)
            if crash == .beforeTheLockGoes {
                #expect(try place.storage.data(id) == Array("bytes".utf8))
                #expect(!place.place.exists(base + ".lock"))
            } else {
                let after = try contentsOfTree(place.place.path("store"), aspects: [.mode, .hardLinks])
                #expect(treeDifferences(before, after) == [])
                #expect(actions.count == (crash == .beforeInfo ? 1 : 0))
                #expect(actions.allSatisfy { $0.contains(id.baseName) })
                #expect(try place.storage.store(source).id == id, "the name is free again")
            }
            for neighbour in neighbours { #expect(try place.storage.element(neighbour.id).size == neighbour.size) }
        }
    }

    /// The bytes under the name are not those that the crashed commit spoke of.
    @Test func foreignDataStays() throws {
        try withStorage { place in
            try place.place.write("store/a/20261121001418-x-full.data", "somebody's only copy")
            let inode = try inode(place, "20261121001418-x-full.data") + 1
            try place.place.write(
                "store/a/20261121001418-x-full.lock", #"{"operation": "commit", "inode": \#(inode)}"#)
            #expect(try recover(place) == [])
            #expect(try place.place.read("store/a/20261121001418-x-full.data") == Array("somebody's only copy".utf8))
        }
    }

    @Test(arguments: [nil, "", "no JSON", "{}", #"{"operation": "commit"}"#, #"{"operation": "other", "inode": 1}"#])
    func dataWithoutWordOfItStays(_ note: String?) throws {
        try withStorage { place in
            try place.place.write("store/a/20261121001418-x-full.data", "bytes")
            if let note { try place.place.write("store/a/20261121001418-x-full.lock", note) }
            #expect(try recover(place) == [])
            #expect(place.place.names("store/a") == ["20261121001418-x-full.data"])
        }
    }

    // MARK: - Deletion

    /// 0: nothing was removed yet; 4: only the lock is left.
    @Test(arguments: 0...4, [DefaultFileStorage.Durability.none, .element])
    func crashInADeletion(_ steps: Int, _ durability: DefaultFileStorage.Durability) throws {
        try withStorage(durability) { place in
            let neighbours = [
                try place.storage.store(source), try place.storage.store(source, .inc),
                try place.storage.store(SourceURL("/a/x-full2")),
            ]
            for neighbour in neighbours {
                try place.storage.setAttribute(AttributeName("copies"), of: neighbour.id, to: [1])
            }
            let before = try contentsOfTree(place.place.path("store"), aspects: [.mode, .hardLinks])
            let id = try place.storage.store(source).id
            for name in ["copies", "proof"] { try place.storage.setAttribute(AttributeName(name), of: id, to: [1]) }
            try place.place.write(place.file(id, "lock"), #"{"operation": "delete"}"#)
            for suffix in ["info", "copies", "proof", "data"].prefix(steps) {
                place.place.remove(place.file(id, suffix))
            }

            let actions = try recover(place)
            #expect(actions.count == 1)
            #expect(actions.first?.contains(id.baseName) == true)
            let after = try contentsOfTree(place.place.path("store"), aspects: [.mode, .hardLinks])
            #expect(treeDifferences(before, after) == [])
        }
    }

    // MARK: - Attributes

    @Test func crashInAChangeOfAnAttribute() throws {
        try withStorage { place in
            let id = try place.storage.store(source).id
            let name = try AttributeName("copies")
            try place.storage.setAttribute(name, of: id, to: Array("old".utf8))
            let before = try place.tree()
            try place.place.write(place.file(id, "lock"), #"{"operation": "change"}"#)
            try place.place.write(place.file(id, "newvalue"), "half")
            #expect(try place.storage.attributes(of: id) == [name], "a value that is being written is no attribute")
            _ = try recover(place)
            let after = try contentsOfTree(place.place.path("store"), aspects: [.mode, .owner, .hardLinks])
            #expect(Set(after.keys) == Set(before.keys))
            #expect(try place.storage.attribute(name, of: id) == Array("old".utf8))
        }
    }

    // MARK: - What is not rubbish

    @Test(arguments: [#"{"operation": "delete"}"#, #"{"operation": "change"}"#, ""])
    func locksOfTheLivingAreRespected(_ note: String) throws {
        try withStorage { place in
            let id = try place.storage.store(source).id
            try place.place.write(place.file(id, "newvalue"), "is being written")
            let lock = try FileLock.acquire(
                id.fileName("lock"), in: Directory(path: place.place.path("store/a")), note: note)
            let before = try place.tree()
            #expect(try recover(place) == [])
            #expect(treeDifferences(before, try place.tree()) == [])
            let error = try #require(throws: BackupError.self) { try place.storage.delete(id) }
            #expect(error.code == .busy)
            #expect(throws: BackupError.self) { try place.storage.setAttribute(AttributeName("x"), of: id, to: [1]) }
            #expect(treeDifferences(before, try place.tree()) == [])
            lock.release()
            try place.storage.delete(id)
            #expect(place.place.names("store/a").isEmpty)
        }
    }

    @Test func temporaryFiles() throws {
        try withStorage { place in
            let element = try place.storage.store(source)
            for name in ["tmp-x-0123", "tmp-my-log-0123", "tmp-x-held", "tmp-check-0", "tmp-", "tmp-x", "other-x-1"] {
                try place.place.write("store/a/" + name, "text")
            }
            try place.place.write("store/tmp-check-1", "")
            try place.place.makeDirectory("store/a/tmp-x-directory")
            try place.place.link("store/a/tmp-x-link", to: "tmp-x-0123")
            let held = try Directory(path: place.place.path("store/a")).openFile("tmp-x-held")
            #expect(flock(held.raw, LOCK_EX | LOCK_NB) == 0)
            // They were written just now, by the system's clock.
            let written = SystemClock().now()
            let before = try place.tree()
            var early = StorageRecovery(place.storage)
            try early.run(now: written + TimeSpan(seconds: 86_000))
            #expect(early.actions == [])
            #expect(treeDifferences(before, try place.tree()) == [])
            var late = StorageRecovery(place.storage)
            try late.run(now: written + TimeSpan(seconds: 90_000))
            #expect(late.actions.count == 4, "\(late.actions)")
            #expect(place.place.names("store") == ["a"])
            #expect(
                Set(place.place.names("store/a"))
                    == [
                        "tmp-x-held", "tmp-", "tmp-x", "other-x-1", "tmp-x-directory", "tmp-x-link",
                        element.id.fileName("data"), element.id.fileName("info"),
                    ])
            withExtendedLifetime(held) {}
        }
    }

    /// Nothing that lies in a storage under the name of a lock stops a recovery, nor leads it elsewhere.
    @Test(.timeLimit(.minutes(10))) func hostileLocks() throws {
        try withStorage { place in
            let id = try place.storage.store(source).id
            let outside = try place.place.write("outside", #"{"operation": "delete"}"#)
            try place.place.link(place.file(id, "lock"), to: outside)
            try place.place.makeFIFO("store/a/20261121001418-x-inc.lock")
            try place.place.makeDirectory("store/a/20261121001419-x-inc.lock")
            try place.place.write("store/a/20261121001420-x-inc.lock", [UInt8](repeating: 0x20, count: 1 << 20))
            try place.place.write("store/a/nothing.lock", #"{"operation": "delete"}"#)
            try place.place.write("store/b/20261121001421-x-inc.lock", #"{"operation": "delete"}"#)
            let actions = try recover(place)
            #expect(actions.count == 1)
            #expect(actions.first?.contains("20261121001421-x-inc") == true)
            #expect(try place.storage.element(id).id == id)
            #expect(try place.place.read("outside") == Array(#"{"operation": "delete"}"#.utf8))
            #expect(place.place.exists("store/a/nothing.lock"))
            #expect(!place.place.exists("store/a/20261121001420-x-inc.lock"))
        }
    }

    /// A deletion that the file system stops half-way is finished by a later recovery.
    @Test func interruptedDeletion() throws {
        try withStorage(.element) { place in
            let id = try place.storage.store(source).id
            // An attribute that cannot be removed: a mount point, as nothing else stops root.
            try place.place.write(place.file(id, "copies"), "1")
            let target = place.place.path(place.file(id, "copies"))
            guard try ToolRun(["mount", "--bind", target, target]).isSuccess else {
                withKnownIssue("mounting is not permitted here") { Issue.record("not tested") }
                return
            }
            let error = try #require(throws: BackupError.self) { try place.storage.delete(id) }
            #expect(error.message.contains(target))
            #expect(try place.storage.elements(of: source).usable.isEmpty, "it vanished as a whole")
            #expect(place.place.exists(place.file(id, "data")))
            #expect(place.place.exists(place.file(id, "lock")))
            _ = try ToolRun(["umount", "-l", target])
            #expect(try recover(place).count == 1)
            #expect(place.place.names("store/a").isEmpty)
        }
    }
}
