import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Synchronization
import Testing

/// Locks are between open files, not between processes: threads that open the storage for themselves meet like processes.
@Suite struct ConcurrencyTests {
    /// Runs `body` in `count` threads at once.
    private func inThreads(
        _ count: Int, _ body: @escaping @Sendable (Int) throws(BackupError) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await BlockingThread.run("test \(number)") { () throws(BackupError) in try body(number) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Two agents that are served by two processes confirm the same elements at the same moment.
    @Test(.timeLimit(.minutes(10))) func changesOfOneAttributeAreNotLost() async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            let storage = try DefaultFileStorage(path: path, durability: .none)
            let ids = try (0..<30).map { try storage.store(try SourceURL("/a/x"), data: [UInt8($0)]).id }
            let name = try AttributeName("copies")
            try await inThreads(4) { thread throws(BackupError) in
                let storage = try DefaultFileStorage(path: path, durability: .none)
                for round in 0..<5 {
                    // Each from another end, so that they want each other's locks.
                    let wanted = thread % 2 == 0 ? ids : ids.reversed()
                    let results = storage.changeAttribute(name, of: wanted) { _, old in
                        (old ?? []) + [UInt8(thread * 5 + round)]
                    }
                    for result in results { try result.get() }
                }
            }
            for id in ids { #expect(try storage.attribute(name, of: id)?.sorted() == (0..<20).map { UInt8($0) }) }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [DefaultFileStorage.Durability.none, .element])
    func twoHundredCommitsInOneSecond(_ durability: DefaultFileStorage.Durability) async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            let source = try SourceURL("/a/b/x")
            let ids = Mutex<[ElementID: [UInt8]]>([:])
            let shared = Shared(ids: ids)
            try await inThreads(8) { thread throws(BackupError) in
                let storage = try DefaultFileStorage(path: path, durability: durability)
                for number in 0..<25 {
                    let data = Array("\(thread) \(number)".utf8)
                    let id = try storage.store(source, data: data).id
                    shared.ids.withLock { $0[id] = data }
                }
            }
            let stored = shared.ids.withLock { $0 }
            #expect(stored.count == 200, "a name was given twice")
            let storage = try DefaultFileStorage(path: path)
            let listed = try storage.elements(of: source)
            #expect(listed.damaged.isEmpty)
            #expect(listed.usable.map(\.id) == stored.keys.sorted())
            for element in listed.usable {
                let data = try storage.data(element.id)
                #expect(data == stored[element.id])
                #expect(element.metadata.checksum == DataDigest.sha512(data))
            }
            #expect(place.names("store/a/b").count == 400, "locks or temporary files are left")
        }
    }

    private final class Shared: Sendable {
        let ids: Mutex<[ElementID: [UInt8]]>
        let isDone = Atomic<Bool>(false)
        /// What was wrong. Expectations would not know their test in a thread of its own.
        let complaints = Mutex<[String]>([])

        init(ids: consuming Mutex<[ElementID: [UInt8]]>) { self.ids = ids }

        func complain(_ text: String) { complaints.withLock { $0.append(text) } }
    }

    /// Writers, deleters, and readers that at any moment see whole elements only. Each element has a second of its own: in
    /// the same second, a new element may get the name of a deleted one.
    @Test(.timeLimit(.minutes(10))) func readersSeeWholeElementsOnly() async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            let source = try SourceURL("/a/x")
            let shared = Shared(ids: Mutex([:]))
            try await inThreads(5) { thread throws(BackupError) in
                let storage = try DefaultFileStorage(path: path, durability: .none)
                switch thread {
                case 0: try write(storage, source, shared)
                case 1, 2:
                    while !shared.isDone.load(ordering: .relaxed) { try deleteAll(storage, source) }
                default:
                    while !shared.isDone.load(ordering: .relaxed) { try read(storage, source, shared) }
                }
            }
            #expect(shared.complaints.withLock { $0 } == [])
            let storage = try DefaultFileStorage(path: path)
            for element in try storage.elements(of: source).usable { try storage.delete(element.id) }
            #expect(place.names("store/a").isEmpty)
        }
    }

    private func write(
        _ storage: DefaultFileStorage, _ source: SourceURL, _ shared: Shared
    ) throws(BackupError) {
        defer { shared.isDone.store(true, ordering: .relaxed) }
        for number in 0..<200 {
            try storage.store(source, at: Timestamp(1_795_220_058 + Int64(number)), data: Array("\(number)".utf8))
        }
    }

    private func deleteAll(_ storage: DefaultFileStorage, _ source: SourceURL) throws(BackupError) {
        for element in try storage.elements(of: source).usable {
            do throws(BackupError) {
                try storage.setAttribute(try AttributeName("mark"), of: element.id, to: [1])
                try storage.delete(element.id)
            } catch {
                // The other one was first.
                if ![.notFound, .busy].contains(error.code) { throw error }
            }
        }
    }

    private func read(
        _ storage: DefaultFileStorage, _ source: SourceURL, _ shared: Shared
    ) throws(BackupError) {
        for element in try storage.elements(of: source).usable {
            do throws(BackupError) {
                if element.metadata.checksum != DataDigest.sha512(try storage.data(element.id)) {
                    shared.complain("\(element.id) has wrong bytes")
                }
            } catch {
                if error.code != .notFound { throw error }
            }
        }
        var recovery = StorageRecovery(storage)
        try recovery.run(now: Timestamp(1_795_220_058))
        for action in recovery.actions { shared.complain("recovery took a living process's files: " + action) }
    }
}
