import BackupModel
import CGpgme

extension GpgContext {
    /// Signs `data` with the key that has this primary fingerprint; gives what `gpg` wrote.
    func sign(_ data: borrowing GpgData, key fingerprint: String) throws(BackupError) -> [UInt8] {
        var signer: (description: String, fingerprints: [String])?
        var added = gpgme_error_t()
        try forEachKey("0x" + fingerprint, secretOnly: false) { key in
            guard KeyInspection.fingerprint(key) == fingerprint else { return }
            added = gpgme_signers_add(handle, key)
            signer = (KeyInspection.description(key), KeyInspection.subkeys(key).map(KeyInspection.fingerprint))
        }
        guard let signer else { throw .keyNotFound(fingerprint, directory) }
        try check(added, "signing")
        gpgme_set_armor(handle, 0)
        gpgme_set_offline(handle, 1)
        try check(gpgme_set_pinentry_mode(handle, GPGME_PINENTRY_MODE_ERROR), "signing")
        let output = try GpgData()
        let result = gpgme_op_sign(handle, data.handle, output.handle, GPGME_SIG_MODE_DETACH)
        switch gpgme_err_code(result) {
        case GPG_ERR_NO_PIN_ENTRY, GPG_ERR_CANCELED, GPG_ERR_FULLY_CANCELED, GPG_ERR_BAD_PASSPHRASE,
            GPG_ERR_NO_PASSPHRASE:
            throw .keyCannotSign(signer.description, directory, .locked)
        case GPG_ERR_NO_SECKEY, GPG_ERR_UNUSABLE_SECKEY:
            throw .keyCannotSign(signer.description, directory, .noSecret)
        default: try check(result, "signing with the key \(signer.description)")
        }
        guard let made = gpgme_op_sign_result(handle)?.pointee, made.invalid_signers == nil,
            let signature = made.signatures?.pointee, signature.next == nil,
            let maker = signature.fpr.map({ String(cString: $0) }), signer.fingerprints.contains(maker),
            let bytes = output.bytes(limit: SignaturePacket.maximumSize)
        else {
            throw .gpgFailed("signing with the key \(signer.description)", directory, "it made no single signature")
        }
        return bytes
    }

    /// What `gpg` says of a detached signature.
    struct Verdict {
        /// Of the key or subkey that signed: a fingerprint, in capitals; a key ID when the key is not there.
        let signer: String?
        let time: Timestamp
        /// `GPG_ERR_NO_ERROR`: the signature fits the data, and neither it nor its key is expired or revoked.
        let status: gpgme_err_code_t
        /// In the library's words.
        let statusText: String
        /// The key ring says that the key must not be trusted, or must not sign.
        let isDistrusted: Bool
    }

    /// Checks a detached signature, one only, against `data`.
    func verify(_ signature: borrowing GpgData, of data: borrowing GpgData) throws(BackupError) -> Verdict {
        // No key is fetched from anywhere, whatever gpg.conf says.
        gpgme_set_offline(handle, 1)
        let result = gpgme_op_verify(handle, signature.handle, data.handle, nil)
        switch gpgme_err_code(result) {
        case GPG_ERR_NO_DATA, GPG_ERR_BAD_DATA: throw .signature("gpg finds no signature in it")
        default: try check(result, "checking a signature")
        }
        guard let first = gpgme_op_verify_result(handle)?.pointee.signatures?.pointee else {
            throw .signature("gpg finds no signature in it")
        }
        guard first.next == nil else { throw .signature("gpg finds several signatures in it") }
        let bad = UInt32(
            GPGME_SIGSUM_RED.rawValue | GPGME_SIGSUM_KEY_REVOKED.rawValue | GPGME_SIGSUM_KEY_EXPIRED.rawValue
                | GPGME_SIGSUM_SIG_EXPIRED.rawValue | GPGME_SIGSUM_KEY_MISSING.rawValue
                | GPGME_SIGSUM_BAD_POLICY.rawValue | GPGME_SIGSUM_SYS_ERROR.rawValue)
        return Verdict(
            signer: first.fpr.map { String(cString: $0).uppercased() }, time: Timestamp(Int64(first.timestamp)),
            status: gpgme_err_code(first.status), statusText: Self.text(first.status),
            isDistrusted: first.summary.rawValue & bad != 0 || first.wrong_key_usage != 0)
    }
}
