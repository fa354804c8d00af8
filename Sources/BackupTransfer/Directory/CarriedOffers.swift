package import BackupModel
package import BackupStorage

/// What is copied onto a carrier (a USB stick, a mounted share) for an agent: what the agent's own policy offers, less what
/// the agent has confirmed; else a medium that brings receipts home would take the same elements away again. That the
/// carrier has a copy confirms nothing.
package struct CarriedOffers: SenderPolicy {
    private let base: any SenderPolicy
    private let storage: any ElementStorage
    package var name: String { base.name }
    package let hidesConfirmed = true
    package var filter: ElementFilter { base.filter }
    package var prioritise: [String] { base.prioritise }

    /// - Parameter storage: where the elements lie, and beside them who has confirmed them.
    package init(_ base: any SenderPolicy, in storage: any ElementStorage) {
        self.base = base
        self.storage = storage
    }

    package func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool {
        guard try !CopyRecord(of: element.id, in: storage).holds(agent) else { return false }
        return try base.offers(element, to: agent)
    }

    package func attributes(of element: StoredElement) throws(BackupError) -> JSONObject? {
        try base.attributes(of: element)
    }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        confirmed.map { _ in .kept }
    }
}
