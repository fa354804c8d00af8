import BackupModel
import BackupStorage

/// Finds the element that an agent speaks of, if it is offered to it. Blocking.
struct OfferLookUp: Sendable {
    let storage: any ElementStorage
    let policy: any SenderPolicy
    let agent: AgentName
    let now: Timestamp

    /// - Throws: `notFound` for anything that is not offered: what there is besides the offers is nobody's business.
    func element(_ id: String) throws(BackupError) -> StoredElement {
        let element: StoredElement
        do throws(BackupError) { element = try storage.element(try ElementID(id)) } catch { throw .notOffered(id) }
        guard element.id.description == id,
            policy.filter.passes(element.id.source, element.metadata, size: element.size, now: now),
            try policy.offers(element, to: agent)
        else { throw .notOffered(id) }
        return element
    }
}
