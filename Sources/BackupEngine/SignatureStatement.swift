import BackupConfig
package import BackupCrypto
package import BackupModel
package import BackupStorage

/// What can be said of an element's signature without knowing whom to trust.
package enum SignatureStatement: Sendable {
    case none
    /// Good, by this key of the keys directory. Whether that key should be trusted is another question.
    case good(SignatureResult)
    /// There is one, but it is not good, or could not be checked.
    case refused(BackupError)
}

extension Installation {
    /// What checks signatures with the keys directory and the storage of this installation.
    ///
    /// - Parameters:
    ///   - allowed: the fingerprints of the keys that may sign, at least one.
    ///   - jobs: elements that are checked at the same time.
    package func signatureCheck(allowed: [String], jobs: Int = 1) throws(BackupError) -> SignatureCheck {
        try SignatureCheck(
            try storage(), keysDirectory: main.general.keysDirectory, allowed: allowed, jobs: jobs)
    }

    /// Takes the signer of an element at its word, and looks whether the word is kept; blocks.
    package func signatureStatement(of element: StoredElement) -> SignatureStatement {
        guard let signature = element.metadata.metaDataSignature else { return .none }
        do throws(BackupError) {
            guard let claimed = try SignaturePacket(signature).claimedIssuer, claimed.utf8.count == 40 else {
                throw .noFingerprintInSignature(element.id)
            }
            return .good(try signatureCheck(allowed: [claimed]).check(element))
        } catch {
            return .refused(error)
        }
    }
}
