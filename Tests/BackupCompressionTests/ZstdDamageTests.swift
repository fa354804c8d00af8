import BackupCompression
import BackupModel
import BackupTestKit
import Testing

struct ZstdDamageTests {
    private func refusal(_ bytes: [UInt8], pieces: Int = 100_000) throws -> BackupError {
        try #require(throws: BackupError.self) {
            try pass(bytes, through: try ZstdDecompressor(), size: { pieces })
        }
    }

    @Test func emptyInputIsNoFrame() throws {
        let error = try refusal([])
        #expect(error.code == .damaged)
        #expect(error.message.contains("no zstd frame"))
    }

    @Test func otherDataIsNoFrame() throws {
        let error = try refusal(Array("plain text, not compressed".utf8))
        #expect(error.code == .damaged)
        #expect(error.message.contains("no zstd frame"))
    }

    @Test func truncationAtEveryByte() throws {
        var random = SeededGenerator(seed: 6)
        let packed = try compress(random.compressibleBytes(500))
        for length in 0..<packed.count {
            for pieces in [1, packed.count] {
                #expect(try refusal(Array(packed[..<length]), pieces: pieces).code == .damaged, "\(length) bytes")
            }
        }
    }

    @Test func everyFlippedBitIsFound() throws {
        var random = SeededGenerator(seed: 7)
        let data = random.compressibleBytes(300)
        let packed = try compress(data, ZstdSettings(checksum: true))
        for position in packed.indices {
            for bit in 0..<8 {
                var flipped = packed
                flipped[position] ^= 1 << UInt8(bit)
                // Some bits of a frame's header mean nothing for the content: then the content must be right.
                do throws(BackupError) { #expect(try decompress(flipped) == data, "byte \(position) bit \(bit)") } catch
                {
                    #expect(error.code == .damaged || error.code == .resources, "byte \(position) bit \(bit)")
                }
            }
        }
    }

    @Test func wrongContentIsToldInTheLibrarysWords() throws {
        let data = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }
        var packed = try compress(data)
        packed[packed.count - 1] ^= 1
        let error = try refusal(packed)
        #expect(error.code == .damaged)
        #expect(error.message.contains("checksum"))
    }

    @Test func trailingRubbish() throws {
        let packed = try compress(Array("content".utf8))
        for tail in ["x", "xyz", "rubbish behind the frame"] {
            for pieces in [1, 100_000] {
                #expect(try refusal(packed + Array(tail.utf8), pieces: pieces).code == .damaged, "\(tail)")
            }
        }
        #expect(try refusal(packed + Array("rubbish".utf8)).message.contains("at byte \(packed.count)"))
    }

    @Test func afterAFailureTheSameErrorComesAgain() throws {
        var decompressor = try ZstdDecompressor()
        let emit: ByteTransform.Emit = { _ throws(BackupError) in }
        let rubbish = Array("not compressed at all".utf8)
        let good = try compress([1, 2, 3])
        let first = #expect(throws: BackupError.self) {
            try rubbish.withUnsafeBytes { try decompressor.process($0, emit: emit) }
        }
        let second = #expect(throws: BackupError.self) {
            try good.withUnsafeBytes { try decompressor.process($0, emit: emit) }
        }
        let third = #expect(throws: BackupError.self) { try decompressor.finish(emit: emit) }
        #expect(first?.message == second?.message && second?.message == third?.message)
    }

    @Test func errorsOfTheReceiverPassAndStay() throws {
        var random = SeededGenerator(seed: 8)
        let data = random.compressibleBytes(3_000_000)
        let packed = try compress(data)
        let full: ByteTransform.Emit = { _ throws(BackupError) in throw BackupError(.noSpace, "no space") }
        let fine: ByteTransform.Emit = { _ throws(BackupError) in }
        let transforms: [(any ByteTransform, [UInt8])] = [
            (try ZstdCompressor(ZstdSettings()), data), (try ZstdDecompressor(), packed),
        ]
        for (transform, input) in transforms {
            var transform = transform
            let first = #expect(throws: BackupError.self) {
                try input.withUnsafeBytes { try transform.process($0, emit: full) }
            }
            let second = #expect(throws: BackupError.self) { try transform.finish(emit: fine) }
            #expect(first?.code == .noSpace && second?.code == .noSpace)
        }
    }
}

struct ZstdSettingsTests {
    @Test(arguments: [
        ZstdSettings(level: 23), ZstdSettings(level: Int.max), ZstdSettings(level: Int.min), ZstdSettings(workers: -1),
        ZstdSettings(workers: 100_000),
    ])
    func valuesOutOfRangeAreRefused(_ settings: ZstdSettings) throws {
        let error = try #require(throws: BackupError.self) { try ZstdCompressor(settings) }
        #expect(error.code == .invalidValue)
        #expect(error.message.contains(settings.workers == 0 ? "level" : "workers"))
    }

    @Test func restoreCommands() {
        #expect(ZstdSettings().restoreCommand == ["zstd", "-dc"])
        #expect(ZstdSettings(longDistance: true).restoreCommand == ["zstd", "-dc", "--long=27"])
    }

    @Test func versionOfTheLibrary() {
        #expect(Zstd.libraryVersion.split(separator: ".").count == 3)
        #expect(Zstd.libraryVersion.hasPrefix("1."))
    }
}
