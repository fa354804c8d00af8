import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import NIOPosix
import Testing

/// What is to be known about a connection with somebody who is not one of ours.
struct Encounter<Value: Sendable>: Sendable {
    let outcome: ConnectionOutcome
    /// What the other end came to.
    let value: Value
}

extension TransferPair {
    enum Side: Sendable { case left, right }

    func storage(_ side: Side) -> DefaultFileStorage { side == .left ? left : right }
    func log(_ side: Side) -> EventLog { side == .left ? leftEvents : rightEvents }

    /// An agent over the storage of `side`.
    func agent(_ side: Side, observer: (any TransferObserver)? = nil) -> TransferAgent {
        TransferAgent(
            TransferEnvironment(
                storage: storage(side), pool: NIOThreadPool.singleton, observer: observer ?? log(side),
                software: "test"))
    }

    /// How `side` sees whoever is at the other end: it is called `peer`.
    static func context(
        sender: (any SenderPolicy)? = nil, receiver: ReceiverPolicy? = nil,
        limits: PeerConnection.Limits = PeerConnection.Limits(), checkReceipt: ReceiptCheck? = nil
    ) throws -> TransferContext {
        TransferContext(
            agent: try AgentName("peer"), senderPolicy: sender, receiverPolicy: receiver, limits: limits,
            checkReceipt: checkReceipt)
    }

    /// One connection of `side` with a peer that does on a thread of its own what `script` says, and hangs up then.
    func meet<Value: Sendable>(
        _ side: Side, _ context: TransferContext, observer: (any TransferObserver)? = nil,
        _ script: @escaping @Sendable (RawPeer) throws(BackupError) -> Value
    ) async throws -> Encounter<Value> {
        let (near, far) = try PeerStream.socketPair()
        let stream = try await PeerStream.adopt(near, on: .singleton)
        let agent = agent(side, observer: observer)
        async let outcome = agent.run(stream, as: context, via: "test")
        let result: Result<Value, BackupError>
        do throws(BackupError) {
            result = .success(
                try await BlockingThread.run("gb test peer") { () throws(BackupError) in
                    let peer = try RawPeer(far)
                    defer { peer.close() }
                    return try script(peer)
                })
        } catch {
            result = .failure(error)
        }
        return Encounter(outcome: await outcome, value: try result.get())
    }

    /// One connection with an original.
    func meet(
        _ side: Side, _ context: TransferContext, original: OriginalPeer, budget: Int? = nil
    ) async throws -> Encounter<(OriginalPeer, OriginalPeer.Ending)> {
        try await meet(side, context) { peer in
            var original = original
            let ending = original.run(over: peer, budget: budget)
            return (original, ending)
        }
    }

    /// After whatever has happened the machine still sends and receives: everything on the left comes to the right.
    func expectWorks(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let source = try SourceURL("/good")
        try left.store(source, at: Timestamp(1_795_230_000), data: Array("good".utf8))
        let (leftOutcome, rightOutcome) = try await transfer(sender: SenderKeepDataTransferPolicy())
        #expect(leftOutcome.failure == nil, sourceLocation: sourceLocation)
        #expect(rightOutcome.failure == nil, sourceLocation: sourceLocation)
        let (there, here) = (try left.contents(), try right.contents())
        #expect(there.allSatisfy { here[$0.key] == $0.value }, sourceLocation: sourceLocation)
    }
}

extension DefaultFileStorage {
    /// All elements, each counted, and all files that belong to none.
    func inventory() async throws -> Inventory {
        var count = 0
        var damaged: [ElementID] = []
        try forEachElement(matching: nil) { _, listed throws(BackupError) in
            switch listed {
            case .element: count += 1
            case .damaged(let id, _): damaged.append(id)
            }
        }
        return Inventory(
            contents: try contents(), count: count, damaged: damaged,
            strays: try StorageVerification(self, jobs: 1).strayFiles())
    }
}

struct Inventory: Equatable {
    let contents: [String: [UInt8]]
    /// Larger than `contents` when something is there twice.
    let count: Int
    let damaged: [ElementID]
    let strays: [String]

    /// Nothing but these elements is there, each once.
    func holds(exactly expected: [String: [UInt8]]) -> Bool {
        contents == expected && count == expected.count && damaged.isEmpty && strays.isEmpty
    }
}
