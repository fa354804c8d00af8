import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc
import NIOPosix
import Testing

@Suite struct PipeliningTests {
    private static var impatient: PeerConnection.Limits {
        var limits = PeerConnection.Limits()
        limits.stallTimeout = TimeSpan(seconds: 60)
        return limits
    }

    @Test func `A hundred elements need a few round trips, not a hundred`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 100, size: 50)
            // 32 may be open; of a slow machine some are confirmations.
            let line = try SlowLine(burst: 16, total: 100)
            let toRight = TransferContext(agent: other.name, senderPolicy: home.move(), receiverPolicy: nil)
            let toLeft = TransferContext(
                agent: home.name, senderPolicy: nil, receiverPolicy: ReceiverPolicy(), limits: Self.impatient)
            let one = try await PeerStream.adopt(line.leftEnd, on: .singleton)
            let two = try await PeerStream.adopt(line.rightEnd, on: .singleton)
            async let left = home.agent.run(one, as: toRight, via: "test")
            async let right = other.agent.run(two, as: toLeft, via: "test")
            let counts = try await BlockingThread.run("gb line") {
                var line = line
                line.run()
                return (bursts: line.bursts, others: line.others)
            }
            let outcomes = (await left, await right)
            #expect(outcomes.1.failure == nil)
            #expect(outcomes.1.summary.stored == 100)
            #expect(counts.bursts == 7)
            // The policy, the listing, the end.
            #expect(counts.others <= 6)
        }
    }

    @Test func `A disk that is slower than the line holds the line back, and everything arrives`() async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let size = 128 << 10
            try home.chain("/host1/root", 140, size: size)
            let events = EventLog()
            let pool = NIOThreadPool(numberOfThreads: 4)
            pool.start()
            // The first group is not stored before a second one has come and waits for it.
            let other = try Machine("other", in: directory, events: events, pool: pool) {
                InterceptedStorage($0) {
                    for _ in 0..<20_000 where events.bytesIn < 64 * size { usleep(1000) }
                }
            }
            var meeting = Meeting()
            meeting.limits = Self.impatient
            let outcome = try await meeting.run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(outcome.left.failure == nil)
            #expect(try other.count() == 140)
            #expect(try home.count() == 0)
            try await pool.shutdownGracefully()
        }
    }
}
