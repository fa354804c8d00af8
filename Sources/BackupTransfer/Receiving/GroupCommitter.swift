import BackupModel
import BackupStorage
import BackupSystem

/// An element that has arrived whole, or was here already.
struct Arrival: Sendable {
    /// As the agent calls it.
    let id: String
    let metadata: ElementMetadata
    let size: Int64
    let sha512: [UInt8]
    /// The byte at which an earlier transfer had broken.
    let resumedAt: Int64
    /// What is to be stored; `nil` for an element that is here already.
    let pending: PendingElement?
    /// Under which name it is here already.
    var present: ElementID?
}

/// Stores what arrives in groups, so that many small elements share a sync, and confirms each group when it is durable.
/// While one group is stored the next one collects.
actor GroupCommitter {
    private static let maximumCount = 512
    /// Refusals of a round that are told one by one.
    private static let maximumReports = 1000
    private static let maximumBytes = 4 << 20
    /// Nothing waits longer for company than this.
    private static let maximumAge = 1.0

    private let agent: AgentName
    private let environment: TransferEnvironment
    private let policy: ReceiverPolicy
    private let judge: ArrivalJudge
    private let mirror: MirrorTracker?
    private let confirm: (@Sendable ([ElementConfirmation]) async throws(BackupError) -> Void)?

    private var group: [Arrival] = []
    private var groupBytes = 0
    private var groupBegan = 0.0
    private var storing: Task<Void, Never>?
    /// Confirmations on their way. Whoever adds elements never waits for them: they may have to wait for the answers
    /// that only he reads.
    private var confirming: Task<Void, Never>?
    private var failure: BackupError?
    private(set) var summary = RoundSummary()
    /// Elements that the agent may be told are safe here.
    private var confirmed = 0

    /// - Parameter confirm: tells the agent what is durable here; `nil` where that is said in another way (version 1).
    init(
        _ agent: AgentName, _ environment: TransferEnvironment, _ policy: ReceiverPolicy, _ judge: ArrivalJudge,
        _ mirror: MirrorTracker?, confirm: (@Sendable ([ElementConfirmation]) async throws(BackupError) -> Void)?
    ) {
        self.agent = agent
        self.environment = environment
        self.policy = policy
        self.judge = judge
        self.mirror = mirror
        self.confirm = confirm
    }

    /// Takes an element over; waits when the disk is behind.
    ///
    /// - Throws: what keeps the round from going on, such as a full disk.
    func add(_ arrival: Arrival) async throws(BackupError) {
        if let failure {
            arrival.pending?.giveUp()
            throw failure
        }
        if group.isEmpty { groupBegan = SystemClock.monotonic() }
        group.append(arrival)
        if case .bytes(let bytes) = arrival.pending?.content { groupBytes += bytes.count }
        if group.count >= Self.maximumCount || groupBytes >= Self.maximumBytes { try await flush() }
    }

    /// Stores an element at once and alone: nothing else may be added meanwhile.
    ///
    /// - Returns: whether the agent may be told that it is safe here.
    /// - Throws: what keeps the round from going on, such as a full disk.
    func store(alone arrival: Arrival) async throws(BackupError) -> Bool {
        if let failure {
            arrival.pending?.giveUp()
            throw failure
        }
        let before = confirmed
        do throws(BackupError) { try await store([arrival]) } catch {
            stop(error)
            throw error
        }
        return confirmed > before
    }

    func refuse(_ id: String, _ error: BackupError) {
        summary.refuse(id, error)
        // A million lines would say no more; the summary counts them all.
        guard summary.refused <= Self.maximumReports else { return }
        environment.observer.transferDid(.refused(agent, element: id, error))
    }

    func count(_ body: @Sendable (inout RoundSummary) -> Void) { body(&summary) }

    /// Ends the round for this reason: nothing more is stored.
    func stop(_ error: BackupError) {
        if failure == nil { failure = error }
        for arrival in group { arrival.pending?.giveUp() }
        group = []
        groupBytes = 0
    }

    /// Stores what has waited long enough, until it is cancelled.
    func flushWhatWaits() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(250))
            guard !group.isEmpty, SystemClock.monotonic() - groupBegan > Self.maximumAge else { continue }
            try? await flush()
        }
    }

    /// Stores and confirms everything that has arrived so far.
    func finish() async throws(BackupError) {
        while !group.isEmpty || storing != nil {
            if let storing { await storing.value }
            try await flush()
        }
        await confirming?.value
        if let failure { throw failure }
    }

    /// Begins to store the group, after the one before it.
    private func flush() async throws(BackupError) {
        while let storing { await storing.value }
        if let failure { throw failure }
        guard !group.isEmpty else { return }
        let arrivals = group
        group = []
        groupBytes = 0
        storing = Task {
            do throws(BackupError) { try await store(arrivals) } catch { stop(error) }
            storing = nil
        }
    }

    private func store(_ arrivals: [Arrival]) async throws(BackupError) {
        let storage = environment.storage
        let arrivals = withoutOrphans(arrivals)
        let pending = arrivals.compactMap(\.pending)
        let results = pending.isEmpty ? [] : try await environment.blocking { storage.settle(pending) }
        var confirmations: [ElementConfirmation] = []
        var here: [ElementID] = []
        var next = results.makeIterator()
        var fatal: BackupError?
        for arrival in arrivals {
            if arrival.pending != nil, let result = next.next() {
                switch result {
                case .success(let settled) where settled.wasPresent:
                    // Brought over another connection since it was judged.
                    if let source = arrival.pending?.source { judge.failed(source, arrival.metadata) }
                    judge.storedElsewhere(arrival.metadata, as: settled.id, size: arrival.size)
                    here.append(settled.id)
                    summary.present += 1
                    let element = StoredElement(id: settled.id, metadata: arrival.metadata, size: arrival.size)
                    if environment.mayRelease(element) { continue }
                case .success(let settled):
                    let id = settled.id
                    judge.stored(arrival.metadata, as: id, size: arrival.size)
                    here.append(id)
                    summary.stored += 1
                    summary.bytes += arrival.size
                    environment.observer.transferDid(
                        .received(agent, id, bytes: arrival.size, resumedAt: arrival.resumedAt))
                case .failure(let error):
                    giveUp(arrival, error)
                    // The next elements would meet the same.
                    if [.noSpace, .readOnly, .permission, .inputOutput].contains(error.code) { fatal = error }
                    continue
                }
            } else {
                summary.present += 1
                if let id = arrival.present { here.append(id) }
            }
            confirmed += 1
            guard confirm != nil else { continue }
            do throws(BackupError) { confirmations.append(try await confirmation(of: arrival)) } catch {
                // Stored, but without its receipt the sender would not count it: it is confirmed at the next round.
                refuse(arrival.id, error)
            }
        }
        if let mirror {
            let mirrored = here
            try await environment.blocking { () throws(BackupError) in try mirror.claim(mirrored) }
        }
        send(confirmations)
        if let fatal { throw fatal }
    }

    /// Sends confirmations behind those that are on their way.
    private func send(_ confirmations: [ElementConfirmation]) {
        guard let confirm, !confirmations.isEmpty else { return }
        let before = confirming
        confirming = Task {
            await before?.value
            do throws(BackupError) { try await confirm(confirmations) } catch { stop(error) }
        }
    }

    /// The arrivals without those whose predecessor was to come before them and did not.
    private func withoutOrphans(_ arrivals: [Arrival]) -> [Arrival] {
        arrivals.filter { arrival in
            guard let pending = arrival.pending, let predecessor = arrival.metadata.predecessor,
                judge.lacksPredecessor(pending.source, arrival.metadata)
            else { return true }
            giveUp(arrival, .predecessorMissing(pending.source, predecessor))
            return false
        }
    }

    private func giveUp(_ arrival: Arrival, _ error: BackupError) {
        if let pending = arrival.pending {
            judge.failed(pending.source, arrival.metadata)
            pending.giveUp()
        }
        refuse(arrival.id, error)
    }

    private func confirmation(of arrival: Arrival) async throws(BackupError) -> ElementConfirmation {
        var receipt: Receipt?
        if let receipts = policy.receipts {
            let now = environment.clock.now()
            receipt = try await environment.blocking { () throws(BackupError) in
                try receipts.receipt(arrival.metadata, sha512: arrival.sha512, size: arrival.size, at: now)
            }
        }
        return ElementConfirmation(id: arrival.id, sha512: arrival.sha512, receipt: receipt)
    }
}

extension PendingElement {
    /// Its bytes are not going to be stored now: what can be gone on with the next time is kept.
    func giveUp() {
        if case .partial(let file) = content { file.giveUp() }
    }
}
