import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Testing

/// Elements from elsewhere are stored once, whoever brings them.
@Suite struct SettleTests {
    private static let source = try? SourceURL("/host/root")

    private func pending(_ data: [UInt8], _ content: PendingElement.Content? = nil) throws -> PendingElement {
        let source = try #require(Self.source)
        return PendingElement(
            source: source, metadata: makeMetadata(data: data, source: source), content: content ?? .bytes(data))
    }

    @Test func whatIsHereAlreadyIsNotStoredAgain() throws {
        try withTemporaryDirectory { directory in
            let storage = try DefaultFileStorage(path: directory.path("store"), durability: .none, create: true)
            // Of the same second, so that names are tried one after the other.
            let first = try storage.settle([pending([1]), pending([2])]).map { try $0.get() }
            #expect(first.map(\.wasPresent) == [false, false])
            let file = try storage.openPartial(PartialKey([UInt8](repeating: 7, count: 16)))
            try file.descriptor.write([2])
            let second = try storage.settle([pending([3]), pending([2], .partial(file)), pending([1]), pending([3])])
                .map { try $0.get() }
            #expect(second.map(\.wasPresent) == [false, true, true, true])
            #expect([second[1].id, second[2].id] == [first[1].id, first[0].id])
            #expect(second[3].id == second[0].id)
            let source = try #require(Self.source)
            #expect(try storage.elements(of: source).usable.count == 3)
            storage.endArrivals()
            #expect(directory.names("store.partial") == [], "neither bytes that came twice are left, nor what was kept")
        }
    }

    /// Without a checksum nothing tells that two elements are the same.
    @Test func whatCannotBeToldApartIsStored() throws {
        try withTemporaryDirectory { directory in
            let storage = try DefaultFileStorage(path: directory.path("store"), durability: .none, create: true)
            let source = try #require(Self.source)
            for _ in 0..<2 {
                let bare = try ElementMetadata(parsing: Array(#"{"BackupType": "full", "Timestamp": 1795220058}"#.utf8))
                let results = storage.settle([PendingElement(source: source, metadata: bare, content: .bytes([1]))])
                let settled = try results.map { try $0.get() }
                #expect(settled.map(\.wasPresent) == [false])
            }
        }
    }

    @Test func manyAtOnceStoreEachOnce() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory.path("store")
            _ = try DefaultFileStorage(path: path, durability: .none, create: true)
            let new = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        // As other processes have it.
                        let storage = try DefaultFileStorage(path: path, durability: .none)
                        let elements = try (0..<30).map { try self.pending([UInt8($0)]) }
                        return try storage.settle(elements).map { try $0.get() }.count { !$0.wasPresent }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(new == 30)
            let storage = try DefaultFileStorage(path: path, durability: .none)
            let source = try #require(Self.source)
            #expect(try storage.elements(of: source).usable.count == 30)
        }
    }
}
