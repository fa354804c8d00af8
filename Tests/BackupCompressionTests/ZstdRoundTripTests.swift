import BackupCompression
import BackupModel
import BackupTestKit
import Testing

struct ZstdRoundTripTests {
    @Test(arguments: [
        ZstdSettings(), ZstdSettings(level: 1, workers: 2), ZstdSettings(level: -5, checksum: false),
        ZstdSettings(level: 3, workers: 2, longDistance: true), ZstdSettings(level: 9, workers: 1),
    ])
    func randomSizesAndPieces(_ settings: ZstdSettings) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for round in 0..<8 {
            let data = random.compressibleBytes(Int(random.next() % UInt64(1 << (round * 3))))
            var sizes = random
            let packed = try pass(
                data, through: try ZstdCompressor(settings), size: { Int(sizes.next() % 50_000) })
            let restored = try pass(
                packed, through: try ZstdDecompressor(), size: { Int(sizes.next() % 3000) })
            #expect(restored == data, "seed \(seed), round \(round), \(data.count) bytes")
        }
    }

    @Test(arguments: [
        ZstdSettings(), ZstdSettings(level: 3, workers: 2), ZstdSettings(level: 3, workers: 2, longDistance: true),
    ])
    func theProgramReadsWhatWeWrite(_ settings: ZstdSettings) throws {
        var random = SeededGenerator(seed: 1)
        for size in [0, 1, 5_000_000] {
            let data = random.compressibleBytes(size)
            #expect(try run(settings.restoreCommand, try compress(data, settings)) == data, "\(size) bytes")
        }
    }

    @Test(arguments: [["zstd", "-c"], ["zstd", "-c", "-9", "--no-check"], ["zstd", "-c", "--long=27"]])
    func weReadWhatTheProgramWrites(_ command: [String]) throws {
        var random = SeededGenerator(seed: 2)
        for size in [0, 1, 3_000_000] {
            let data = random.compressibleBytes(size)
            #expect(try decompress(try run(command, data)) == data, "\(size) bytes")
        }
    }

    @Test func emptyDataIsAFrame() throws {
        let packed = try compress([])
        #expect(!packed.isEmpty)
        #expect(try decompress(packed) == [])
        #expect(try decompress(packed + packed) == [])
    }

    @Test func framesBehindEachOther() throws {
        let first = [UInt8](repeating: 1, count: 300_000)
        let second = Array("second".utf8)
        let packed = try compress(first) + compress(second)
        for size in [1, 7, packed.count] {
            let restored = try pass(packed, through: try ZstdDecompressor(), size: { size })
            #expect(restored == first + second)
        }
    }

    /// The frame ends exactly with a full output buffer.
    @Test(arguments: [128 << 10, 256 << 10, 512 << 10])
    func sizesOfTheBuffers(_ size: Int) throws {
        for count in [size - 1, size, size + 1] {
            let data = [UInt8](repeating: 5, count: count)
            #expect(try decompress(try compress(data)) == data)
        }
    }

    @Test func longDistanceFindsFarRepetitions() throws {
        var random = SeededGenerator(seed: 3)
        let block = (0..<1_000_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let gap = (0..<9_000_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let data = block + gap + block
        let near = try compress(data, ZstdSettings(level: 1))
        let far = try compress(data, ZstdSettings(level: 1, longDistance: true))
        #expect(far.count < near.count - 900_000)
    }
}

struct ZstdMemoryTests {
    @Test func zerosComeInPiecesOfBoundedSize() throws {
        let total = 200 << 20
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var packed: [UInt8] = []
        var compressor = try ZstdCompressor(ZstdSettings(level: 3, workers: 2))
        let collect: ByteTransform.Emit = { piece throws(BackupError) in packed.append(contentsOf: piece) }
        for _ in 0..<(total >> 20) { try zeros.withUnsafeBytes { try compressor.process($0, emit: collect) } }
        #expect(compressor.memory < 30_000_000)
        try compressor.finish(emit: collect)
        #expect(packed.count < 100_000)

        var decompressor = try ZstdDecompressor()
        var count = 0
        var largest = 0
        let measure: ByteTransform.Emit = { piece throws(BackupError) in
            count += piece.count
            largest = max(largest, piece.count)
        }
        try packed.withUnsafeBytes { try decompressor.process($0, emit: measure) }
        try decompressor.finish(emit: measure)
        #expect(count == total)
        #expect(largest <= 1 << 20)
    }

    @Test func compressedPiecesAreLarge() throws {
        var random = SeededGenerator(seed: 4)
        let data = random.compressibleBytes(4_000_000)
        var sizes: [Int] = []
        var compressor = try ZstdCompressor(ZstdSettings())
        let emit: ByteTransform.Emit = { piece throws(BackupError) in sizes.append(piece.count) }
        for start in stride(from: 0, to: data.count, by: 4096) {
            let end = min(data.count, start + 4096)
            try data[start..<end].withUnsafeBytes { try compressor.process($0, emit: emit) }
        }
        try compressor.finish(emit: emit)
        #expect(sizes.count > 2)
        #expect(sizes.dropLast().allSatisfy { $0 == ZstdCompressor.pieceSize })
    }

    @Test func windowAboveTheLimitIsRefused() throws {
        var random = SeededGenerator(seed: 5)
        // Larger than the window asked for, or the frame would ask for less.
        let packed = try run(["zstd", "-c", "-1", "--long=24"], random.compressibleBytes(20_000_000))
        let error = try #require(throws: BackupError.self) {
            try pass(packed, through: try ZstdDecompressor(maximumWindowLog: 23), size: { 4096 })
        }
        #expect(error.code == .resources)
        #expect(error.remedy.contains("zstd -dc --long=31"))
    }
}
