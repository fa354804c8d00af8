import BackupModel
package import BackupStorage
package import BackupSystem
package import NIOPosix

/// Everything that is decided about a remote agent before its first byte: who it is, what it may fetch, what it may bring.
package struct TransferContext: Sendable {
    package let agent: AgentName
    /// What is offered to it; `nil`: it can fetch nothing.
    package let senderPolicy: (any SenderPolicy)?
    /// What is taken from it; `nil`: nothing.
    package let receiverPolicy: ReceiverPolicy?
    package let limits: PeerConnection.Limits
    /// Shared by all connections of the agent.
    package let limiter: RateLimiter?
    /// Checks a receipt of the agent; `nil`: receipts are not demanded.
    package let checkReceipt: ReceiptCheck?

    package init(
        agent: AgentName, senderPolicy: (any SenderPolicy)?, receiverPolicy: ReceiverPolicy?,
        limits: PeerConnection.Limits = PeerConnection.Limits(), limiter: RateLimiter? = nil,
        checkReceipt: ReceiptCheck? = nil
    ) {
        self.agent = agent
        self.senderPolicy = senderPolicy
        self.receiverPolicy = receiverPolicy
        self.limits = limits
        self.limiter = limiter
        self.checkReceipt = checkReceipt
    }
}

/// What all connections of this process share.
package struct TransferEnvironment: Sendable {
    package let storage: any ElementStorage
    /// Blocking work runs here.
    package let pool: NIOThreadPool
    package let clock: any WallClock
    package let observer: any TransferObserver
    /// How this machine calls itself to peers that ask; `nil`: it does not say.
    package let ownName: AgentName?
    /// The version of this program, told to peers.
    package let software: String
    /// Makes sure that no other process fetches from the agent meanwhile; `nil`: nobody else can. Throws `busy`.
    package let claimReception: ReceptionClaim?
    /// Whether a sender policy of this machine may delete an element when some agent confirms it. To such an element nobody
    /// may be told "it is here already": two machines that both hold it and both give it away would each delete theirs on
    /// the word of the other. Only a copy that was made for the one who offers counts then.
    package let mayRelease: @Sendable (StoredElement) -> Bool
    /// Shared by all copies of this environment: connections over one storage belong in one of them.
    let arrivals = ArrivalRegistry()

    package init(
        storage: any ElementStorage, pool: NIOThreadPool, clock: any WallClock = SystemClock(),
        observer: any TransferObserver = SilentTransferObserver(), ownName: AgentName? = nil, software: String,
        claimReception: ReceptionClaim? = nil,
        mayRelease: @escaping @Sendable (StoredElement) -> Bool = { _ in false }
    ) {
        self.claimReception = claimReception
        self.storage = storage
        self.pool = pool
        self.clock = clock
        self.observer = observer
        self.ownName = ownName
        self.software = software
        self.mayRelease = mayRelease
    }

    /// Runs blocking work on the pool.
    func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BackupError) -> Value
    ) async throws(BackupError) -> Value {
        // No cancellation reaches it: what was begun must be brought to an end, such as keeping what has come of an element.
        try await begin(body).value()
    }

    /// Begins blocking work on the pool.
    func begin<Value: Sendable>(_ body: @escaping @Sendable () throws(BackupError) -> Value) -> BegunWork<Value> {
        let work = BegunWork<Value>()
        submit {
            do throws(BackupError) { work.finish(.success(try body())) } catch { work.finish(.failure(error)) }
        } orStopped: {
            work.finish(.failure($0))
        }
        return work
    }

    /// Has blocking work done on the pool, or the other when that takes no more.
    func submit(_ body: @escaping @Sendable () -> Void, orStopped: @escaping @Sendable (BackupError) -> Void) {
        pool.submit { state in
            if state == .active { body() } else { orStopped(.poolStopped()) }
        }
    }
}
