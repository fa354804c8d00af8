import BackupModel
import BackupSystem
import BackupTestKit
import Glibc
import Synchronization
import Testing

@testable import BackupStorage

/// What a crash, or a refusal of the disk, leaves of a group, at every step of it.
@Suite struct GroupCrashTests {
    private let sources: [SourceURL]
    private let now = Timestamp(1_795_300_000)

    init() throws { sources = try ["/a/x", "/a/y", "/b/x"].map(SourceURL.init) }

    private func data(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: number * 10) }

    private func metadata(_ number: Int) -> ElementMetadata {
        makeMetadata(data: data(number), uuid: ElementUUID([1, UInt8(number)]))
    }

    private func key(_ number: Int) -> PartialKey { PartialKey([UInt8](repeating: UInt8(number), count: 16)) }

    /// Elements of which every fifth, with `partials`, lies in a partial file.
    private func group(
        _ numbers: some Collection<Int>, in storage: DefaultFileStorage, partials: Bool
    ) throws -> [PendingElement] {
        try numbers.map { number in
            var content = PendingElement.Content.bytes(data(number))
            if partials, number % 5 == 4 {
                let file = try storage.openPartial(key(number))
                try data(number).withUnsafeBytes { try file.descriptor.write($0, at: 0) }
                try file.checkpoint([UInt8(number)])
                content = .partial(file)
            }
            return PendingElement(source: sources[number % 3], metadata: metadata(number), content: content)
        }
    }

    /// Every element of the group that is visible is whole, and there is no file that belongs to none.
    ///
    /// - Returns: The numbers of those that are visible.
    private func checkWhole(
        _ path: String, _ neighbour: ElementID, _ step: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Set<Int> {
        let storage = try DefaultFileStorage(path: path, durability: .none)
        var numbers: Set<Int> = []
        var count = 0
        try storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
            guard case .element(let element) = listed else {
                Issue.record("after \(step): \(listed)", sourceLocation: sourceLocation)
                return
            }
            count += 1
            guard element.id != neighbour, let number = element.metadata.uuid?.bytes.last.map(Int.init) else { return }
            numbers.insert(number)
            let isWhole = try storage.data(element.id) == data(number)
            #expect(isWhole, "after \(step): \(element.id)", sourceLocation: sourceLocation)
            #expect(element.id.source == sources[number % 3], sourceLocation: sourceLocation)
        }
        #expect(count == numbers.count + 1, "after \(step)", sourceLocation: sourceLocation)
        let files = try contentsOfTree(path).filter { $0.value.hasPrefix("file") }
        #expect(files.count == 2 * count, "after \(step): \(files.keys.sorted())", sourceLocation: sourceLocation)
        let strays = try StorageVerification(storage, jobs: 1).strayFiles()
        #expect(strays == [], "after \(step)", sourceLocation: sourceLocation)
        return numbers
    }

    // MARK: - Crashes

    /// The same inodes under the same names, as a crash would leave them now; notes are copied, as their locks are held.
    ///
    /// - Parameter losesNotes: as a loss of power leaves them: with names in place, and nothing in notes.
    private func snapshot(_ from: Directory, _ to: Directory, losesNotes: Bool) throws(BackupError) {
        try from.forEachEntry { entry throws(BackupError) in
            if entry.kind == .directory {
                try snapshot(
                    try from.directory(entry.name), try to.directory(entry.name, create: true), losesNotes: losesNotes)
            } else if GroupNote.note(of: entry.name) == entry.name {
                let text = losesNotes ? [] : try from.readFile(entry.name, limit: 1 << 20)
                try to.createFile(entry.name).write(text)
            } else {
                _ = try from.link(entry.name, to: to, as: entry.name)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [3, 20], [DefaultFileStorage.Durability.none, .element])
    func crashAtEveryStep(_ count: Int, _ durability: DefaultFileStorage.Durability) throws {
        try crashAtEveryStep(count, durability, losesNotes: false)
    }

    /// Small elements without a partial file among them: their note is not synced.
    @Test(.timeLimit(.minutes(10)), arguments: [1, 3])
    func lossOfPowerAtEveryStep(_ count: Int) throws {
        try crashAtEveryStep(count, .element, losesNotes: true)
    }

    private func crashAtEveryStep(
        _ count: Int, _ durability: DefaultFileStorage.Durability, losesNotes: Bool
    ) throws {
        try withStorage(durability) { place in
            let neighbour = try place.storage.store(sources[0], data: Array("neighbour".utf8)).id
            let group = try group(0..<count, in: place.storage, partials: true)
            let stepCount = Mutex(0)
            let visible = Mutex<[Int]>([])
            let state = (stepCount: Box(stepCount), visible: Box(visible))
            let results = try observingSteps({ step throws(BackupError) in
                let number = state.stepCount.value.withLock { count in
                    count += 1
                    return count
                }
                do {
                    let found = try unobserved {
                        try checkSnapshot(place, count, neighbour, "step \(number), \(step)", losesNotes: losesNotes)
                    }
                    state.visible.value.withLock { $0.append(found) }
                } catch {
                    Issue.record(error, "step \(number), \(step)")
                }
            }) { place.storage.commit(group) }
            for result in results { _ = try result.get() }
            #expect(try checkWhole(place.place.path("store"), neighbour, "the end") == Set(0..<count))
            #expect(place.place.names("store.partial") == [])
            let seen = state.visible.value.withLock { $0 }
            // Made and written, two files and two names for each (less the bytes of partial files), synced, tidied.
            #expect(seen.count > 4 * count)
            #expect(seen == seen.sorted(), "an element vanished")
            #expect(seen.first == 0 && seen.last == count)
        }
    }

    private final class Box<Value: ~Copyable & Sendable>: Sendable {
        let value: Value
        init(_ value: consuming Value) { self.value = value }
    }

    /// - Returns: The number of elements of the group that were visible.
    private func checkSnapshot(
        _ place: StoragePlace, _ count: Int, _ neighbour: ElementID, _ step: String, losesNotes: Bool
    ) throws -> Int {
        place.place.remove("crash")
        for name in ["store", "store.partial"] {
            let copy = try Directory(path: place.place.path("crash/" + name), create: true)
            try snapshot(Directory(path: place.place.path(name)), copy, losesNotes: losesNotes)
        }
        let storage = try DefaultFileStorage(path: place.place.path("crash/store"), durability: .none)
        var visible: Set<ElementID> = []
        try storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
            if case .element(let element) = listed { visible.insert(element.id) }
        }
        var recovery = StorageRecovery(storage)
        try recovery.run(now: now)
        #expect(recovery.actions.count <= 1, "after \(step): \(recovery.actions)")
        let numbers = try checkWhole(storage.root.path, neighbour, step)
        #expect(numbers.count == visible.count - 1, "after \(step): a recovery removed what was visible")
        let left = place.place.names("crash/store.partial")
        let expected = (0..<count).filter { $0 % 5 == 4 && !numbers.contains($0) }.map(key)
        // A partial file stays until its element is visible, with its note; behind that, until the group is done.
        for key in expected { #expect(left.contains(key.dataName) && left.contains(key.noteName), "after \(step)") }
        #expect(left.allSatisfy { GroupNote.note(of: $0) == nil }, "after \(step): \(left)")
        var again = StorageRecovery(storage)
        try again.run(now: now)
        #expect(again.actions == [])
        let rest = (0..<count).filter { !numbers.contains($0) }
        for result in storage.commit(try group(rest, in: storage, partials: false)) { _ = try result.get() }
        #expect(try checkWhole(storage.root.path, neighbour, step + ", again") == Set(0..<count))
        return numbers.count
    }

    /// The real thing: nothing of the process is there any more to clear up.
    @Test(.timeLimit(.minutes(10)), arguments: [1, 40, 101, 102, 103, 104, 105, 150])
    func killed(_ step: Int) async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            let storage = try DefaultFileStorage(path: path, durability: .none)
            let neighbour = try storage.store(sources[0], data: Array("neighbour".utf8)).id
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, step = step as Int] in
                let tests = try GroupCrashTests()
                let storage = try DefaultFileStorage(path: path, durability: .element)
                let group = try tests.group(0..<50, in: storage, partials: true)
                let steps = Atomic<Int>(0)
                let counter = Box(steps)
                _ = try observingSteps({ _ throws(BackupError) in
                    if counter.value.add(1, ordering: .relaxed).newValue == step { kill(getpid(), SIGKILL) }
                }) { storage.commit(group) }
            }
            var recovery = StorageRecovery(storage)
            try recovery.run(now: now)
            let numbers = try checkWhole(path, neighbour, "kill at \(step)")
            // 104 is the first `.data` that has its name, 105 the first `.info`.
            #expect((step > 104) == !numbers.isEmpty)
            // What the dead process held can be opened, and goes on where it was.
            var rest: [PendingElement] = []
            for number in 0..<50 where !numbers.contains(number) {
                var content = PendingElement.Content.bytes(data(number))
                if number % 5 == 4 {
                    let file = try storage.openPartial(key(number))
                    #expect(try file.note() == [UInt8(number)])
                    content = .partial(file)
                }
                rest.append(
                    PendingElement(source: sources[number % 3], metadata: metadata(number), content: content))
            }
            for result in storage.commit(rest) { _ = try result.get() }
            #expect(try checkWhole(path, neighbour, "kill at \(step), again") == Set(0..<50))
            for number in numbers where number % 5 == 4 { try storage.openPartial(key(number)).discard() }
            #expect(place.names("store.partial") == [])
        }
    }

    // MARK: - Refusals

    /// Whatever step fails: who is told "stored" is there, who is told "failed" is not, and can try again.
    @Test(.timeLimit(.minutes(10)), arguments: [3, 10], [DefaultFileStorage.Durability.none, .element])
    func failureAtEveryStep(_ count: Int, _ durability: DefaultFileStorage.Durability) throws {
        var failing = 1
        var failures = 0
        while failing > 0 {
            try withStorage(durability) { place in
                let neighbour = try place.storage.store(sources[0], data: Array("neighbour".utf8)).id
                let group = try group(0..<count, in: place.storage, partials: true)
                let steps = Box(Atomic<Int>(0))
                let target = failing
                let results = try observingSteps({ step throws(BackupError) in
                    if steps.value.add(1, ordering: .relaxed).newValue == target {
                        throw BackupError(.noSpace, "made up at \(step)")
                    }
                }) { place.storage.commit(group) }
                let stored = Set((0..<count).filter { (try? results[$0].get()) != nil })
                failures += count - stored.count
                #expect(try checkWhole(place.place.path("store"), neighbour, "failing step \(failing)") == stored)
                let left = place.place.names("store.partial")
                #expect(left.allSatisfy { GroupNote.note(of: $0) == nil }, "step \(failing): \(left)")
                let rest = (0..<count).filter { !stored.contains($0) }
                for result in place.storage.commit(rest.map { group[$0] }) { _ = try result.get() }
                #expect(
                    try checkWhole(place.place.path("store"), neighbour, "failing step \(failing), again")
                        == Set(0..<count))
                #expect(place.place.names("store.partial") == [])
                failing = steps.value.load(ordering: .relaxed) >= failing ? failing + 1 : 0
            }
        }
        // One for each of its own steps, all for each step of the group.
        #expect(failures > 5 * count)
    }
}
