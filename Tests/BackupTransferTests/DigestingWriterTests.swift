import BackupDigest
import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import NIOCore
import Testing

@testable import BackupTransfer

/// Bytes that arrive in pieces of any size are written as they came, and hashed.
@Suite struct DigestingWriterTests {
    private func withPartial(_ body: (PartialFile, TransferEnvironment) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let (_, other) = try ConfirmationTests.machines(directory, 0)
            let file = try other.environment.storage.openPartial(PartialKey([UInt8](repeating: 1, count: 24)))
            try await body(file, other.environment)
            file.discard()
        }
    }

    /// - Returns: The pieces, of 1 byte to 300 KiB.
    private func pieces(_ bytes: ArraySlice<UInt8>, _ random: inout SeededGenerator) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        var rest = bytes
        while !rest.isEmpty {
            let count = min(
                rest.count, Int.random(in: 1...(Bool.random(using: &random) ? 3 : 300 << 10), using: &random))
            pieces.append(ByteBuffer(bytes: rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    @Test(arguments: [0, 1, 4096, 1 << 20, (1 << 20) + 77], [0, 1, (3 << 20) + 5, 12 << 20])
    func `All bytes are written and hashed, behind what is there`(_ start: Int, _ count: Int) async throws {
        try await withPartial { file, environment in
            var random = SeededGenerator(seed: UInt64(start + count))
            let bytes = random.bytes(start + count)
            try bytes[..<start].withUnsafeBytes { try file.descriptor.write($0, at: 0) }
            var digest = SHA512()
            digest.update(Array(bytes[..<start]))
            let writer = DigestingWriter(file.descriptor, behind: digest, environment)
            for piece in pieces(bytes[start...], &random) { try await writer.append(piece) }
            try await writer.finish()
            #expect(writer.done.count == Int64(bytes.count))
            #expect(writer.done.digest() == SHA512.hash(bytes))
            #expect(try file.descriptor.read(bytes.count + 1, at: 0) == bytes)
        }
    }

    @Test func `What was taken before it was closed is written, and nothing behind it`() async throws {
        try await withPartial { file, environment in
            let writer = DigestingWriter(file.descriptor, behind: SHA512(), environment)
            try await writer.append(ByteBuffer(repeating: 1, count: 5))
            writer.close()
            await #expect(throws: BackupError.self) { try await writer.append(ByteBuffer(repeating: 2, count: 5)) }
            try await writer.finish()
            #expect(writer.done.digest() == SHA512.hash([1, 1, 1, 1, 1]))
            #expect(try file.descriptor.read(10, at: 0) == [1, 1, 1, 1, 1])
        }
    }

    /// Whoever closes the file must know that nobody writes to its number any more: it may be another file's by then.
    @Test func `When it was stopped nothing is at work`() async throws {
        try await withPartial { file, environment in
            for _ in 0..<20 {
                let writer = DigestingWriter(file.descriptor, behind: SHA512(), environment)
                let sending = Task {
                    while true { try await writer.append(ByteBuffer(repeating: 1, count: 200_000)) }
                }
                try await Task.sleep(for: .milliseconds(5))
                await writer.stop()
                let size = writer.writtenLength
                await #expect(throws: BackupError.self) { _ = try await sending.value }
                #expect(writer.writtenLength == size)
                await #expect(throws: BackupError.self) { try await writer.finish() }
            }
        }
    }

    @Test func `What the disk refuses is told to whoever brings more, and at the end`() async throws {
        try await withPartial { _, environment in
            let full = OwnedDescriptor(open("/dev/full", O_RDWR | O_CLOEXEC), name: "/dev/full")
            let writer = DigestingWriter(full, behind: SHA512(), environment)
            let error = await #expect(throws: BackupError.self) {
                while true { try await writer.append(ByteBuffer(repeating: 1, count: 1 << 20)) }
            }
            #expect(error?.code == .noSpace)
            await #expect(throws: BackupError.self) { try await writer.finish() }
            await writer.stop()
            #expect(writer.writtenLength == 0)
        }
    }
}
