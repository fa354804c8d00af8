import BackupModel
import BackupStorage
import BackupSystem
import Synchronization

/// Decides for each offered element whether it is fetched, is here already, or is refused. Trusts nothing of the offer
/// that it can check. ``judge(_:_:size:)`` blocks, and is called by one at a time; those not said to block never wait for the disk.
final class ArrivalJudge: Sendable {
    enum Verdict: Sendable {
        case fetch(local: SourceURL)
        /// The same element is stored here: with these bytes.
        case present(ElementID, sha512: [UInt8], size: Int64)
        /// The same element is stored here, and must not be confirmed: it may be on its way out.
        case presentForNow
        /// Another connection is fetching it, or it was offered twice.
        case underWay
        /// The filter of this side does not want it; nothing to speak of.
        case unwanted
        case refused(BackupError)
    }

    /// Files of elements that did not come whole which an agent may have here. A connection that breaks leaves one.
    static let maximumPartials = 64

    private struct State {
        var usedBytes: Int64 = 0
        var usedElements: Int64 = 0
        /// Elements of this round that are on their way, and the bytes that are set aside for each.
        var expected: [ArrivalKey: Int64] = [:]
        /// Bytes of disk that are still to be used, a source of which something did not fit, and how many did not.
        var room: Int64 = .max
        var fullSource: SourceURL?
        var lackingRoom = 0
        /// The partial files of those that are so large as to have one.
        var partials: Set<PartialKey> = []
        /// Hashes of the elements that did not come, where their followers must not come either. It grows with what is
        /// offered, so an element takes as little as can be.
        var failed: Set<Int> = []

        mutating func forgetPartial(_ local: SourceURL, _ metadata: ElementMetadata, _ size: Int64) {
            guard size > ElementFetch.maximumInMemory else { return }
            partials.remove(PartialNote.key(local, metadata, size: size))
        }
    }

    private let mayRelease: @Sendable (StoredElement) -> Bool
    private let policy: ReceiverPolicy
    private let clock: any WallClock
    private let registry: ArrivalRegistry
    private let storage: any ElementStorage
    private let agent: AgentName
    private let here: PresentElements
    private let state = Mutex(State())

    init(_ environment: TransferEnvironment, _ policy: ReceiverPolicy, of agent: AgentName) {
        storage = environment.storage
        self.agent = agent
        mayRelease = environment.mayRelease
        clock = environment.clock
        registry = environment.arrivals
        here = PresentElements(environment.storage)
        self.policy = policy
        if let room = policy.room { state.withLock { $0.room = room } }
    }

    /// Looks how much room there is, and counts what is there already, where a quota asks for it. Blocking.
    func prepare() throws(BackupError) {
        // Else a large element that does not fit would take the room of all that would.
        if policy.room == nil, let room = try storage.room() { state.withLock { $0.room = room } }
        guard policy.quotaBytes != nil || policy.quotaElements != nil else { return }
        let pattern = try policy.prefix.map { prefix throws(BackupError) in try SourcePattern("\(prefix)/**") }
        let (bytes, elements) = try here.count(pattern)
        state.withLock { state in
            state.usedBytes = bytes
            state.usedElements = elements
        }
    }

    /// Removes of what has come of the agent's elements in part, the oldest first, what its quota has no room for: so
    /// that it never has more here than the quota, be it whole or not. What is on its way is set aside as a whole.
    /// Blocking.
    ///
    /// - Parameter mayResume: `false` where nothing is gone on with, and no size is known before the bytes (version 1):
    ///   then the whole rest of the quota is for what comes.
    func trimPartials(mayResume: Bool = true) throws(BackupError) {
        let (room, partials) = state.withLock { state in
            (policy.quotaBytes.map { mayResume ? max(0, $0 &- state.usedBytes) : 0 }, state.partials)
        }
        _ = try storage.removePartials(
            of: agent.description,
            beyond: PartialAllowance(bytes: room, count: Self.maximumPartials, sparing: partials))
    }

    /// As ``judge(_:_:size:)``, for an element of which it is known in memory that nothing like it is here, as most are that
    /// come one by one: to change to a thread that may block takes longer than to judge.
    ///
    /// - Returns: `nil` where the disk, or a signature, would have to be looked at.
    func judgeAtOnce(_ source: SourceURL, _ metadata: ElementMetadata, size: Int64?) -> Verdict? {
        guard policy.checkSignature == nil, let local = try? policy.localSource(source),
            here.isNew(metadata, in: local)
        else { return nil }
        return judge(source, metadata, size: size)
    }

    /// - Parameter size: `nil` where the peer does not say it before the bytes (version 1).
    func judge(_ source: SourceURL, _ metadata: ElementMetadata, size: Int64?) -> Verdict {
        do throws(BackupError) {
            guard policy.filter.passes(source, metadata, size: size ?? 0, now: clock.now()) else { return .unwanted }
            let local = try policy.localSource(source)
            if let size, let maximum = policy.maximumElementSize, size > maximum {
                throw .elementTooLarge(source, size, maximum)
            }
            try checkTruth(source, metadata)
            try policy.checkSignature?(metadata)
            try here.turn(to: local)
            let key = ArrivalKey(local, metadata)
            // Before the look: what another connection stores meanwhile is seen by it.
            guard registry.claim(key, for: self) else { return .underWay }
            var isFetched = false
            defer { if !isFetched { registry.release(key, of: self) } }
            if let present = try here.find(metadata, size: size) {
                let element = StoredElement(id: present.id, metadata: metadata, size: present.size)
                guard !mayRelease(element) else { return .presentForNow }
                return .present(present.id, sha512: present.sha512, size: present.size)
            }
            if policy.requireChain, let verdict = missingPredecessor(source, local, metadata) { return verdict }
            let hasFile = size.map { $0 > ElementFetch.maximumInMemory } ?? false
            try reserve(
                key, source, size ?? 0, hasFile ? PartialNote.key(local, metadata, size: size ?? 0) : nil)
            isFetched = true
            return .fetch(local: local)
        } catch {
            return .refused(error)
        }
    }

