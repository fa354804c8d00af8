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
    /// What the peer is told of the current element.
    private var answer: ByteBuffer?
    /// The bytes of the current element, read or held open: version 1 has no word for an element that vanished.
    private var content: ElementContent?
    /// The element behind the current one, opened while the peer stores that; not yet offered.
    private var ahead: (offer: Offer, opened: BegunWork<Opened?>)?
    /// What the policy does with the element that was confirmed last, while the next one is on its way.
    private var confirming: BegunWork<Void>?
    /// Whether the peer was told what the current element is: before that it cannot know whether it holds it.
    private var isKnown = false

    private struct Opened: Sendable {
        let answer: ByteBuffer
        let content: ElementContent
    }

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
        try await waitForConfirmation()
        if isStored, isKnown, let current { confirm(current) }
        isKnown = false
        current = nil
        while true {
            let next: Offer
            let opened: Opened?
            if let ahead {
                self.ahead = nil
                next = ahead.offer
                opened = try await ahead.opened.value()
            } else {
                if waiting.isEmpty { waiting = try await walk.next()[...] }
                guard let first = waiting.popFirst() else {
                    // Who is told that this is all finds everything done.
                    try await waitForConfirmation()
                    return false
                }
                next = first
                opened = try await open(next.element).value()
            }
            guard let opened else { continue }
            content = opened.content
            answer = opened.answer
            current = next
            return true
        }
    }

    /// Begins to open an element; gives `nil` for one that has vanished or cannot be read: the transfer goes on without it.
    private func open(_ element: StoredElement) -> BegunWork<Opened?> {
        let (environment, agent, limits) = (environment, context.agent, context.limits.protocolLimits)
        return environment.begin { () -> Opened? in
            do throws(BackupError) {
                // An original ends at an element without bytes, and the whole transfer with it.
                guard element.size > 0 else { return nil }
                // Metadata that fit into no frame would end the connection in every round.
                let answer = try ElementInfoAnswer(source: element.id.source, metadata: element.metadata)
                    .encoded(limits: limits)
                try environment.storage.checkUnchanged(element)
                return Opened(
                    answer: answer,
                    content: try ElementContent(environment.storage, element, offset: 0, frame: Self.frameLength))
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

    /// The answer to `getDataElementInfo`.
    func info() -> ByteBuffer {
        guard current != nil, let answer else { return ElementInfoAnswer.none }
        isKnown = true
        return answer
    }

    /// Begins to act on the word of the peer that it holds the element. There is no answer to that in version 1, so the peer
    /// need not wait.
    private func confirm(_ offer: Offer) {
        let id = offer.element.id
        guard context.checkReceipt == nil else {
            // Version 1 has no receipts: nothing is released on its word.
            environment.observer.transferDid(.confirmationRefused(context.agent, id, .receiptMissing(id)))
            return
        }
        let (policy, context, environment) = (policy, context, environment)
        guard policy.actsOnConfirmations else {
            _ = context.report(.kept, id, environment)
            return
        }
        let confirmed = ConfirmedElement(offer.element, receipt: nil)
        confirming = environment.begin {
            let outcomes: [ConfirmationOutcome]
            do throws(BackupError) {
                try environment.storage.checkUnchanged(confirmed.element)
                outcomes = policy.applyPolicy([confirmed], by: context.agent)
            } catch {
                outcomes = [.refused(error)]
            }
            for outcome in outcomes { _ = context.report(outcome, id, environment) }
        }
    }

    private func waitForConfirmation() async throws(BackupError) {
        guard let confirming else { return }
        self.confirming = nil
        try await confirming.value()
    }
}
