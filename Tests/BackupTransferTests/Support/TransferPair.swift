import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import NIOPosix
import Synchronization

/// Two machines: `left` offers, `right` fetches, over a pair of sockets.
struct TransferPair {
    let left: DefaultFileStorage
    let right: DefaultFileStorage
    let leftEvents = EventLog()
    let rightEvents = EventLog()

    init(_ directory: TemporaryDirectory, durability: DefaultFileStorage.Durability = .none) throws {
        left = try DefaultFileStorage(path: directory.path("left"), durability: durability, create: true)
        right = try DefaultFileStorage(path: directory.path("right"), durability: durability, create: true)
    }

    var movePolicy: any SenderPolicy { SenderMoveDataTransferPolicy(left, ledger: CopyLedger(left)) }

    /// One connection: the right side fetches by `receiver` what `sender` offers it.
    func transfer(
        sender: any SenderPolicy, receiver: ReceiverPolicy = ReceiverPolicy(),
        limits: PeerConnection.Limits = PeerConnection.Limits()
    ) async throws -> (left: ConnectionOutcome, right: ConnectionOutcome) {
        let group = MultiThreadedEventLoopGroup.singleton
        let (one, other) = try await PeerStream.pair(on: group)
        let leftAgent = TransferAgent(environment(left, leftEvents))
        let rightAgent = TransferAgent(environment(right, rightEvents))
        let toRight = TransferContext(
            agent: try AgentName("right"), senderPolicy: sender, receiverPolicy: nil, limits: limits)
        let toLeft = TransferContext(
            agent: try AgentName("left"), senderPolicy: nil, receiverPolicy: receiver, limits: limits)
        async let leftOutcome = leftAgent.run(one, as: toRight, via: "test")
        async let rightOutcome = rightAgent.run(other, as: toLeft, via: "test")
        return (await leftOutcome, await rightOutcome)
    }

    private func environment(_ storage: DefaultFileStorage, _ events: EventLog) -> TransferEnvironment {
        TransferEnvironment(
            storage: storage, pool: NIOThreadPool.singleton, observer: events, software: "test")
    }
}

/// Remembers what happened.
final class EventLog: TransferObserver {
    private let list = Mutex<[TransferEvent]>([])

    func transferDid(_ event: TransferEvent) { list.withLock { $0.append(event) } }
    var events: [TransferEvent] { list.withLock { $0 } }

    /// Returns when no connection is open any more: what a dying one was fetching, the next one leaves to it.
    ///
    /// - Throws: `timedOut` after half a minute.
    func waitUntilIdle() async throws {
        for _ in 0..<3000 {
            let open = events.reduce(0) { count, event in
                switch event {
                case .connected: count + 1
                case .disconnected: count - 1
                default: count
                }
            }
            if open == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BackupError(.timedOut, "a connection does not end")
    }
}

extension ElementStorage {
    /// What is stored, by source and UUID: metadata and bytes.
    func contents() throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        try forEachElement(matching: nil) { source, listed throws(BackupError) in
            guard case .element(let element) = listed else { return }
            found["\(source) \(element.metadata.text)"] = try data(element.id)
        }
        return found
    }
}
