package import BackupModel
import BackupStorage
import BackupSystem
package import NIOPosix

/// Fills a carrier, and empties one: the same protocol as between machines, with both ends in this process.
package struct CarrierTransfer: Sendable {
    private let environment: TransferEnvironment
    private let eventLoops: MultiThreadedEventLoopGroup

    package init(_ environment: TransferEnvironment, on eventLoops: MultiThreadedEventLoopGroup) {
        self.environment = environment
        self.eventLoops = eventLoops
    }

    /// Copies onto the carrier what the sender policy of `context` offers to its agent. That the carrier has it confirms
    /// nothing.
    ///
    /// - Returns: what was copied.
    package func push(
        _ context: TransferContext, to carrier: Carrier
    ) async throws(BackupError) -> ConnectionOutcome {
        let offers = context.senderPolicy.map { CarriedOffers($0) }
        let giving = TransferContext(
            agent: context.agent, senderPolicy: offers, receiverPolicy: nil, limits: context.limits,
            limiter: context.limiter)
        let source: AgentName
        if let name = environment.ownName { source = name } else { source = try AgentName("source") }
        let taking = TransferContext(
            agent: source, senderPolicy: nil, receiverPolicy: .all(prefix: nil),
            limits: context.limits)
        return try await connect(
            TransferAgent(with(environment.storage, CarriedEvents(environment.observer))), as: giving,
            TransferAgent(with(carrier.storage, CarriedEvents(environment.observer, countsBytes: false))), as: taking
        ).1
    }

    /// Stores what the carrier has and the receiver policy of `context` wants, and leaves receipts for it on the carrier.
    ///
    /// - Parameter ownName: how the sender calls this machine.
    package func pull(
        _ context: TransferContext, from carrier: Carrier, as ownName: AgentName
    ) async throws(BackupError) -> ConnectionOutcome {
        var policy = context.receiverPolicy ?? ReceiverPolicy()
        // A sender that demands no signature is content with the word.
        policy.receipts = policy.receipts ?? ReceiptMaker(holder: ownName.description, sign: nil)
        let taking = TransferContext(
            agent: context.agent, senderPolicy: nil, receiverPolicy: policy, limits: context.limits,
            limiter: context.limiter)
        let giving = TransferContext(
            agent: ownName, senderPolicy: CarrierOffers(carrier), receiverPolicy: nil, limits: context.limits)
        return try await connect(
            TransferAgent(environment), as: taking,
            TransferAgent(with(carrier.storage, CarriedEvents(environment.observer, countsBytes: false))), as: giving
        ).0
    }

    private func connect(
        _ left: TransferAgent, as leftContext: TransferContext, _ right: TransferAgent,
        as rightContext: TransferContext
    ) async throws(BackupError) -> (ConnectionOutcome, ConnectionOutcome) {
        let (one, other) = try await PeerStream.pair(on: eventLoops)
        async let leftOutcome = left.run(one, as: leftContext, via: "a carrier")
        async let rightOutcome = right.run(other, as: rightContext, via: "a carrier")
        var (first, second) = (await leftOutcome, await rightOutcome)
        // One end tells what happened, the other only that the connection broke.
        let failure = [first.failure, second.failure].compactMap(\.self).min { Self.rank($0) < Self.rank($1) }
        first.failure = failure
        second.failure = failure
        return (first, second)
    }

    /// How little an error says about what happened.
    private static func rank(_ error: BackupError) -> Int {
        switch error.code {
        case .inputOutput where error.cause != nil, .interrupted: 1
        default: 0
        }
    }

    private func with(_ storage: any ElementStorage, _ observer: any TransferObserver) -> TransferEnvironment {
        TransferEnvironment(
            storage: storage, pool: environment.pool, clock: environment.clock, observer: observer,
            ownName: environment.ownName, software: environment.software)
    }
}

/// What of the carrier's side belongs into journal and display: that something is wrong, and how much has moved.
private struct CarriedEvents: TransferObserver {
    private let next: any TransferObserver
    private let countsBytes: Bool

    init(_ next: any TransferObserver, countsBytes: Bool = true) {
        self.next = next
        self.countsBytes = countsBytes
    }

    func transferDid(_ event: TransferEvent) {
        switch event {
        case .problem, .refused: next.transferDid(event)
        case .progress where countsBytes: next.transferDid(event)
        default: break
        }
    }
}
