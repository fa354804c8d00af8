package import BackupModel
import BackupStorage
import BackupSystem
package import NIOPosix
import Synchronization

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
        let offers = context.senderPolicy.map { CarriedOffers($0, in: environment.storage) }
        let giving = TransferContext(
            agent: context.agent, senderPolicy: offers, receiverPolicy: nil, limits: context.limits,
            limiter: context.limiter)
        let source: AgentName
        if let name = environment.ownName { source = name } else { source = try AgentName("source") }
        var policy = ReceiverPolicy()
        policy.room = try await BlockingThread.run("gb carrier") { () throws(BackupError) in try carrier.room() }
        let taking = TransferContext(
            agent: source, senderPolicy: nil, receiverPolicy: policy, limits: context.limits)
        let events = CarriedEvents(environment.observer, countsBytes: false, tellsFull: false)
        var outcome = try await connect(
            TransferAgent(with(environment.storage, CarriedEvents(environment.observer))), as: giving,
            TransferAgent(with(carrier.storage, events)), as: taking
        ).1
        if outcome.failure == nil, events.isFull { outcome.failure = .carrierFull(carrier.path) }
        if outcome.failure?.code == .noSpace {
            // Half an element is of no use to whoever pulls, and would leave no room to clean up in when it comes back.
            try await BlockingThread.run("gb carrier") { () throws(BackupError) in try carrier.dropPartials() }
        }
        return outcome
    }

    /// Stores what the carrier has and the receiver policy of `context` wants, and leaves receipts for it on the carrier.
    /// What keeps the receipts from being left, or from being counted, is told to the observer: the elements are here.
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
        let offers = CarrierOffers(carrier)
        let giving = TransferContext(
            agent: ownName, senderPolicy: offers, receiverPolicy: nil, limits: context.limits)
        let outcome = try await connect(
            TransferAgent(environment), as: taking,
            TransferAgent(with(carrier.storage, CarriedEvents(environment.observer, countsBytes: false))), as: giving
        ).0
        var trouble = offers.failure
        if trouble == nil, outcome.failure == nil {
            do throws(BackupError) {
                try await BlockingThread.run("gb receipts") { () throws(BackupError) in
                    try carrier.tidyReceipts(of: ownName)
                }
            } catch {
                trouble = error
            }
        }
        if let trouble { tell(context.agent, .receiptsNotLeft(carrier.path, trouble)) }
        let destinations = carrier.destinations
        if !destinations.isEmpty, !destinations.contains(ownName) {
            tell(context.agent, .carrierForOthers(carrier.path, destinations, ownName))
        }
        return outcome
    }

    private func tell(_ agent: AgentName, _ error: BackupError) {
        environment.observer.transferDid(.refused(agent, element: "receipts", error))
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
        case .noSpace, .readOnly, .permission, .resources: 0
        case .inputOutput where error.cause != nil, .interrupted: 2
        default: 1
        }
    }

    private func with(_ storage: any ElementStorage, _ observer: any TransferObserver) -> TransferEnvironment {
        TransferEnvironment(
            storage: storage, pool: environment.pool, clock: environment.clock, observer: observer,
            ownName: environment.ownName, software: environment.software)
    }
}

/// What of the carrier's side belongs into journal and display: that something is wrong, and how much has moved.
private final class CarriedEvents: TransferObserver {
    private let next: any TransferObserver
    private let countsBytes: Bool
    private let tellsFull: Bool
    private let foundFull = Atomic<Bool>(false)

    /// - Parameter tellsFull: tell of each element for which there is no room.
    init(_ next: any TransferObserver, countsBytes: Bool = true, tellsFull: Bool = true) {
        self.next = next
        self.countsBytes = countsBytes
        self.tellsFull = tellsFull
    }

    /// Whether there was no room for something.
    var isFull: Bool { foundFull.load(ordering: .relaxed) }

    func transferDid(_ event: TransferEvent) {
        switch event {
        case .refused(_, _, let error) where error.code == .noSpace && !tellsFull:
            foundFull.store(true, ordering: .relaxed)
        case .problem, .refused: next.transferDid(event)
        case .progress where countsBytes: next.transferDid(event)
        default: break
        }
    }
}
