package import BackupModel
package import BackupStorage

/// What is copied onto a carrier (a USB stick, a mounted share) for an agent: what the agent's own policy offers, but that
/// the carrier holds a copy confirms nothing.
package struct CarriedOffers: SenderPolicy {
    private let base: any SenderPolicy
    package var name: String { base.name }
    package let hidesConfirmed = true
    package var filter: ElementFilter { base.filter }
    package var prioritise: [String] { base.prioritise }

    package init(_ base: any SenderPolicy) { self.base = base }

    package func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool {
        try base.offers(element, to: agent)
    }

    package func attributes(of element: StoredElement) throws(BackupError) -> JSONObject? {
        try base.attributes(of: element)
    }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        confirmed.map { _ in .kept }
    }
}
