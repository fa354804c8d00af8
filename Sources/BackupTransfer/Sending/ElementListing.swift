import BackupModel
import BackupStorage
import BackupSystem
import NIOCore

/// Pages of what is offered, in version 2. A walk goes on from page to page; a cursor that is not where the walk stands
/// begins a new one and looks for its place.
final class ElementListing {
    private let policy: any SenderPolicy
    private let context: TransferContext
    private let environment: TransferEnvironment
    private var walk: OfferWalk?
    /// The ID behind which the walk stands.
    private var position: String?
    /// What the walk has given and no page has taken yet.
    private var waiting: ArraySlice<Offer> = []
    /// Elements of the last four pages: whoever reads them was offered them.
    private var recentPages: [[String: StoredElement]] = []

    init(_ policy: any SenderPolicy, _ context: TransferContext, _ environment: TransferEnvironment) {
        self.policy = policy
        self.context = context
        self.environment = environment
    }

    func recent(_ id: String) -> StoredElement? {
        for page in recentPages { if let element = page[id] { return element } }
        return nil
    }

    func page(after cursor: String?, limit: Int) async throws(BackupError) -> ByteBuffer {
        if walk == nil || cursor != position { try await restart(after: cursor) }
        var page = ElementPage.Builder(limit: limit, limits: context.limits.protocolLimits)
        var elements: [String: StoredElement] = [:]
        var last: String?
        while let offer = try await peek() {
            let id = offer.element.id.description
            let entry = OfferedElement(
                id: id, source: offer.element.id.source, metadata: offer.element.metadata, size: offer.element.size,
                attributes: offer.attributes)
            guard page.add(entry) else { break }
            waiting.removeFirst()
            elements[id] = offer.element
            last = id
        }
        for (id, error) in page.passedOver {
            if let id = elements[id]?.id { environment.observer.transferDid(.problem(context.agent, id, error)) }
        }
        recentPages = [elements] + recentPages.prefix(3)
        position = last ?? cursor
        let isAtEnd = try await peek() == nil
        if isAtEnd { stop() }
        return page.encoded(next: isAtEnd ? nil : position)
    }

    func stop() {
        walk?.stop()
        walk = nil
        waiting = []
    }

    private func peek() async throws(BackupError) -> Offer? {
        if waiting.isEmpty, let walk { waiting = try await walk.next()[...] }
        return waiting.first
    }

    private func restart(after cursor: String?) async throws(BackupError) {
        stop()
        let (agent, observer) = (context.agent, environment.observer)
        walk = OfferWalk(environment.storage, policy, agent: agent, now: environment.clock.now()) {
            observer.transferDid(.problem(agent, $0, $1))
        }
        position = cursor
        guard let cursor else { return }
        while let offer = try await peek() {
            waiting.removeFirst()
            if offer.element.id.description == cursor { return }
        }
        stop()
        throw .cursorUnknown(cursor)
    }
}
