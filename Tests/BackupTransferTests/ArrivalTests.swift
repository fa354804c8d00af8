import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct ArrivalTests {
    @Test func `A quota of bytes lets in what fits, and the rest stays with the sender`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 5, size: 1000)
            try other.chain("/elsewhere/root", 1, size: 2500, seed: 3)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 5000
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 2)
            #expect(outcome.right.summary.refused == 3)
            #expect(other.events.refused.allSatisfy { $0.code == .policyViolation })
            #expect(try home.count() == 3)
        }
    }

    /// What an element too many does to those behind it: how the rule is called, and what becomes of the large ones.
    enum Rule: CaseIterable, Sendable { case quota, maximumSize, elementBytes }

    @Test(arguments: Rule.allCases, [1, 2])
    func `What is too large stays with the sender, and all behind it comes`(rule: Rule, version: Int) async throws {
        // In version 1 no size is told, and this is the limit up to which is read.
        if rule == .elementBytes, version == 1 { return try await expectEnds() }
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            // Each between small ones: held in memory, and in a file.
            let large = [
                try home.chain("/b", 1, size: 100_000, seed: 2), try home.chain("/d", 1, size: 3 << 20, seed: 3),
            ]
            for (number, source) in ["/a", "/c", "/e"].enumerated() {
                try home.chain(source, 2, size: 1000, seed: UInt64(10 + number))
            }
            var receiver = ReceiverPolicy()
            switch rule {
            case .quota: receiver.quotaBytes = 50_000
            case .maximumSize: receiver.filter.maximumSize = 50_000
            case .elementBytes: receiver.maximumElementSize = 50_000
            }
            for round in 1...2 {
                let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other, receiver)
                #expect(outcome.right.failure == nil)
                #expect(outcome.left.failure == nil)
                #expect(outcome.right.summary.stored == (round == 1 ? 6 : 0))
                #expect(outcome.right.summary.unwanted == (rule == .maximumSize ? 2 : 0))
                #expect(outcome.right.summary.refused == (rule == .maximumSize ? 0 : 2))
                #expect(other.events.refused.count == (rule == .maximumSize ? 0 : 2 * round), "told once a round")
                #expect(other.events.refused.allSatisfy { $0.code == .policyViolation })
            }
            #expect(try other.count() == 6)
            #expect(try home.files.sources() == large.map { $0[0].id.source })
            #expect(directory.names("other-0.partial").isEmpty)
        }
    }

    private func expectEnds() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/a", 1, size: 1000)
            try home.chain("/b", 1, size: 100_000, seed: 2)
            var receiver = ReceiverPolicy()
            receiver.maximumElementSize = 50_000
            let outcome = try await ConfirmationTests.meeting(1).run(home, home.move(), other, receiver)
            #expect(outcome.right.failure?.code == .policyViolation)
            #expect(outcome.right.summary.stored == 1)
            #expect(try home.files.sources().map(\.description) == ["/b"])
            #expect(directory.names("other-0.partial").isEmpty)
        }
    }

    @Test func `A quota of bytes that is full keeps the bytes of version 1 from coming at all`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 4, size: 1000)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 2000
            let outcome = try await ConfirmationTests.meeting(1).run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.refused == 2)
            #expect(other.events.bytesIn == 2000)
            #expect(try home.count() == 2)
        }
    }

    @Test func `A quota with a prefix counts what lies below the prefix`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/root", 5)
            try other.chain("/host10/root", 4, seed: 3)
            try other.chain("/host1/log", 1, seed: 4)
            var receiver = ReceiverPolicy()
            receiver.prefix = try SourceURL("/host1")
            receiver.quotaElements = 3
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.summary.stored == 2)
            #expect(try home.count() == 3)
            // Another round does not let in more.
            #expect(try await Meeting().run(home, home.move(), other, receiver).right.summary.stored == 0)
        }
    }

    @Test func `What could not be stored gives its share of the quota back`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let source = try SourceURL("/host1/root")
            try home.files.store(source, makeMetadata(data: [1, 2, 3]), data: [9, 9, 9])
            try home.files.store(try SourceURL("/host1/var"), data: [1, 2, 3])
            var receiver = ReceiverPolicy()
            receiver.quotaElements = 1
            _ = try await Meeting().run(home, home.move(), other, receiver)
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(try other.count() <= 1)
            try home.files.delete(try home.files.elements(of: source).usable[0].id)
            _ = try await Meeting().run(home, home.move(), other, receiver)
            #expect(try other.files.sources().map(\.description) == ["/host1/var"])
        }
    }

    @Test(arguments: [1, 2])
    func `A chain that is demanded takes what follows in the same round, and nothing behind a gap`(
        version: Int
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let elements = try home.chain("/host1/root", 5)
            try home.files.delete(elements[2].id)
            var receiver = ReceiverPolicy()
            receiver.requireChain = true
            let meeting = { try ConfirmationTests.meeting(version) }
            let outcome = try await meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            #expect(outcome.right.summary.stored == 2)
            #expect(outcome.right.summary.refused == 2)
            #expect(Set(other.events.received.map(\.id)) == Set(elements[..<2].map(\.id)))
            // What closes the gap brings the rest along.
            try home.files.store(
                elements[2].id.source, elements[2].metadata, data: SeededGenerator.thirdElement)
            let second = try await meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            #expect(second.right.summary.stored == 3)
            #expect(try other.files.contents() == home.files.contents())
        }
    }

    @Test func `What follows an element that did not come whole is not taken where a chain is demanded`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let elements = try home.chain("/host1/root", 5)
            try home.files.delete(elements[2].id)
            try home.files.store(
                elements[2].id.source, elements[2].metadata, data: Array(repeating: 0, count: 100))
            var receiver = ReceiverPolicy()
            receiver.requireChain = true
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(other.events.received.map(\.id) == elements[..<2].map(\.id))
            #expect(outcome.right.summary.refused == 3)
            #expect(try home.count() == 3)
        }
    }

    @Test func `A signature that is demanded keeps out what does not have it`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let elements = try home.chain("/host1/root", 3)
            var receiver = ReceiverPolicy()
            let unsigned = elements[1].metadata.uuid
            receiver.checkSignature = { metadata throws(BackupError) in
                if metadata.uuid == unsigned { throw BackupError(.untrusted, "it is not signed") }
            }
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 2)
            #expect(outcome.right.summary.damaged == 1)
            #expect(try home.files.elements(of: elements[0].id.source).usable.map(\.id) == [elements[1].id])
        }
    }

    @Test(arguments: [1, 2])
    func `The same UUID with other bytes is refused, and both keep what they have`(version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let source = try SourceURL("/host1/root")
            let element = try home.files.store(source, data: [1, 2, 3])
            try other.files.store(
                source, makeMetadata(data: [4, 5, 6], uuid: element.metadata.uuid, source: source), data: [4, 5, 6])
            let before = (try home.files.contents(), try other.files.contents())
            let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.refused == 1)
            #expect(other.events.refused.first?.code == .untrusted)
            #expect(try home.files.contents() == before.0)
            #expect(try other.files.contents() == before.1)
        }
    }

    @Test(arguments: [1, 2])
    func `What is here already is confirmed and not stored again`(version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 10)
            try other.chain("/host1/root", 4)
            let expected = try home.files.contents()
            let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(outcome.right.summary.present == 4)
            #expect(outcome.right.summary.stored == 6)
            #expect(try home.count() == 0)
            #expect(try other.count() == 10)
            #expect(try other.files.contents() == expected)
        }
    }

    @Test func `The sender has an element twice: it is stored once, and goes in the end`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            for source in ["/host1/a", "/host1/b"] {
                let element = try home.chain(source, 1, seed: UInt64(source.utf8.count))[0]
                try home.files.store(element.id.source, element.metadata, data: try home.files.data(element.id))
            }
            #expect(try home.count() == 4)
            let first = try await Meeting().run(home, home.move(prioritise: ["default"]), other)
            #expect(first.right.failure == nil)
            #expect(try other.count() == 2)
            _ = try await Meeting().run(home, home.move(), other)
            #expect(try other.count() == 2)
            #expect(try home.count() == 0)
        }
    }
}

