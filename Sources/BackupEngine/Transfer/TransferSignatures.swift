import BackupCrypto
import BackupModel
import BackupTransfer

/// The signatures that transfers make and demand, with the keys of this machine.
struct TransferSignatures {
    /// The GnuPG home directory.
    let keysDirectory: String

    /// What an element's metadata must be signed by; `nil` when nothing is demanded.
    func metadataCheck(_ fingerprints: [String]) throws(BackupError) -> MetadataCheck? {
        guard !fingerprints.isEmpty else { return nil }
        let verifier = try SignatureVerifier(homeDirectory: keysDirectory, allowed: fingerprints)
        return { metadata throws(BackupError) in
            guard let signature = metadata.metaDataSignature else { throw .noSignature("MetaDataSignature") }
            // Without the checksum nobody has signed the data.
            guard metadata.checksum != nil else { throw .dataNotCovered() }
            _ = try verifier.verify(signature, of: Array(metadata.textForSignature.utf8))
        }
    }

    /// What receipts must be signed by; `nil` when none are demanded.
    func receiptCheck(_ fingerprints: [String]) throws(BackupError) -> ReceiptCheck? {
        guard !fingerprints.isEmpty else { return nil }
        let verifier = try SignatureVerifier(homeDirectory: keysDirectory, allowed: fingerprints)
        return { receipt throws(BackupError) in
            guard let signature = receipt.signature else { throw .noSignature("Signature") }
            _ = try verifier.verify(signature, of: Array(receipt.signedText.utf8))
        }
    }

    /// Signs receipts with the key `fingerprint`.
    ///
    /// - Parameter holder: how this machine calls itself in them; `nil`: by the fingerprint.
    func receiptMaker(
        _ fingerprint: String, holder: String?, now: Timestamp
    ) throws(BackupError) -> ReceiptMaker {
        let signer = try Signer(homeDirectory: keysDirectory, fingerprint: fingerprint, at: now)
        return ReceiptMaker(holder: holder ?? fingerprint) { text throws(BackupError) in
            try signer.sign(Array(text.utf8))
        }
    }
}
