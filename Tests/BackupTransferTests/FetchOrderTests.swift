import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// In which order elements are fetched; small ones are stored in the order in which they come.
@Suite struct FetchOrderTests {
    @Test func `Fewest copies come first`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            for (source, holders) in [("/a", 2), ("/b", 0), ("/c", 1)] {
                let element = try home.chain(source, 1, seed: UInt64(holders))[0]
                let entries = (0..<holders).map { "\"agent\($0)\": {\"at\": 1795220058}" }
                try home.setCopies("{\(entries.joined(separator: ", "))}", of: element)
            }
            #expect(try await Self.order(home, home.copies(9), other) == ["/b", "/c", "/a"])
        }
    }

    @Test func `Of as many copies the freshest source comes first, and all of its chain in order`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/a", 2, from: 1_795_000_000)
            try home.chain("/b", 3, from: 1_795_200_000, seed: 2)
            try home.chain("/c", 2, from: 1_795_100_000, seed: 3)
            let order = try await Self.order(home, SenderKeepDataTransferPolicy(), other)
            #expect(order == ["/b", "/b", "/b", "/c", "/c", "/a", "/a"])
            let times = other.events.received.filter { $0.id.source.description == "/b" }.map(\.id.digits)
            #expect(times == times.sorted())
        }
    }

    @Test func `Of as fresh ones the smallest comes first, then the name decides`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            for (source, size) in [("/a", 300), ("/b", 100), ("/c", 200), ("/d", 100)] {
                try home.chain(source, 1, size: size)
            }
            #expect(
                try await Self.order(home, SenderKeepDataTransferPolicy(), other) == ["/b", "/d", "/c", "/a"])
        }
    }

    @Test func `A chain stays in order even if the sender lists a later element first`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let elements = try home.chain("/a", 5)
            try home.files.setAttribute(try AttributeName("urgent"), of: elements[3].id, to: [])
            try home.chain("/b", 1, from: 1_795_000_000)
            let order = try await Self.order(home, home.move(prioritise: ["urgent"]), other)
            #expect(order == ["/a", "/a", "/a", "/a", "/a", "/b"])
            #expect(other.events.received.prefix(5).map(\.id) == elements.map(\.id))
        }
    }

    @Test func `What the sender prioritises goes first, in the order of its list`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            for source in ["/a", "/b", "/c", "/d"] { try home.chain(source, 1) }
            let sources = try home.files.sources()
            func element(_ index: Int) throws -> StoredElement {
                try home.files.elements(of: sources[index]).usable[0]
            }
            try home.files.setAttribute(try AttributeName("urgent"), of: try element(3).id, to: [])
            let data = Array("policy".utf8)
            try home.files.store(
                try SourceURL("/e"), makeMetadata(data: data, handlingPolicies: ["offsite"]), data: data)
            _ = try await Meeting().run(home, home.move(prioritise: ["offsite", "urgent"]), other)
            #expect(other.events.received.map(\.id.source.description) == ["/e", "/d", "/a", "/b", "/c"])
        }
    }

    private static func order(_ home: Machine, _ sender: any SenderPolicy, _ other: Machine) async throws -> [String] {
        var receiver = ReceiverPolicy()
        receiver.order = .endangeredFirst
        let outcome = try await Meeting().run(home, sender, other, receiver)
        #expect(outcome.right.failure == nil)
        return other.events.received.map(\.id.source.description)
    }
}
