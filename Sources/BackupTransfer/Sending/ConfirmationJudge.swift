import BackupModel
import BackupStorage

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
