import BackupModel
import BackupStorage
import BackupTestKit
import NIOPosix
import Testing

@testable import BackupTransfer

/// What is kept of an offer that was dealt with. Each test has a process of its own.
@Suite(.serialized) struct OfferMemoryTests {
    /// Without optimisation a tenth shows the same.
    #if DEBUG
        private static let count = 100_000
    #else
        private static let count = 1_000_000
    #endif
    /// Bytes an offer, beyond what a quiet process takes. A hash in a set takes 11 to 22, and half as much again while it
    /// grows.
    private static let bound = 64 * count

    private static func offer(_ number: Int, _ source: SourceURL) throws -> OfferedElement {
        let uuid = try #require(ElementUUID(Array("uuid of an element, number \(number)".utf8)))
        let metadata = makeMetadata(
            .inc, at: Timestamp(1_700_000_000 + Int64(number / 100)), data: [], uuid: uuid)
        return OfferedElement(id: "\(source)/\(number)", source: source, metadata: metadata, size: 1)
    }

    @Test func `Nothing stays of an offer that was put in order and taken`() async {
        await #expect(processExitsWith: .success) {
            let source = try SourceURL("/host1/a-name-that-is-long-enough-to-need-memory-of-its-own")
            var order = FetchOrder(isEndangeredFirst: true)
            func add(_ number: Int) throws {
                order.add(FetchOrder.Offer(offer: try Self.offer(number, source), local: source))
            }
            func run(_ numbers: Range<Int>) throws {
                // So that the queue of the source is never empty.
                for number in numbers {
                    try add(number)
                    let taken = order.removeFirst()
                    try #require(taken?.offer.id == "\(source)/\(number - 100)")
                }
            }
            for number in 0..<100 { try add(number) }
            // What is needed once comes before.
            try run(100..<1000)
            let growth = try await ProcessFacts.growth { try run(1000..<Self.count) }
            #expect(order.count == 100)
            #expect(growth < Self.bound, "\(growth / Self.count) bytes an offer")
        }
    }

    @Test func `Of an element that did not come its followers know by a hash`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let storage = try DefaultFileStorage(path: directory.path("data"), durability: .none, create: true)
                let environment = TransferEnvironment(storage: storage, pool: NIOThreadPool.singleton, software: "test")
                var policy = ReceiverPolicy()
                policy.requireChain = true
                let judge = try ArrivalJudge(environment, policy, of: AgentName("peer"))
                let source = try SourceURL("/host1/a-name-that-is-long-enough-to-need-memory-of-its-own")
                func fail(_ numbers: Range<Int>) throws {
                    for number in numbers {
                        let offer = try Self.offer(number, source)
                        guard case .fetch = judge.judge(source, offer.metadata, size: 1) else {
                            Issue.record("number \(number) is not wanted")
                            return
                        }
                        judge.failed(source, offer.metadata)
                    }
                }
                // What is needed once comes before.
                try fail(0..<1000)
                let growth = try await ProcessFacts.growth { try fail(1000..<Self.count) }
                let first = try Self.offer(0, source).metadata
                let follower = makeMetadata(.inc, data: [], predecessor: first.uuid)
                #expect(judge.lacksPredecessor(source, follower))
                #expect(growth < Self.bound, "\(growth / Self.count) bytes an offer")
            }
        }
    }
}
