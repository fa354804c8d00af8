import BackupCompression
import BackupModel
import BackupTestKit
import Foundation
import Testing

extension SeededGenerator {
    /// Bytes that compress to about half: runs and noise mixed.
    mutating func compressibleBytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count + 64)
        while result.count < count {
            let length = Int(next() % 64) + 1
            if next() % 2 == 0 {
                result += [UInt8](repeating: UInt8(truncatingIfNeeded: next() % 4), count: length)
            } else {
                for _ in 0..<length { result.append(UInt8(truncatingIfNeeded: next())) }
            }
        }
        return Array(result.prefix(count))
    }
}

/// Sends `input` through `transform` in pieces whose sizes `size` gives, and returns what came out.
func pass(
    _ input: [UInt8], through transform: consuming any ByteTransform, size: () -> Int
) throws(BackupError) -> [UInt8] {
    var output: [UInt8] = []
    var position = 0
    let emit: ByteTransform.Emit = { piece throws(BackupError) in output.append(contentsOf: piece) }
    while position < input.count {
        let end = min(input.count, position + max(1, size()))
        let piece = Array(input[position..<end])
        let result = piece.withUnsafeBytes { buffer -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try transform.process(buffer, emit: emit)) } catch {
                return .failure(error)
            }
        }
        try result.get()
        position = end
    }
    try transform.finish(emit: emit)
    return output
}

func compress(_ input: [UInt8], _ settings: ZstdSettings = ZstdSettings()) throws(BackupError) -> [UInt8] {
    try pass(input, through: try ZstdCompressor(settings), size: { 100_000 })
}

func decompress(_ input: [UInt8]) throws(BackupError) -> [UInt8] {
    try pass(input, through: try ZstdDecompressor(), size: { 100_000 })
}

/// Runs a program of the system with `input`; gives its output.
func run(_ words: [String], _ input: [UInt8]) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gbz-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("in")
    let target = folder.appendingPathComponent("out")
    try Data(input).write(to: source)
    try Data().write(to: target)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardInput = try FileHandle(forReadingFrom: source)
    process.standardOutput = try FileHandle(forWritingTo: target)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return [UInt8](try Data(contentsOf: target))
}
