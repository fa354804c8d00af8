import BackupModel
import BackupSystem
import BackupTestKit
import Synchronization
import Testing

@testable import BackupStorage

@Suite struct GroupCommitTests {
    private let source: SourceURL

    init() throws { source = try SourceURL("/a/x") }

    private func pending(_ number: Int, _ source: SourceURL? = nil, size: Int = 10) -> PendingElement {
        let data = Array("\(number)".utf8) + [UInt8](repeating: 0x20, count: size)
        return PendingElement(
            source: source ?? self.source, metadata: makeMetadata(data: data), content: .bytes(data))
    }

    private func group(_ numbers: Range<Int>) -> [PendingElement] { numbers.map { pending($0) } }

    /// What is done for each element does not depend on how many there are: the directory is read once, and each name that
    /// is tried is free, although all are of the same second.
    @Test(.timeLimit(.minutes(10))) func theWorkIsLinear() throws {
        try withStorage { place in
            for start in stride(from: 0, to: 4000, by: 500) {
                for result in place.storage.commit(group(start..<start + 500)) { _ = try result.get() }
            }
            for _ in 0..<100 { try place.storage.store(source) }
            let counts = place.storage.names.counts
            #expect(counts.scans == 1)
            #expect(counts.tries == 4100)
            #expect(place.place.names("store/a").count == 2 * 4100)
        }
    }

    /// A new process begins behind what is there, and a name below that has become free is found when no other is.
    @Test func namesOfANewProcess() throws {
        try withStorage { place in
            let ids = try place.storage.commit(group(0..<20)).map { try $0.get() }
            let second = try DefaultFileStorage(path: place.place.path("store"))
            #expect(try second.commit(group(20..<21)).first?.get().serial == 19)
            #expect(try place.storage.store(source).id.serial == 20)
            for result in second.delete(ids) { try result.get() }
            let third = try DefaultFileStorage(path: place.place.path("store"))
            let serials = try third.commit(group(0..<2)).map { try $0.get().serial }
            #expect(serials == [nil, 0])
        }
    }

