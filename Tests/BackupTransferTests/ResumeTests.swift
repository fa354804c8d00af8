import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@testable import BackupTransfer

@Suite struct ResumeTests {
    private static let size = 3 << 20

    @Test func `A transfer that breaks again and again goes on where it stopped, also after restarts`() async throws {
        var random = SeededGenerator()
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            var current = other
            var fetched = 0
            for turn in 0..<40 {
                // From nothing at all to more than there is.
                let cut = turn == 0 ? 0 : Int.random(in: 0...(1 << 20), using: &random)
                let before = fetched
                let outcome = try await Meeting(relay: try Relay(.cut(after: cut))).run(home, home.move(), current)
                fetched += current.events.bytesIn
                let received = current.events.received
                if !received.isEmpty {
                    #expect(received.map(\.resumedAt) == [Int64(before)], random.comment)
                    break
                }
                #expect(outcome.right.failure != nil, random.comment)
                current = try current.restarted()
            }
            #expect(fetched == Self.size, random.comment)
            #expect(try current.files.data(element.id) == Self.bytes, random.comment)
            // The line may have broken before the confirmation.
            _ = try await Meeting().run(home, home.move(), current)
            #expect(try home.count() == 0)
            #expect(try current.count() == 1)
        }
    }

    @Test func `A transfer that broke behind the last byte fetches no byte again`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            let broken = try await Self.breakOff(home, other, missing: 0)
            #expect(broken == Self.size)
            let again = try other.restarted()
            let outcome = try await Meeting().run(home, home.move(), again)
            #expect(outcome.right.failure == nil)
            #expect(again.events.received.map(\.resumedAt) == [Int64(Self.size)])
            #expect(again.events.bytesIn == 0)
            #expect(try again.files.data(element.id) == Self.bytes)
        }
    }

    enum Damage: CaseIterable, Sendable { case truncated, emptied, byteChanged, hole, noteCut, noteChanged, noteGone }

    @Test(arguments: Damage.allCases)
    func `A partial file that was damaged is begun anew`(damage: Damage) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            _ = try await Self.breakOff(home, other, missing: 100_000)
            let path = "other-0.partial/"
            let data = try #require(directory.names("other-0.partial").first { $0.hasSuffix(".partial") })
            let note = try #require(directory.names("other-0.partial").first { $0.hasSuffix(".note") })
            switch damage {
            case .truncated: truncate(directory.path(path + data), 1_000_000)
            case .emptied: truncate(directory.path(path + data), 0)
            case .byteChanged:
                var bytes = try directory.read(path + data)
                bytes[1_500_000] ^= 1
                // The same file, as a disk that rots has it.
                let file = try Directory(path: directory.path(path)).openOrCreateFile(data)
                try bytes.withUnsafeBytes { try file.write($0, at: 0) }
            case .hole:
                // As a repair of the file system leaves it.
                let length = try directory.read(path + data).count
                truncate(directory.path(path + data), length / 2)
                truncate(directory.path(path + data), length)
            case .noteCut: try directory.write(path + note, Array(try directory.read(path + note).dropLast(7)))
            case .noteChanged:
                var bytes = try directory.read(path + note)
                // In the state of the digest, which shows nothing of it before the end.
                bytes[bytes.count - 150] ^= 0x10
                try directory.write(path + note, bytes)
            case .noteGone: directory.remove(path + note)
            }
            let again = try other.restarted()
            let outcome = try await Meeting().run(home, home.move(), again)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.refused == 0)
            #expect(again.events.received.map(\.resumedAt) == [0])
            #expect(try again.files.data(element.id) == Self.bytes)
        }
    }

    /// Long after, or after a restart of the machine, nobody knows what became of the disk: what is there is read.
    @Test func `What has lain for long is read again, and gone on with where it is right`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            let broken = try await Self.breakOff(home, other, missing: 100_000)
            let note = try #require(directory.names("other-0.partial").first { $0.hasSuffix(".note") })
            let path = "other-0.partial/" + note
            // Of another start.
            let text = String(decoding: try directory.read(path), as: Unicode.ASCII.self)
            let mark = try #require(text.firstRange(of: MachineState.startID), "the note does not tell the start")
            var bytes = try directory.read(path)
            bytes[text.utf16.distance(from: text.startIndex, to: mark.lowerBound)] ^= 1
            try directory.write(path, bytes)
            let again = try other.restarted()
            let outcome = try await Meeting().run(home, home.move(), again)
            #expect(outcome.right.failure == nil)
            #expect(again.events.received.map(\.resumedAt) == [Int64(broken)])
            #expect(try again.files.data(element.id) == Self.bytes)
        }
    }

    @Test func `What lies in the way of one element keeps no other from coming`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, _) = try Self.machines(directory)
            _ = try await Self.breakOff(home, other, missing: 100_000)
            let data = try #require(directory.names("other-0.partial").first { $0.hasSuffix(".partial") })
            directory.remove("other-0.partial/" + data)
            _ = try directory.makeDirectory("other-0.partial/" + data)
            _ = try home.chain("/host1/z", 3)
            let again = try other.restarted()
            let outcome = try await Meeting().run(home, home.move(), again)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.refused == 1)
            #expect(try again.count() == 3)
            #expect(try home.count() == 1)
        }
    }

    @Test func `Another element under the same name begins anew, and gets no byte of the first`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            _ = try await Self.breakOff(home, other, missing: 1_000_000)
            let bytes = Self.bytes.map { ~$0 }
            try home.files.delete(element.id)
            // Another process, which does not remember that the name was taken.
            let afresh = try DefaultFileStorage(path: home.files.root.path, durability: .none)
            let second = try afresh.store(element.id.source, data: bytes)
            #expect(second.id == element.id)
            let outcome = try await Meeting().run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(other.events.received.map(\.resumedAt) == [0])
            #expect(try other.files.data(element.id) == bytes)
        }
    }

    @Test func `In version 1 a transfer that broke begins anew`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            let broken = try await Meeting(relay: try Relay(.version1Cut(after: 2 << 20))).run(home, home.move(), other)
            #expect(broken.right.failure != nil)
            #expect(try home.count() == 1)
            let outcome = try await ConfirmationTests.meeting(1).run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(other.events.received.map(\.resumedAt) == [0])
            #expect(try other.files.data(element.id) == Self.bytes)
            #expect(directory.names("other-0.partial").isEmpty)
        }
    }

    @Test func `An element that another process is fetching is left to it`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, element) = try Self.machines(directory)
            let key = PartialNote.key(element.id.source, element.metadata, size: element.size)
            let held = try other.restarted().files.openPartial(key)
            let outcome = try await Meeting().run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 0)
            #expect(other.events.refused.map(\.code) == [.busy])
            held.close()
            #expect(try await Meeting().run(home, home.move(), other).right.summary.stored == 1)
        }
    }

    /// One connection that breaks when all but `missing` bytes of the element have come; how many have.
    private static func breakOff(_ home: Machine, _ other: Machine, missing: Int) async throws -> Int {
        // What goes before the bytes is found out by a first connection that breaks within them.
        let probe = try other.restarted()
        _ = try await Meeting(relay: try Relay(.cut(after: 100_000))).run(home, SenderKeepDataTransferPolicy(), probe)
        let ahead = 100_000 - probe.events.bytesIn
        let left = size - missing - probe.events.bytesIn
        // Each frame of 256 KiB has a head of 5 bytes.
        let heads = (left + (256 << 10) - 1) / (256 << 10) * 5 - 5
        _ = try await Meeting(relay: try Relay(.cut(after: ahead + left + heads))).run(
            home, SenderKeepDataTransferPolicy(), other)
        #expect(other.events.received.isEmpty)
        return probe.events.bytesIn + other.events.bytesIn
    }

    private static let bytes: [UInt8] = {
        var random = SeededGenerator(seed: 3)
        return random.bytes(size)
    }()

    private static func machines(_ directory: TemporaryDirectory) throws -> (Machine, Machine, StoredElement) {
        let (home, other) = try ConfirmationTests.machines(directory, 0)
        return (home, other, try home.files.store(try SourceURL("/host1/root"), data: bytes))
    }
}

extension EventLog {
    /// Bytes of elements that have come.
    var bytesIn: Int {
        events.reduce(0) { if case .progress(_, let bytes, true) = $1 { $0 + bytes } else { $0 } }
    }
}
