import BackupDigest
import BackupModel
import BackupStorage
import BackupTestKit
import NIOCore
import Testing

@testable import BackupTransfer

/// The notes that a large element leaves while it arrives.
@Suite struct CheckpointTests {
    private static let batch = 1 << 20

    @Test func `Notes are written beside the bytes that come, and speak of what is there`() async throws {
        try await Self.withIncoming(batches: 8) { file, bytes, again in
            for number in 0..<6 { try await file.append(ByteBuffer(bytes: Self.part(number, of: bytes))) }
            // As a crash would leave it: a note before the last one is durable when the last one begins.
            for _ in 0..<3000 where try file.file.note() == nil { try await Task.sleep(for: .milliseconds(10)) }
            let written = try #require(try file.file.note())
            let note = try #require(PartialNote(parsing: written))
            let noted = Int(note.digest.count)
            // What is in memory yet, and a batch for the note before.
            #expect(noted >= (6 - DigestingWriter.maximumBlocks - 2) * Self.batch)
            #expect(noted % Self.batch == 0)
            #expect(note.digest.digest() == SHA512.hash(Array(bytes[..<noted])))
            #expect(await file.keep() == 6 * Int64(Self.batch))
            let next = try again()
            #expect(next.resumedAt == 6 * Int64(Self.batch))
            for number in 6..<8 { try await next.append(ByteBuffer(bytes: Self.part(number, of: bytes))) }
            #expect(try await next.finish() == SHA512.hash(bytes))
            await next.discard()
        }
    }

    @Test func `An element that is whole is not noted once more`() async throws {
        try await Self.withIncoming(batches: 1) { file, bytes, _ in
            try await file.append(ByteBuffer(bytes: bytes))
            #expect(try await file.finish() == SHA512.hash(bytes))
            #expect(try file.file.note() == nil)
            await file.discard()
        }
    }

    private static func part(_ number: Int, of bytes: [UInt8]) -> ArraySlice<UInt8> {
        bytes[(number * batch)..<((number + 1) * batch)]
    }

    /// - Parameter body: gets a file that is noted with each batch, the bytes of its element, and what opens it again.
    private static func withIncoming(
        batches: Int, _ body: (IncomingFile, [UInt8], () throws -> IncomingFile) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            var random = SeededGenerator(seed: 5)
            let bytes = random.bytes(batches * batch)
            let element = try home.files.store(try SourceURL("/host1/root"), data: bytes)
            func open() throws -> IncomingFile {
                try IncomingFile(
                    element.id.source, element.metadata, size: element.size, other.environment, of: home.name,
                    mayResume: true, checkpointDistance: Int64(batch))
            }
            try await body(try open(), bytes, open)
        }
    }
}
