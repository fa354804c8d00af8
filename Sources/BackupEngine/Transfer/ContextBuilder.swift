import BackupConfig
import BackupModel
import BackupStorage
import BackupSystem
import BackupTransfer

/// Turns the settings of listeners and peers into what the transfer works with.
struct ContextBuilder {
    let installation: Installation
    let storage: any ElementStorage
    let ledger: CopyLedger
    let records: AgentRecords
    private let protocolVersion: Int

    private var settings: TransferSettings { installation.main.transfer }
    private var signatures: TransferSignatures {
        TransferSignatures(keysDirectory: installation.main.general.keysDirectory)
    }

    init(
        _ installation: Installation, _ storage: any ElementStorage, _ records: AgentRecords, protocolVersion: Int = 2
    ) {
        self.protocolVersion = protocolVersion
        self.installation = installation
        self.storage = storage
        self.records = records
        ledger = CopyLedger(storage, clock: installation.clock)
    }

    func context(_ listener: ListenerSettings) throws(BackupError) -> TransferContext {
        try context(
            listener.agent, listener.sender, listener.receiver, listener.bandwidth,
            TransferTimeoutSettings(idle: settings.limits.idleTimeout, stall: settings.limits.stallTimeout))
    }

    func context(
        _ peer: PeerSettings, sending: Bool = true, receiving: Bool = true
    ) throws(BackupError) -> TransferContext {
        try context(
            peer.agent, sending ? peer.sender : nil, receiving ? peer.receiver : nil, peer.bandwidth, peer.timeouts)
    }

    func context(
        _ agent: String, _ sender: SenderSettings?, _ receiver: ReceiverSettings?, _ bandwidth: [BandwidthWindow],
        _ timeouts: TransferTimeoutSettings
    ) throws(BackupError) -> TransferContext {
        let agent = try AgentName(agent)
        var limits = limits
        limits.idleTimeout = timeouts.idle
        limits.stallTimeout = timeouts.stall
        return TransferContext(
            agent: agent, senderPolicy: sender.map(policy),
            receiverPolicy: try receiver.map { settings throws(BackupError) in try policy(settings) },
            limits: limits, limiter: bandwidth.isEmpty ? nil : RateLimiter(bandwidth.map(Self.window)),
            checkReceipt: try signatures.receiptCheck(sender?.requireReceipts ?? []))
    }

    /// Somebody who is not configured, with the limits of the configuration.
    func adHoc(
        _ agent: AgentName, sender: (any SenderPolicy)? = nil, receiver: ReceiverPolicy? = nil
    ) -> TransferContext {
        var receiver = receiver
        receiver?.limit(settings.limits)
        return TransferContext(agent: agent, senderPolicy: sender, receiverPolicy: receiver, limits: limits)
    }

    /// Tells which elements a sender policy of this machine may delete on the word of an agent, whoever that is.
    static func mayRelease(_ settings: TransferSettings) -> @Sendable (StoredElement) -> Bool {
        let senders = settings.listeners.compactMap(\.sender) + settings.peers.compactMap(\.sender)
        let filters = senders.filter(\.mayRelease).map { sender in
            var filter = filter(sender.filter)
            // What is too old to be offered now may be on its way from before.
            filter.newerThan = nil
            return filter
        }
        return { element in
            filters.contains { $0.passes(element.id.source, element.metadata, size: element.size, now: Timestamp(0)) }
        }
    }

    private var limits: PeerConnection.Limits {
        var limits = PeerConnection.Limits()
        limits.idleTimeout = settings.limits.idleTimeout
        limits.stallTimeout = settings.limits.stallTimeout
        limits.maximumVersion = protocolVersion
        limits.protocolLimits.frameLength = settings.limits.frameLength
        limits.protocolLimits.openRequests = settings.limits.openRequests
        limits.protocolLimits.jsonDepth = settings.limits.jsonDepth
        limits.protocolLimits.elementsPerPage = settings.limits.elementsPerPage
        limits.protocolLimits.pageSize = settings.limits.pageSize
        return limits
    }

    private func policy(_ settings: SenderSettings) -> any SenderPolicy {
        let filter = Self.filter(settings.filter)
        switch settings.policy {
        case .keep: return SenderKeepDataTransferPolicy(filter: filter, prioritise: settings.prioritise)
        case .move(let markAsDone):
            return SenderMoveDataTransferPolicy(
                storage, ledger: ledger, markAsDone: markAsDone, filter: filter, prioritise: settings.prioritise)
        case .copies(let count, let release, let forgetAfter):
            let records = records
            return SenderCopiesDataTransferPolicy(
                storage, ledger: ledger, copies: count, release: release, forgetAfter: forgetAfter, filter: filter,
                prioritise: settings.prioritise, clock: installation.clock
            ) { records.record(of: $0).lastSeen }
        }
    }

    private func policy(_ receiver: ReceiverSettings) throws(BackupError) -> ReceiverPolicy {
        var policy = ReceiverPolicy()
        policy.kind =
            switch receiver.policy {
            case .store: .store
            case .mirror(let deleteAfter): .mirror(deleteAfter: deleteAfter)
            }
        policy.filter = Self.filter(receiver.filter)
        policy.prefix = receiver.prefix
        policy.quotaBytes = receiver.quotaBytes
        policy.quotaElements = receiver.quotaElements
        policy.limit(settings.limits)
        policy.requireChain = receiver.requireChain
        policy.order = receiver.order == .endangeredFirst ? .endangeredFirst : .chain
        policy.checkSignature = try signatures.metadataCheck(receiver.requireSignature)
        policy.receipts = try receiver.signReceipts.map { key throws(BackupError) in
            try signatures.receiptMaker(key, holder: settings.agent, now: installation.clock.now())
        }
        return policy
    }

    private static func filter(_ settings: FilterSettings) -> ElementFilter {
        var filter = ElementFilter()
        filter.sources = settings.sources
        filter.types = Set(settings.types)
        filter.handlingPolicies = Set(settings.handlingPolicies)
        filter.maximumSize = settings.maximumSize
        filter.newerThan = settings.newerThan
        return filter
    }

    private static func window(_ window: BandwidthWindow) -> RateLimiter.Window {
        RateLimiter.Window(
            rate: window.rate, start: window.from.map { $0.minutes * 60 }, end: window.to.map { $0.minutes * 60 })
    }
}

extension ReceiverPolicy {
    /// Takes over what holds for every agent.
    fileprivate mutating func limit(_ limits: TransferLimitSettings) {
        maximumElementSize = limits.elementBytes
        maximumElements = limits.elementsPerRound
    }
}

extension SenderSettings {
    /// Whether it ever deletes what an agent has confirmed.
    fileprivate var mayRelease: Bool {
        switch policy {
        case .move(let markAsDone): !markAsDone
        case .copies(_, let release, _): release
        case .keep: false
        }
    }
}
