import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import NIOPosix

/// A machine that transfers: a storage, a clock that the test moves, and a memory of what happened.
struct Machine {
    let name: AgentName
    let files: DefaultFileStorage
    /// What transfers use: `files`, or something in front of them that fails.
    let storage: any ElementStorage
    let clock: TestClock
    let events: EventLog
    let environment: TransferEnvironment
    let agent: TransferAgent
    let ledger: CopyLedger

    /// - Parameters:
    ///   - pool: one of its own for a machine whose storage waits for something.
    ///   - wrap: puts something in front of the files.
    init(
        _ name: String, in directory: TemporaryDirectory, clock: TestClock = TestClock(), events: EventLog = EventLog(),
        pool: NIOThreadPool = .singleton, wrap: (DefaultFileStorage) -> any ElementStorage = { $0 }
    ) throws {
        try self.init(
            AgentName(name),
            DefaultFileStorage(path: directory.path(name), durability: .none, create: true), clock, events, pool, wrap)
    }

    private init(
        _ name: AgentName, _ files: DefaultFileStorage, _ clock: TestClock, _ events: EventLog,
        _ pool: NIOThreadPool, _ wrap: (DefaultFileStorage) -> any ElementStorage
    ) {
        self.name = name
        self.files = files
        self.clock = clock
        self.events = events
        storage = wrap(files)
        environment = TransferEnvironment(
            storage: storage, pool: pool, clock: clock, observer: events, software: "test")
        agent = TransferAgent(environment)
        ledger = CopyLedger(storage, clock: clock)
    }

    /// The same machine after a restart: other objects over the same files.
    func restarted(wrap: (DefaultFileStorage) -> any ElementStorage = { $0 }) throws -> Machine {
        Machine(
            name, try DefaultFileStorage(path: files.root.path, durability: .none), clock, EventLog(), .singleton, wrap)
    }

    func move(
        markAsDone: Bool = false, filter: ElementFilter = ElementFilter(), prioritise: [String] = []
    ) -> any SenderPolicy {
        SenderMoveDataTransferPolicy(
            storage, ledger: ledger, markAsDone: markAsDone, filter: filter, prioritise: prioritise)
    }

    func copies(
        _ count: Int, release: Bool = false, forgetAfter: TimeSpan? = nil,
        lastSeen: @escaping @Sendable (AgentName) -> Timestamp? = { _ in nil }
    ) -> any SenderPolicy {
        SenderCopiesDataTransferPolicy(
            storage, ledger: ledger, copies: count, release: release, forgetAfter: forgetAfter, clock: clock,
            lastSeen: lastSeen)
    }

    func setCopies(_ text: String, of element: StoredElement) throws {
        try files.setAttribute(CopyRecord.attributeName(), of: element.id, to: Array(text.utf8))
    }

    /// Who has confirmed an element.
    func holders(of element: StoredElement) throws -> [String] {
        try CopyRecord(of: element.id, in: files).copies.keys.map(\.description).sorted()
    }

    /// Stores `count` elements of one chain, oldest first, a second apart.
    @discardableResult
    func chain(
        _ source: String, _ count: Int, from first: Int64 = 1_795_220_058, size: Int = 100, seed: UInt64 = 1
    ) throws -> [StoredElement] {
        var random = SeededGenerator(seed: seed)
        var elements: [StoredElement] = []
        for index in 0..<count {
            elements.append(
                try files.store(
                    SourceURL(source), index == 0 ? .full : .inc, at: Timestamp(first + Int64(index)),
                    data: random.bytes(size), after: elements.last))
        }
        return elements
    }

    /// How many elements there are, doubles included.
    func count() throws -> Int {
        var count = 0
        try files.forEachElement(matching: nil) { _, _ in count += 1 }
        return count
    }
}

/// What one machine lets another one fetch.
struct Meeting {
    var limits = PeerConnection.Limits()
    var limiter: RateLimiter?
    var checkReceipt: ReceiptCheck?
    /// `nil`: two ends of one socket.
    var relay: Relay?

    /// One connection: `right` fetches by `receiver` what `left` offers by `sender`.
    func run(
        _ left: Machine, _ sender: (any SenderPolicy)?, _ right: Machine, _ receiver: ReceiverPolicy? = ReceiverPolicy()
    ) async throws -> (left: ConnectionOutcome, right: ConnectionOutcome) {
        let toRight = TransferContext(
            agent: right.name, senderPolicy: sender, receiverPolicy: nil, limits: limits, checkReceipt: checkReceipt)
        let toLeft = TransferContext(
            agent: left.name, senderPolicy: nil, receiverPolicy: receiver, limits: limits, limiter: limiter)
        let (one, other) = try await streams()
        async let pumps: Void? = relay?.run()
        async let leftOutcome = left.agent.run(one, as: toRight, via: "test")
        async let rightOutcome = right.agent.run(other, as: toLeft, via: "test")
        let outcomes = (await leftOutcome, await rightOutcome)
        _ = try await pumps
        return outcomes
    }

    private func streams() async throws -> (PeerStream, PeerStream) {
        let group = MultiThreadedEventLoopGroup.singleton
        guard let relay else { return try await PeerStream.pair(on: group) }
        return (
            try await PeerStream.adopt(relay.leftEnd, on: group), try await PeerStream.adopt(relay.rightEnd, on: group)
        )
    }
}

extension EventLog {
    /// What was stored, as `<source> <byte at which it went on>`, in order.
    var received: [(id: ElementID, resumedAt: Int64)] {
        events.compactMap { if case .received(_, let id, _, let byte) = $0 { (id, byte) } else { nil } }
    }

    var refused: [BackupError] { events.compactMap { if case .refused(_, _, let error) = $0 { error } else { nil } } }

    var confirmationsRefused: [BackupError] {
        events.compactMap { if case .confirmationRefused(_, _, let error) = $0 { error } else { nil } }
    }

    var problems: [(id: ElementID, error: BackupError)] {
        events.compactMap { if case .problem(_, let id, let error) = $0 { (id, error) } else { nil } }
    }

    var released: [ElementID] {
        events.compactMap { if case .confirmed(_, let id, true) = $0 { id } else { nil } }
    }

    /// What has gone to the attic, and what from there for good.
    var retired: [(id: ElementID, isDeleted: Bool)] {
        events.compactMap { if case .retired(_, let id, let isDeleted) = $0 { (id, isDeleted) } else { nil } }
    }
}
