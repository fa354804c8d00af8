import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct MoveTests {
    @Test func `Elements of all sizes arrive identical, and the sender's are gone`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var before: StoredElement?
            for (index, size) in [0, 1, 100, 4096, 128 << 10, (128 << 10) + 1, 3 << 20].enumerated() {
                let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) }
                before = try pair.left.store(
                    try SourceURL("/host1/root"), index == 0 ? .full : .inc,
                    at: Timestamp(1_795_220_058 + Int64(index)), data: data, after: before)
            }
            let expected = try pair.left.contents()
            let (left, right) = try await pair.transfer(sender: pair.movePolicy)
            #expect(left.failure == nil)
            #expect(right.failure == nil)
            #expect(right.summary.stored == 7)
            #expect(try pair.right.contents() == expected)
            #expect(try pair.left.contents().isEmpty)
        }
    }
}
