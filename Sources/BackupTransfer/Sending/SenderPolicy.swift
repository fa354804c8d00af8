package import BackupModel
package import BackupStorage

/// An element that an agent says it holds durably.
package struct ConfirmedElement: Sendable {
    package let element: StoredElement
    /// Checked already, if the policy demands one.
    package let receipt: Receipt?

    package init(_ element: StoredElement, receipt: Receipt?) {
        self.element = element
        self.receipt = receipt
    }
}

/// What a policy did with a confirmed element.
package enum ConfirmationOutcome: Sendable {
    /// The local copy is gone.
    case released
    /// The local copy stays, and that the agent holds one is remembered where the policy needs it.
    case kept
    /// The confirmation did not count.
    case refused(BackupError)
}

/// What is offered to a remote agent, and what happens when it confirms that it holds a copy.
///
/// All calls block until the disk has done its part, and may come from any thread.
package protocol SenderPolicy: Sendable {
    /// As the configuration calls it.
    var name: String { get }
    var filter: ElementFilter { get }
    /// Handling policies and attribute names whose elements go first, in this order.
    var prioritise: [String] { get }

    /// Whether an agent that has confirmed an element may see it offered no more: then that means nothing to a mirror.
    var hidesConfirmed: Bool { get }

    /// Whether a confirmation has any effect here. Of one that has none it need not be known what it speaks of.
    var actsOnConfirmations: Bool { get }

    /// Whether the element is to be offered to `agent` now. The filter has let it pass.
    func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool

    /// Facts that travel with the offer, for example how many copies are known; `nil` for none.
    func attributes(of element: StoredElement) throws(BackupError) -> JSONObject?

    /// Acts on confirmations; what must be remembered is durable on return. Outcomes in the order of `confirmed`.
    func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome]
}

extension SenderPolicy {
    package var actsOnConfirmations: Bool { true }

    package func attributes(of element: StoredElement) throws(BackupError) -> JSONObject? { nil }
}

/// Offers, and never deletes or remembers anything.
package struct SenderKeepDataTransferPolicy: SenderPolicy {
    package let name = "keep"
    package let hidesConfirmed = false
    package let actsOnConfirmations = false
    package let filter: ElementFilter
    package let prioritise: [String]

    package init(filter: ElementFilter = ElementFilter(), prioritise: [String] = []) {
        self.filter = filter
        self.prioritise = prioritise
    }

    package func offers(_ element: StoredElement, to agent: AgentName) -> Bool { true }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        confirmed.map { _ in .kept }
    }
}
