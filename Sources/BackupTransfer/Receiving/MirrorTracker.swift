import BackupModel
import BackupStorage
import BackupSystem
import Synchronization

/// Finds what an agent no longer offers, and moves it to the ``Attic``. What has been there long enough is deleted.
///
/// With a prefix everything below it is the agent's. Without one the storage may hold the elements of others too: then
/// each element that came from the agent has an attribute with its name.
final class MirrorTracker: Sendable {
    private struct State {
        /// What the agent offers: a hash of local source and UUID, or metadata where there is no UUID. It grows with the
        /// listing, so an element takes as little as can be.
        var announced: Set<Int> = []
        /// Whether something was offered that could not be understood.
        var isIncomplete = false
    }

    private let state = Mutex(State())
    private let storage: any ElementStorage
    private let policy: ReceiverPolicy
    private let clock: any WallClock
    private let agent: AgentName
    private let observer: any TransferObserver
    private let deleteAfter: TimeSpan
    private let hidesConfirmed: Bool

    /// `nil` when the policy does not mirror.
    ///
    /// - Parameter hidesConfirmed: whether the agent may offer no more what was confirmed: then nothing is retired, or a
    ///   copy would be deleted because there is one.
    init?(
        _ context: TransferContext, _ policy: ReceiverPolicy, _ environment: TransferEnvironment, hidesConfirmed: Bool
    ) {
        guard case .mirror(let deleteAfter) = policy.kind else { return nil }
        self.deleteAfter = deleteAfter
        self.policy = policy
        self.hidesConfirmed = hidesConfirmed
        storage = environment.storage
        clock = environment.clock
        agent = context.agent
        observer = environment.observer
    }

    func announce(_ local: SourceURL, _ metadata: ElementMetadata) {
        let mark = Self.mark(local, metadata)
        _ = state.withLock { $0.announced.insert(mark) }
    }

    /// Something was offered and nobody knows what: nothing is retired in this round.
    func listingIsIncomplete() { state.withLock { $0.isIncomplete = true } }

    /// Notes that these elements, stored here, are the agent's. Blocking.
    func claim(_ ids: [ElementID]) throws(BackupError) {
        guard policy.prefix == nil else { return }
        var others: [ElementID] = []
        for id in ids where try !isClaimed(id) { others.append(id) }
        let name = try Self.attributeName()
        for result in storage.setAttribute(name, to: others.map { ($0, Array(agent.description.utf8)) }) {
            do throws(BackupError) { try result.get() } catch {
                // Deleted meanwhile, or somebody is at work on it: the next round claims it.
                guard error.code == .notFound || error.code == .busy else { throw error }
            }
        }
    }

    /// The agent has offered everything it has. Blocking.
    func retireOthers() throws(BackupError) {
        guard !hidesConfirmed else {
            return observer.transferDid(.refused(agent, element: "what is gone", .mirrorOfMover(agent)))
        }
        let now = clock.now()
        if !state.withLock({ $0.isIncomplete }) { try retireVanished(now) }
        try emptyAttic(now)
    }

    private func retireVanished(_ now: Timestamp) throws(BackupError) {
        let announced = state.withLock { $0.announced }
        let pattern = try policy.prefix.map { prefix throws(BackupError) in try SourcePattern("\(prefix)/**") }
        var vanished: [StoredElement] = []
        try storage.forEachElement(matching: pattern) { source, listed throws(BackupError) in
            guard case .element(let element) = listed, !Attic.contains(source),
                !announced.contains(Self.mark(source, element.metadata)),
                let remote = try remoteSource(source),
                policy.filter.passes(remote, element.metadata, size: element.size, now: now),
                try isClaimed(element.id)
            else { return }
            vanished.append(element)
        }
        var there = AtticContents()
        for element in vanished { try moveToAttic(element, &there) }
    }

    /// Whether the element came from the agent.
    private func isClaimed(_ id: ElementID) throws(BackupError) -> Bool {
        guard policy.prefix == nil else { return true }
        do throws(BackupError) {
            return try storage.attribute(try Self.attributeName(), of: id) == Array(agent.description.utf8)
        } catch {
            if error.code == .notFound { return false }
            throw error
        }
    }

    /// What the agent calls a source of ours; `nil` for one that cannot be its.
    private func remoteSource(_ local: SourceURL) throws(BackupError) -> SourceURL? {
        guard let prefix = policy.prefix else { return local }
        guard local.description.hasPrefix(prefix.description + "/") else { return nil }
        return try SourceURL(String(local.description.dropFirst(prefix.description.count)))
    }

    private func moveToAttic(_ element: StoredElement, _ there: inout AtticContents) throws(BackupError) {
        let attic = try Attic.place(of: element.id.source)
        // After a crash it may be there already.
        var place = try there.find(element, in: attic, storage)
        if place == nil {
            let sink = try storage.beginElement(source: attic)
            defer { sink.discard() }
            let data = try storage.openData(element.id)
            try data.copyRest(to: sink.descriptor)
            // The time of the new files is when it came to the attic.
            place = try sink.commit(element.metadata, size: element.size)
        }
        if let place { try claim([place]) }
        try storage.delete(element.id)
        observer.transferDid(.retired(agent, element.id, isDeleted: false))
    }

    /// What is in the attic of one source.
    private struct AtticContents {
        private var source: SourceURL?
        private var ids: [Int: ElementID] = [:]

        mutating func find(
            _ element: StoredElement, in attic: SourceURL, _ storage: any ElementStorage
        ) throws(BackupError) -> ElementID? {
            if source != attic {
                var found: [Int: ElementID] = [:]
                try storage.forEachElement(of: attic) { listed throws(BackupError) in
                    if case .element(let other) = listed { found[mark(attic, other.metadata)] = other.id }
                }
                (source, ids) = (attic, found)
            }
            guard let id = ids[mark(attic, element.metadata)] else { return nil }
            let other = try storage.element(id)
            return other.metadata == element.metadata && other.size == element.size ? id : nil
        }
    }

    private func emptyAttic(_ now: Timestamp) throws(BackupError) {
        var old: [ElementID] = []
        try storage.forEachElement(
            matching: try Attic.pattern(below: policy.prefix)
        ) { _, listed throws(BackupError) in
            guard case .element(let element) = listed,
                let arrival = try storage.arrivalTime(of: element.id), arrival <= now - deleteAfter,
                try isClaimed(element.id)
            else { return }
            old.append(element.id)
        }
        for (id, result) in zip(old, storage.delete(old)) {
            if case .success = result { observer.transferDid(.retired(agent, id, isDeleted: true)) }
        }
    }

    private static func attributeName() throws(BackupError) -> AttributeName { try AttributeName("mirror") }

    private static func mark(_ local: SourceURL, _ metadata: ElementMetadata) -> Int {
        var hasher = Hasher()
        hasher.combine(local)
        if let uuid = metadata.uuid { hasher.combine(uuid) } else { hasher.combine(metadata.text) }
        return hasher.finalize()
    }
}
