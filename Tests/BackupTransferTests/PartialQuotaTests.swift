import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc
import Testing

/// A peer that finishes nothing fills no disk: what came of its elements in part counts in its quota.
@Suite struct PartialQuotaTests {
    private static let size = 300_000

    /// The bytes of element `number`.
    private static func data(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number & 255), count: size) }

    /// Elements of `numbers`; what is read of one breaks off after `bytes`.
    private static func breaking(_ numbers: Range<Int>, after bytes: Int) -> HostileSender {
        HostileSender(entries: numbers.map { HostileSender.entry("\($0)", "/host1/root\($0)", data($0)) }) {
            id, offset in
            let rest = data(Int(id) ?? 0).dropFirst(Int(offset))
            return RawFrame.bytes("P", Array(rest.prefix(bytes))) + HostileSender.failure
        }
    }

    private func meet(
        _ pair: TransferPair, _ receiver: ReceiverPolicy, _ sender: HostileSender
    ) async throws -> RoundSummary {
        let met = try await pair.meet(.right, try TransferPair.context(receiver: receiver)) {
            peer throws(BackupError) in
            try sender.serve(peer)
        }
        #expect(met.outcome.failure == nil)
        return met.outcome.summary
    }

    private func partials(_ directory: TemporaryDirectory) -> (files: Int, bytes: Int) {
        let names = directory.names("right.partial").filter { $0.hasSuffix(".partial") }
        let sizes = names.map { name in
            var status = stat()
            return stat(directory.path("right.partial/" + name), &status) == 0 ? Int(status.st_size) : 0
        }
        return (names.count, sizes.reduce(0, +))
    }

    private func stored(_ pair: TransferPair) throws -> Int {
        try pair.right.contents().values.reduce(0) { $0 + $1.count }
    }

    @Test func `Elements that never come whole take no more than the quota, however many there are`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 1_000_000
            for round in 0..<6 {
                _ = try await meet(pair, receiver, Self.breaking(round * 20..<round * 20 + 20, after: 200_000))
                let (files, bytes) = partials(directory)
                #expect(files > 0, "the newest stay")
                #expect(bytes <= 1_000_000, "\(bytes) bytes after round \(round)")
            }
        }
    }

    @Test func `Without a quota no more than 64 of them are kept`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            for round in 0..<2 {
                _ = try await meet(pair, ReceiverPolicy(), Self.breaking(round * 100..<round * 100 + 100, after: 10))
                #expect(partials(directory).files == 64)
            }
        }
    }

    @Test func `Of an element of which nothing came nothing stays`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            _ = try await meet(pair, ReceiverPolicy(), Self.breaking(0..<10, after: 0))
            #expect(directory.names("right.partial").isEmpty)
        }
    }

    @Test func `What is gone on with does not count twice`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = Int64(Self.size + 1000)
            _ = try await meet(pair, receiver, Self.breaking(1..<2, after: 200_000))
            #expect(partials(directory) == (1, 200_000))
            _ = try await meet(pair, receiver, Self.breaking(1..<2, after: 90_000))
            #expect(partials(directory) == (1, 290_000))
            let summary = try await meet(
                pair, receiver,
                HostileSender(entries: Self.breaking(1..<2, after: 0).entries) {
                    _, offset in HostileSender.stream(Array(Self.data(1).dropFirst(Int(offset))))
                })
            #expect(summary.stored == 1)
            #expect(pair.rightEvents.received.map(\.resumedAt) == [290_000])
            #expect(directory.names("right.partial").isEmpty)
        }
    }

    @Test func `Whole elements, small ones too, push out what came in part`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 1_000_000
            _ = try await meet(pair, receiver, Self.breaking(0..<3, after: 250_000))
            #expect(partials(directory) == (3, 750_000))
            let small = [UInt8](repeating: 7, count: 50_000)
            let entries = (0..<15).map { HostileSender.entry("s\($0)", "/small/root\($0)", small) }
            let summary = try await meet(
                pair, receiver, HostileSender(entries: entries) { _, _ in HostileSender.stream(small) })
            #expect(summary.stored == 15)
            #expect(partials(directory) == (1, 250_000))
            #expect(try stored(pair) == 750_000)
        }
    }

    @Test func `What came of another agent stays`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let file = try pair.right.openPartial(PartialKey([UInt8](repeating: 1, count: 16)))
            try file.descriptor.write(Self.data(1))
            try file.checkpoint([1], owner: "somebody-else")
            file.close()
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 400_000
            for round in 0..<3 {
                _ = try await meet(pair, receiver, Self.breaking(round..<round + 1, after: 200_000))
            }
            #expect(partials(directory).files >= 2)
            let again = try pair.right.openPartial(PartialKey([UInt8](repeating: 1, count: 16)))
            #expect(try again.note() == [1])
            again.close()
        }
    }

    /// It goes on with nothing, and nobody knows how much comes.
    @Test func `In version 1 the whole quota is for what comes whole`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 1_000_000
            _ = try await meet(pair, receiver, Self.breaking(0..<3, after: 250_000))
            #expect(partials(directory).files == 3)
            let source = try SourceURL("/host1/root")
            let data = [UInt8](repeating: 9, count: 900_000)
            let element = OriginalPeer.Element(
                source: "\(source)", info: makeMetadata(data: data, source: source).text, data: data)
            let met = try await pair.meet(
                .right, try TransferPair.context(receiver: receiver), original: OriginalPeer(offers: [element]))
            #expect(met.outcome.summary.stored == 1)
            #expect(partials(directory).files == 0)
        }
    }
}
