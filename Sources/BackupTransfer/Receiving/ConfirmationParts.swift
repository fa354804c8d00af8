import BackupModel

/// Parts a list of confirmations so that each part fits into a frame.
enum ConfirmationParts {
    /// What a confirmation takes besides its ID and its receipt: the SHA-512 in base64, keys, quotes.
    private static let fixedSize = 160
    /// What a receipt takes besides its signature.
    private static let receiptSize = 500

    /// - Parameters:
    ///   - limit: the longest frame, in bytes.
    ///   - withReceipts: `false` leaves them out, for a peer that does not know them.
    static func split(
        _ confirmations: [ElementConfirmation], limit: Int, withReceipts: Bool
    ) -> [[ElementConfirmation]] {
        var parts: [[ElementConfirmation]] = []
        var part: [ElementConfirmation] = []
        var size = 0
        for one in confirmations {
            let confirmation =
                withReceipts ? one : ElementConfirmation(id: one.id, sha512: one.sha512, receipt: nil)
            let length = estimate(confirmation)
            if !part.isEmpty, size + length > limit - 64 {
                parts.append(part)
                part = []
                size = 0
            }
            part.append(confirmation)
            size += length
        }
        if !part.isEmpty { parts.append(part) }
        return parts
    }

    /// At least the bytes it takes: in JSON each byte of an ID takes six at most, of a base64 text two.
    private static func estimate(_ confirmation: ElementConfirmation) -> Int {
        var size = fixedSize + confirmation.id.utf8.count * 6
        if let receipt = confirmation.receipt {
            size += receiptSize + receipt.holder.utf8.count * 6 + (receipt.signature?.count ?? 0) * 2
        }
        return size
    }
}
