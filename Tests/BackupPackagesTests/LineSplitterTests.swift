import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

@Suite struct LineSplitterTests {
    private struct Line: Equatable {
        var text: [UInt8]
        var offset: Int64
        var length: Int64
    }

    private func lines(_ pieces: [[UInt8]], from position: Int64 = 0) -> (lines: [Line], position: Int64) {
        var splitter = LineSplitter(position: position)
        var lines: [Line] = []
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                splitter.take(bytes) { lines.append(Line(text: Array($0.bytes), offset: $0.offset, length: $0.length)) }
            }
        }
        return (lines, splitter.position)
    }

    @Test func onlyWholeLinesAreTaken() {
        let (lines, position) = lines([Array("ab\n\ncde\nrest".utf8)], from: 100)
        #expect(
            lines == [
                Line(text: Array("ab".utf8), offset: 100, length: 2), Line(text: [], offset: 103, length: 0),
                Line(text: Array("cde".utf8), offset: 104, length: 3),
            ])
        #expect(position == 108)
    }

    @Test func anyPiecesGiveTheSameLines() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let count = Int.random(in: 0...300, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 8...13, using: &random) }
            let whole = lines([bytes])
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 0...min(20, rest.count), using: &random)
                pieces.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let parts = lines(pieces)
            #expect(parts.lines == whole.lines && parts.position == whole.position, random.comment)
        }
    }

    @Test func aLineWithoutEndTakesNoMoreMemoryThanTheLongestThereMayBe() {
        let piece = [UInt8](repeating: 0x61, count: 300_000)
        let (lines, position) = lines(Array(repeating: piece, count: 20) + [Array("\nx\n".utf8)])
        #expect(lines.count == 2)
        #expect(lines.first?.text.count == LineSplitter.maximumLength)
        #expect(lines.first?.length == 6_000_000)
        #expect(lines.last == Line(text: Array("x".utf8), offset: 6_000_001, length: 1))
        #expect(position == 6_000_003)
    }

    @Test func aLineThatIsTooLongInOnePieceIsCutAsWell() {
        let (lines, _) = lines([[UInt8](repeating: 0x61, count: 2_000_000) + [0x0a]])
        #expect(lines.first?.text.count == LineSplitter.maximumLength)
        #expect(lines.first?.length == 2_000_000)
    }
}