    /// An element that said nothing of itself by which it could be found is here already, with these very bytes.
    /// Blocking.
    func twin(_ metadata: ElementMetadata, _ sha512: [UInt8], size: Int64) throws(BackupError) -> ElementID? {
        try here.twin(metadata, sha512, size: size)
    }

    /// Whether what comes before the element in its chain was expected in this round and did not come.
    func lacksPredecessor(_ local: SourceURL, _ metadata: ElementMetadata) -> Bool {
        guard policy.requireChain, let predecessor = metadata.predecessor else { return false }
        return state.withLock { $0.failed.contains(ArrivalKey(local, uuid: predecessor).hashValue) }
    }

    /// How many elements were refused because the storage has no room for them.
    var lackingRoom: Int { state.withLock { $0.lackingRoom } }

    /// Notes what was stored.
    func stored(_ metadata: ElementMetadata, as id: ElementID, size: Int64) {
        state.withLock { state in
            guard let expected = state.expected.removeValue(forKey: ArrivalKey(id.source, metadata)) else { return }
            state.usedBytes &+= size - expected
            state.forgetPartial(id.source, metadata, expected)
        }
        here.insert(metadata, id)
        registry.stored(metadata, as: id, size: size, by: self)
    }

    /// Another round has stored it.
    func storedElsewhere(_ metadata: ElementMetadata, as id: ElementID, size: Int64) {
        state.withLock { state in
            state.usedBytes &+= size
            state.usedElements += 1
        }
        here.insert(metadata, id)
    }

    /// Gives back what was set aside for an element which did not come.
    func failed(_ local: SourceURL, _ metadata: ElementMetadata) {
        let key = ArrivalKey(local, metadata)
        state.withLock { state in
            guard let size = state.expected.removeValue(forKey: key) else { return }
            state.usedBytes &-= size
            state.usedElements -= 1
            state.forgetPartial(local, metadata, size)
            if policy.requireChain { state.failed.insert(key.hashValue) }
        }
        registry.release(key, of: self)
    }

    /// The most bytes that an element of unknown size may have now.
    var sizeLimit: Int64 {
        let room = state.withLock { state in
            policy.quotaBytes.map { max(0, $0 &- state.usedBytes) } ?? .max
        }
        return min(policy.maximumElementSize ?? .max, policy.filter.maximumSize ?? .max, room)
    }

    private func checkTruth(_ source: SourceURL, _ metadata: ElementMetadata) throws(BackupError) {
        // A day ahead is a clock in the wrong zone; more would win every comparison of times for years.
        guard metadata.timestamp <= clock.now() + TimeSpan(seconds: 86400) else {
            throw .timeAhead(source, metadata.timestamp)
        }
        if let uuid = metadata.uuid, uuid == metadata.predecessor { throw .ownPredecessor(source) }
        // The UUID is made of time, source, checksum and predecessor: none of them can be another's.
        let id = ElementID(source: source, digits: metadata.timestamp.digits, serial: nil, type: metadata.type)
        try StoredElement(id: id, metadata: metadata, size: 0).checkIdentity()
    }

    private func missingPredecessor(
        _ source: SourceURL, _ local: SourceURL, _ metadata: ElementMetadata
    ) -> Verdict? {
        guard let predecessor = metadata.predecessor else { return nil }
        let key = ArrivalKey(local, uuid: predecessor)
        if state.withLock({ $0.expected[key] != nil }) || here.contains(predecessor) { return nil }
        // Another connection brings it; this one waits for the next round.
        return registry.isClaimed(key) ? .underWay : .refused(.predecessorMissing(source, predecessor))
    }

    /// What an element takes of a disk with blocks of 4 KiB: its bytes, its metadata, its names.
    private static func diskUse(_ size: Int64) -> Int64 {
        let (sum, overflow) = size.addingReportingOverflow(12 << 10)
        return overflow ? .max : (sum + 4095) & ~4095
    }

    /// Sums wrap around only where no quota asks for them.
    private func reserve(
        _ key: ArrivalKey, _ source: SourceURL, _ size: Int64, _ partial: PartialKey?
    ) throws(BackupError) {
        try state.withLock { state throws(BackupError) in
            let (bytes, overflow) = state.usedBytes.addingReportingOverflow(size)
            if let quota = policy.quotaBytes, overflow || bytes > quota {
                throw .quotaExceeded(source, "\(quota) bytes")
            }
            if let quota = policy.quotaElements, state.usedElements + 1 > quota {
                throw .quotaExceeded(source, "\(quota) elements")
            }
            let need = Self.diskUse(size)
            // What comes after it in its chain would be of no use without it.
            guard state.fullSource != source, need <= state.room else {
                state.fullSource = source
                state.lackingRoom += 1
                throw .noRoom(source, size)
            }
            state.room -= need
            state.usedBytes = overflow ? .max : bytes
            state.usedElements += 1
            state.expected[key] = size
            if let partial { state.partials.insert(partial) }
        }
    }
}
