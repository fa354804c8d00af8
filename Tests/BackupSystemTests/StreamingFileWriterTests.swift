import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

/// Large files that are written from their start to their end, through the page cache and past it.
@Suite struct StreamingFileWriterTests {
    private static let block = 1 << 20
    private static let cached = Int(StreamingFileWriter.cachedLength)

    /// Blocks of aligned memory, the last one with an odd end.
    private func write(_ bytes: [UInt8], to file: OwnedDescriptor, from start: Int = 0) throws {
        var writer = StreamingFileWriter(file)
        let memory = AlignedMemory(count: Self.block)
        var offset = start
        while offset < bytes.count {
            let count = min(Self.block - offset % Self.block, bytes.count - offset)
            memory.bytes.copyBytes(from: bytes[offset..<(offset + count)])
            try writer.write(UnsafeRawBufferPointer(rebasing: memory.bytes[..<count]), at: Int64(offset))
            offset += count
        }
        writer.finish()
    }

    private func isCached(_ file: OwnedDescriptor, at offset: Int) -> Bool {
        let memory = AlignedMemory(count: 4096)
        return file.readCached(into: memory.bytes, at: Int64(offset)) > 0
    }

    @Test(arguments: [0, 3 << 20, (9 << 20) + 5])
    func `What is written is what was given, wherever it begins`(_ start: Int) throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator(seed: 3)
            let bytes = random.bytes(Self.cached + 3 * Self.block + 4097)
            let file = try Directory(path: place.path).openOrCreateFile("data")
            try file.write(Array(bytes[..<start]))
            try write(bytes, to: file, from: start)
            // Whoever comes next may write what he likes.
            try [UInt8](repeating: 7, count: 3).withUnsafeBytes { try file.write($0, at: Int64(bytes.count)) }
            #expect(try file.read(bytes.count + 9, at: 0) == bytes + [7, 7, 7])
        }
    }

    @Test func `What comes behind the first megabytes does not push others out of memory`() throws {
        try withMountedDisk(megabytes: 64) { path in
            let file = try Directory(path: path).openOrCreateFile("data")
            try write([UInt8](repeating: 1, count: Self.cached + 8 * Self.block), to: file)
            #expect(isCached(file, at: Self.block))
            for number in 0..<8 { #expect(!isCached(file, at: Self.cached + number * Self.block)) }
            #expect(try file.read(4, at: Int64(Self.cached + Self.block)) == [1, 1, 1, 1])
        }
    }

    @Test func `A full disk is told as such, past the cache too`() throws {
        try withMountedDisk(megabytes: 24) { path in
            let file = try Directory(path: path).openOrCreateFile("data")
            let error = #expect(throws: BackupError.self) {
                try write([UInt8](repeating: 1, count: 40 << 20), to: file)
            }
            #expect(error?.code == .noSpace)
            #expect(try file.status().size > Self.cached, "the disk was full before it was written past the cache")
        }
    }
}