extension SeededGenerator {
    /// The bytes of the third element of a chain of ``Machine``.
    static var thirdElement: [UInt8] {
        var random = SeededGenerator(seed: 1)
        _ = random.bytes(200)
        return random.bytes(100)
    }
}

@Suite struct RoomTests {
    /// Each takes 16 KiB of a disk, and the last one of `/b` would need what the first one has not got.
    @Test func `What has no room is refused before it is fetched, and the rest of its source with it`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/a", 2, size: 1000)
            try home.chain("/b", 1, size: 200_000, seed: 2)
            let small = try home.files.store(
                SourceURL("/b"), .inc, at: Timestamp(1_795_220_100), data: [1],
                after: home.files.elements(of: SourceURL("/b")).usable[0])
            try home.chain("/c", 1, size: 1000, seed: 3)
            var receiver = ReceiverPolicy()
            receiver.room = 3 * 16384 + 4096
            let outcome = try await Meeting().run(home, home.keep, other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 3)
            #expect(outcome.right.summary.refused == 2)
            #expect(other.events.refused.map(\.code) == [.noSpace, .noSpace])
            #expect(try other.files.elements(of: SourceURL("/b")).usable.isEmpty)
            #expect(small.size == 1)
            // What is here already takes no room.
            let again = try await Meeting().run(home, home.keep, other, receiver)
            #expect(again.right.summary.present == 3)
            receiver.room = 1 << 20
            #expect(try await Meeting().run(home, home.keep, other, receiver).right.summary.stored == 2)
        }
    }
}
