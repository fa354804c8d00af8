import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

/// What a crash leaves of transfers goes at the next start, however young it is, if it is of no use to anybody.
@Suite struct PartialCleanupTests {
    private static let key = PartialKey([UInt8](repeating: 7, count: 16))
    private static let longAgo = Timestamp(0)

    /// A storage with a partial file that nobody holds, with a note or without.
    private func withPartial(
        note: [UInt8]?, _ body: (DefaultFileStorage, TemporaryDirectory) throws -> Void
    ) throws {
        try withTemporaryDirectory { directory in
            let storage = try DefaultFileStorage(path: directory.path("store"), durability: .none, create: true)
            let file = try storage.openPartial(Self.key)
            try file.descriptor.write([1, 2, 3])
            if let note { try file.checkpoint(note) }
            file.close()
            try body(storage, directory)
        }
    }

    @Test func bytesWithoutANoteAreRemoved() throws {
        try withPartial(note: nil) { storage, directory in
            let held = try storage.openPartial(Self.key)
            _ = try storage.removePartials(before: Self.longAgo)
            #expect(directory.names("store.partial").count == 1, "somebody is writing it")
            held.close()
            _ = try storage.removePartials(before: Self.longAgo)
            #expect(directory.names("store.partial") == [])
        }
    }

    @Test func bytesWithANoteStay() throws {
        try withPartial(note: [9]) { storage, directory in
            #expect(try storage.removePartials(before: Self.longAgo) == 0)
            let file = try storage.openPartial(Self.key)
            #expect(try file.note() == [9])
        }
    }

    /// Its maker was killed between giving the data their name and taking this one away.
    @Test func aNameThatAnElementHasLeftIsRemoved() throws {
        try withPartial(note: [9]) { storage, directory in
            let element = try storage.store(try SourceURL("/host/root"), data: [1, 2, 3])
            let data = try #require(storage.localPath(of: element.id))
            let name = try #require(directory.names("store.partial").first { $0.hasSuffix(".partial") })
            directory.remove("store.partial/" + name)
            try #require(link(data, directory.path("store.partial/" + name)) == 0)
            #expect(try storage.removePartials(before: Self.longAgo) == 0)
            #expect(directory.names("store.partial") == [])
            #expect(try storage.data(element.id) == [1, 2, 3])
        }
    }

    @Test func theLockOfACrashedArrivalIsRemoved() throws {
        try withPartial(note: nil) { storage, directory in
            try directory.write("store.partial/arrivals.lock", "12345\n")
            _ = try storage.removePartials(before: Self.longAgo)
            #expect(directory.names("store.partial") == [])
        }
    }
}
