import BackupModel
import BackupStorage
import BackupSystem
import NIOCore

/// A transfer in version 1: one element after the other, each confirmed by asking for the next.
final class ElementTransaction {
    /// Bytes of a piece of a stream: what the original sends at once.
    static let frameLength = 64 << 10

    private let policy: any SenderPolicy
    private let context: TransferContext
    private let environment: TransferEnvironment
    private let walk: OfferWalk
    private var waiting: ArraySlice<Offer> = []
    private var current: Offer?
    /// The bytes of the current element, read or held open: version 1 has no word for an element that vanished.
    private var content: ElementContent?
    /// The element behind the current one, opened while the peer stores that; not yet offered.
    private var ahead: (offer: Offer, content: BegunWork<ElementContent?>)?
    /// Whether the peer was told what the current element is: before that it cannot know whether it holds it.
    private var isKnown = false

    init(_ policy: any SenderPolicy, _ context: TransferContext, _ environment: TransferEnvironment) {
        self.policy = policy
        self.context = context
        self.environment = environment
        let (agent, observer) = (context.agent, environment.observer)
        walk = OfferWalk(environment.storage, policy, agent: agent, now: environment.clock.now()) {
            observer.transferDid(.problem(agent, $0, $1))
        }
    }

    func stop() {
        walk.stop()
        takeContent()?.close()
        // Its file is closed with the last one who holds it.
        ahead = nil
    }

    /// The bytes of the current element from their start; `nil` when they were taken already.
    func takeContent() -> ElementContent? {
        defer { content = nil }
        return content
    }

    /// Begins to open the next element, if it is known: the peer, which has all of the current one, needs some time to store
    /// it.
    func openAhead() {
        guard ahead == nil, let next = waiting.popFirst() else { return }
        ahead = (next, open(next.element))
    }

    /// - Parameter isStored: the peer holds the element that was current until now.
    /// - Returns: whether there is one more.
    func advance(isStored: Bool) async throws(BackupError) -> Bool {
        takeContent()?.close()
        if isStored, isKnown, let current { try await confirm(current) }
        isKnown = false
        current = nil
        while true {
            let next: Offer
            let content: ElementContent?
            if let ahead {
                self.ahead = nil
                next = ahead.offer
                content = try await ahead.content.value()
            } else {
                if waiting.isEmpty { waiting = try await walk.next()[...] }
                guard let first = waiting.popFirst() else { return false }
                next = first
                content = try await open(next.element).value()
            }
            guard let content else { continue }
            self.content = content
            current = next
            return true
        }
    }

    /// Begins to open an element; gives `nil` for one that has vanished or cannot be read: the transfer goes on without it.
    private func open(_ element: StoredElement) -> BegunWork<ElementContent?> {
        let (environment, agent, limits) = (environment, context.agent, context.limits.protocolLimits)
        return environment.begin { () -> ElementContent? in
            do throws(BackupError) {
                // An original ends at an element without bytes, and the whole transfer with it.
                guard element.size > 0 else { return nil }
                // Metadata that fit into no frame would end the connection in every round.
                _ = try ElementInfoAnswer(source: element.id.source, metadata: element.metadata).encoded(limits: limits)
                try environment.storage.checkUnchanged(element)
                return try ElementContent(environment.storage, element, offset: 0, frame: Self.frameLength)
            } catch {
                if error.code != .notFound { environment.observer.transferDid(.problem(agent, element.id, error)) }
                return nil
            }
        }
    }

    func currentElement() throws(BackupError) -> StoredElement {
        guard let current else { throw .noCurrentElement() }
        return current.element
    }

    func info() throws(BackupError) -> ByteBuffer {
        guard let element = current?.element else { return ElementInfoAnswer.none }
        isKnown = true
        return try ElementInfoAnswer(source: element.id.source, metadata: element.metadata)
            .encoded(limits: context.limits.protocolLimits)
    }

    private func confirm(_ offer: Offer) async throws(BackupError) {
        let id = offer.element.id
        guard context.checkReceipt == nil else {
            // Version 1 has no receipts: nothing is released on its word.
            environment.observer.transferDid(.confirmationRefused(context.agent, id, .receiptMissing(id)))
            return
        }
        let (policy, agent, storage) = (policy, context.agent, environment.storage)
        let confirmed = ConfirmedElement(offer.element, receipt: nil)
        let outcomes = try await environment.blocking { () -> [ConfirmationOutcome] in
            do throws(BackupError) { try storage.checkUnchanged(confirmed.element) } catch { return [.refused(error)] }
            return policy.applyPolicy([confirmed], by: agent)
        }
        for outcome in outcomes { _ = context.report(outcome, id, environment) }
    }
}
