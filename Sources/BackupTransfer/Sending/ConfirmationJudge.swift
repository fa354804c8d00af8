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

/// Decides whether a confirmation counts: whether the agent can know what it confirms, and has signed for it if that is
/// demanded. Blocking.
struct ConfirmationJudge: Sendable {
    let lookUp: OfferLookUp
    let checkReceipt: ReceiptCheck?
    /// Elements of the last pages, by their IDs: they were offered.
    let recent: [String: StoredElement]

    func judge(_ confirmation: ElementConfirmation) -> Result<ConfirmedElement, BackupError> {
        do throws(BackupError) {
            let element: StoredElement
            if let known = recent[confirmation.id] {
                element = known
            } else {
                element = try lookUp.element(confirmation.id)
            }
            try check(confirmation, element)
            return .success(ConfirmedElement(element, receipt: confirmation.receipt))
        } catch {
            return .failure(error)
        }
    }

    private func check(_ confirmation: ElementConfirmation, _ element: StoredElement) throws(BackupError) {
        guard confirmation.sha512 == (try checksum(of: element)) else { throw .otherBytesConfirmed(element.id) }
        guard let checkReceipt else { return }
        guard let receipt = confirmation.receipt else { throw .receiptMissing(element.id) }
        guard receipt.sha512 == confirmation.sha512, receipt.size == element.size,
            receipt.dataUUID == element.metadata.uuid
        else { throw .receiptForOther(element.id) }
        try checkReceipt(receipt)
    }

    private func checksum(of element: StoredElement) throws(BackupError) -> [UInt8] {
        try lookUp.storage.checkUnchanged(element)
        if let checksum = element.metadata.checksum { return checksum }
        // An element of the original may have none: then the bytes are read.
        return try DataDigest.sha512(try lookUp.storage.openData(element.id)) { _ in }
    }
}
