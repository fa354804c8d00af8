import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Glibc
import Testing

/// What we ask of a slow peer stays within what the protocol lets wait.
@Suite struct UnansweredBytesTests {
    /// Takes its time to act on confirmations, and keeps everything.
    private struct SlowPolicy: SenderPolicy {
        let name = "slow"
        let hidesConfirmed = false
        let filter = ElementFilter()
        let prioritise: [String] = []

        func offers(_ element: StoredElement, to agent: AgentName) -> Bool { true }

        func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
            usleep(50_000)
            return confirmed.map { _ in .kept }
        }
    }

    @Test func `Large confirmations of many elements wait for a slow sender`() async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            _ = try home.chain("/a", 100)
            let other = try Machine("other", in: directory)
            var policy = ReceiverPolicy()
            // 80 kB in a message: 8 MB for all, where 4 MiB may wait.
            policy.receipts = ReceiptMaker(holder: "other") { _ in [UInt8](repeating: 1, count: 60_000) }
            let outcome = try await ConfirmationTests.meeting(2).run(home, SlowPolicy(), other, policy)
            #expect(outcome.left.failure == nil, "\(String(describing: outcome.left.failure))")
            #expect(outcome.right.failure == nil, "\(String(describing: outcome.right.failure))")
            #expect(outcome.right.summary.stored == 100)
            #expect(home.events.events.count { if case .confirmed = $0 { true } else { false } } == 100)
        }
    }
}