    /// Names that are taken, or that a lock speaks of, are left alone: a deletion that crashed would take the new element.
    @Test(arguments: ["data", "info", "copies", "lock"]) func takenNames(_ suffix: String) throws {
        try withStorage { place in
            let left = "store/a/20261121001418-x-full." + suffix
            try place.place.write(left, suffix == "lock" ? #"{"operation": "delete"}"# : "left")
            let before = try place.place.read(left)
            let ids = try place.storage.commit(group(0..<2)).map { try $0.get() }
            #expect(ids.map(\.serial) == [0, 1])
            #expect(try place.place.read(left) == before)
            var recovery = StorageRecovery(place.storage)
            try recovery.run(now: Timestamp(1_795_300_000))
            for id in ids { #expect(try place.storage.element(id).id == id) }
        }
    }

    /// Somebody takes the names between the choice and the link: others are found, and nothing of anybody's is lost.
    @Test(arguments: ["data", "info", "lock"]) func namesTakenMeanwhile(_ suffix: String) throws {
        try withStorage(.element) { place in
            let theirs = "store/a/20261121001418-x-full." + suffix
            let directory = place.place
            let results = try observingSteps({ step throws(BackupError) in
                guard step == "all durable", !directory.exists(theirs) else { return }
                _ = try directory.write(theirs, "theirs")
            }) { place.storage.commit(group(0..<3)) }
            let serials = try results.map { try $0.get().serial }
            #expect(serials == [2, 0, 1])
            #expect(try place.place.read(theirs) == Array("theirs".utf8))
            #expect(place.place.names("store/a").count == 7)
            #expect(place.place.names("store.partial") == [])
        }
    }

    @Test(.timeLimit(.minutes(10))) func manyAtOnce() async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            let ids = Stored()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for thread in 0..<6 {
                    tasks.addTask {
                        try await BlockingThread.run("test \(thread)") { () throws(BackupError) in
                            try work(thread, try DefaultFileStorage(path: path, durability: .none), ids)
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            let storage = try DefaultFileStorage(path: path)
            let stored = ids.names.withLock { $0 }
            #expect(Set(stored).count == 450, "a name was given twice")
            #expect(try storage.elements(of: source).usable.map(\.id) == stored.sorted())
            #expect(ids.complaints.withLock { $0 } == [])
            #expect(place.names("store/a").count == 900)
            #expect(place.names("store.partial") == [])
        }
    }

    private final class Stored: Sendable {
        let names = Mutex<[ElementID]>([])
        let complaints = Mutex<[String]>([])
        let writers = Atomic<Int>(5)
    }

    private func work(_ thread: Int, _ storage: DefaultFileStorage, _ stored: Stored) throws(BackupError) {
        guard thread < 5 else {
            while stored.writers.load(ordering: .relaxed) > 0 {
                var recovery = StorageRecovery(storage)
                try recovery.run(now: Timestamp(1_795_220_058))
                let strays = try StraySearch(storage).strays(of: source).filter { !$0.contains(".lock is a lock") }
                let found = recovery.actions + strays
                stored.complaints.withLock { $0 += found }
            }
            return
        }
        defer { stored.writers.subtract(1, ordering: .relaxed) }
        for round in 0..<10 {
            if thread < 4 {
                for result in storage.commit(group(round * 10..<round * 10 + 11)) {
                    let id = try result.get()
                    stored.names.withLock { $0.append(id) }
                }
            } else {
                let id = try storage.store(source).id
                stored.names.withLock { $0.append(id) }
            }
        }
    }

    /// A running group is nobody's rubbish, at no step.
    @Test func livingGroupsAreRespected() throws {
        try withStorage { place in
            let other = try DefaultFileStorage(path: place.place.path("store"))
            let results = try observingSteps({ step throws(BackupError) in
                var recovery = StorageRecovery(other)
                try recovery.run(now: Timestamp(1_795_300_000))
                #expect(recovery.actions == [], "after \(step)")
                #expect(try StraySearch(other).strays(of: source) == [], "after \(step)")
                #expect(try StraySearch(other).straysOfNoSource() == [], "after \(step)")
                #expect(try other.removePartials(before: Timestamp(253_402_300_799)) == 0)
            }) { place.storage.commit(group(0..<5)) }
            for result in results { _ = try result.get() }
        }
    }

    /// A note, however it came there, makes a recovery remove nothing but `.data` of this inode without `.info`.
    @Test func notesOfForeignFiles() throws {
        try withStorage { place in
            let id = try place.storage.store(source).id
            try place.place.write("store/a/20261121001419-x-full.data", "somebody's only copy")
            try place.place.write("outside", "somebody's")
            let directory = try Directory(path: place.place.path("store/a"))
            let inode = try #require(try directory.status(id.fileName("data"))).inode
            let foreign = try #require(try directory.status("20261121001419-x-full.data")).inode
            let note = """
                \(inode) \(id)
                \(foreign + 1) /a/20261121001419-x-full
                \(foreign) /a/../outside
                \(foreign)
                x /a/20261121001419-x-full
                \(foreign) /nowhere/20261121001419-x-full
                \(foreign) /a/20261121001419-x-full
                """
            try place.place.write("store.partial/group-1", note)
            try place.place.write("store.partial/other", "?")
            let before = try place.tree()
            var recovery = StorageRecovery(place.storage)
            try recovery.run(now: Timestamp(1_795_300_000))
            // The last line has no end: it was being written when the crash came, before anything got a name.
            #expect(recovery.actions == [])
            #expect(treeDifferences(before, try place.tree()) == [])
            #expect(place.place.names("store.partial") == ["other"])
            try place.place.write("store.partial/group-1", note + "\n")
            var second = StorageRecovery(place.storage)
            try second.run(now: Timestamp(1_795_300_000))
            #expect(second.actions.count == 1)
            #expect(!place.place.exists("store/a/20261121001419-x-full.data"))
        }
    }

    /// A part of the storage may be another disk: there elements are stored one by one, partial files are copied.
    @Test func anotherFileSystemBelow() throws {
        try withMountedFileSystem("size=1m") { mounted in
            try withStorage(.element) { place in
                let directory = try place.place.makeDirectory("store/far")
                guard try ToolRun(["mount", "--bind", mounted, directory]).isSuccess else {
                    withKnownIssue("mounting is not permitted here") { Issue.record("not tested") }
                    return
                }
                defer { _ = try? ToolRun(["umount", "-l", directory]) }
                let far = try SourceURL("/far/x")
                let file = try place.storage.openPartial(PartialKey([UInt8](repeating: 1, count: 16)))
                try [UInt8](repeating: 5, count: 3000).withUnsafeBytes { try file.descriptor.write($0, at: 0) }
                var group = [pending(0), pending(1, far), pending(2)]
                group.append(PendingElement(source: far, metadata: makeMetadata(), content: .partial(file)))
                let ids = try place.storage.commit(group).map { try $0.get() }
                #expect(ids.map(\.source) == [source, far, source, far])
                #expect(try place.storage.data(ids[3]) == [UInt8](repeating: 5, count: 3000))
                #expect(try place.storage.elements(of: far).usable.count == 2)
                #expect(place.place.names("store.partial") == [])
            }
        }
    }

    @Test func fullDisk() throws {
        try withMountedFileSystem("size=100k") { path in
            let storage = try DefaultFileStorage(path: path, durability: .element)
            let results = storage.commit((0..<20).map { pending($0, size: $0 == 3 ? 1 << 20 : 4000) })
            let stored = results.compactMap { try? $0.get() }
            #expect((1..<19).contains(stored.count))
            for result in results {
                guard case .failure(let error) = result else { continue }
                #expect(error.code == .noSpace, "\(error)")
                #expect(!error.remedy.isEmpty)
            }
            #expect(try storage.elements(of: source).usable.map(\.id) == stored.sorted())
            #expect(try contentsOfTree(path).filter { $0.value.hasPrefix("file") }.count == 2 * stored.count)
            for result in storage.delete(stored) { try result.get() }
            #expect(try storage.sources().isEmpty)
        }
    }

    @Test func readOnly() throws {
        try withMountedFileSystem("size=1m") { path in
            let storage = try DefaultFileStorage(path: path, durability: .element)
            let ids = try storage.commit(group(0..<3)).map { try $0.get() }
            try remountReadOnly(path)
            let before = try contentsOfTree(path)
            let name = try AttributeName("copies")
            let codes =
                storage.commit(group(0..<3)).map(code) + storage.delete(ids).map(code)
                + storage.setAttribute(name, to: ids.map { ($0, [1]) }).map(code)
            #expect(codes == [BackupError.Code?](repeating: .readOnly, count: 9))
            #expect(treeDifferences(before, try contentsOfTree(path)) == [])
        }
    }

    private func code<Value>(_ result: Result<Value, BackupError>) -> BackupError.Code? {
        if case .failure(let error) = result { error.code } else { nil }
    }

    // MARK: - Deletion and attributes

    /// Somebody is at work on one of them: that one is refused, the others are done.
    @Test func locksOfOthers() throws {
        try withStorage(.element) { place in
            let ids = try place.storage.commit(group(0..<12)).map { try $0.get() }
            let lock = try FileLock.acquire(
                ids[4].fileName("lock"), in: Directory(path: place.place.path("store/a")))
            let name = try AttributeName("copies")
            let expected: [BackupError.Code?] = (0..<12).map { $0 == 4 ? .busy : nil }
            #expect(place.storage.setAttribute(name, to: ids.map { ($0, [1]) }).map(code) == expected)
            #expect(place.storage.delete(ids).map(code) == expected)
            #expect(try place.storage.elements(of: source).usable.map(\.id) == [ids[4]])
            #expect(try place.storage.attributes(of: ids[4]) == [])
            lock.release()
            #expect(place.storage.delete([ids[4]]).map(code) == [nil])
            #expect(place.place.names("store/a") == [])
        }
    }

    /// More than there are descriptors for at once.
    @Test(.timeLimit(.minutes(10))) func manyDeletionsAndAttributes() throws {
        try withStorage { place in
            let sources = try (0..<40).map { try SourceURL("/many/\($0)/x") }
            let group = (0..<1200).map { pending($0, sources[$0 % 40]) }
            let ids = try place.storage.commit(group).map { try $0.get() }
            let name = try AttributeName("copies")
            for result in place.storage.setAttribute(name, to: ids.map { ($0, [1]) }) { try result.get() }
            #expect(try place.storage.attribute(name, of: ids[1100]) == [1])
            for result in place.storage.delete(ids.dropLast()) { try result.get() }
            #expect(try place.storage.sources() == [sources[39]])
            let files = try place.tree().filter { $0.value.hasPrefix("file") }
            #expect(files.count == 3)
        }
    }

    /// What the file system does not let go keeps only itself: its lock stays, and a recovery goes on.
    @Test func interruptedDeletion() throws {
        try withStorage(.element) { place in
            let ids = try place.storage.commit(group(0..<3)).map { try $0.get() }
            try place.place.write(place.file(ids[1], "copies"), "1")
            let target = place.place.path(place.file(ids[1], "copies"))
            guard try ToolRun(["mount", "--bind", target, target]).isSuccess else {
                withKnownIssue("mounting is not permitted here") { Issue.record("not tested") }
                return
            }
            #expect(place.storage.delete(ids).map(code) == [nil, .busy, nil])
            #expect(try place.storage.sources().isEmpty, "it vanished as a whole")
            #expect(place.place.exists(place.file(ids[1], "data")))
            _ = try ToolRun(["umount", "-l", target])
            var recovery = StorageRecovery(place.storage)
            try recovery.run(now: Timestamp(1_795_300_000))
            #expect(recovery.actions.count == 1)
            #expect(place.place.names("store/a") == [])
        }
    }
}
