import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func keyDirectory(
        _ code: Code, _ path: String, _ reason: String, remedy: String
    ) -> BackupError {
        BackupError(code, "the keys directory \(path.escapedForMessage) cannot be used: \(reason)", remedy: remedy)
    }

    static func gpgMissing(_ reason: String) -> BackupError {
        BackupError(
            .programMissing, "the program gpg cannot be used: \(reason)",
            remedy: "install GnuPG (Debian: apt install gpg) and try `gpg --version`")
    }

    static func gpgFailed(_ operation: String, _ directory: String, _ reason: String) -> BackupError {
        BackupError(
            .failed, "\(operation) in the keys directory \(directory.escapedForMessage) failed: \(reason)",
            remedy: "try `gpg --homedir \(directory.quotedForShell) --list-keys`")
    }

    /// - Parameter reason: what `gpg` said.
    static func encryptedDataDamaged(_ reason: String) -> BackupError {
        let lines = reason.split(separator: "\n").joined(separator: "; ")
        return BackupError(
            .damaged,
            "the encrypted data is damaged" + (lines.isEmpty ? "" : " (\(lines.escapedForMessage))"),
            remedy: "fetch the element again from another holder, or use an older one")
    }

    /// - Parameter keys: the IDs of those that it is encrypted for, where they are not hidden.
    static func secretKeyMissing(_ keys: [String], _ directory: String) -> BackupError {
        let key = keys.isEmpty ? "the key" : "the key \(keys.joined(separator: " or "))"
        return BackupError(
            .keyUnusable,
            "\(key) that the element is encrypted for is not in the keys directory \(directory.escapedForMessage)"
                + (keys.isEmpty ? ": no secret key is there" : ""),
            remedy: "import the secret key with `gpg --homedir \(directory.quotedForShell) --import FILE`")
    }

    /// - Parameter isLocked: whether one of the secret keys has a passphrase.
    static func noSecretKeyFits(_ directory: String, isLocked: Bool) -> BackupError {
        BackupError(
            .keyUnusable,
            "none of the secret keys in the keys directory \(directory.escapedForMessage) opens it: the key that the element "
                + "is encrypted for is not there"
                + (isLocked ? ", or its passphrase was not given" : "") + ", or the first bytes are damaged",
            remedy: "import the secret key with `gpg --homedir \(directory.quotedForShell) --import FILE`; `gb storage "
                + "verify` tells whether the bytes are damaged")
    }

    static func passphraseNeeded(_ directory: String) -> BackupError {
        BackupError(
            .keyUnusable,
            "the secret key in the keys directory \(directory.escapedForMessage) needs a passphrase, and no terminal is "
                + "there to ask for it; the keys without one do not fit",
            remedy: "run the command on a terminal, or give gpg's agent the passphrase before (gpg-preset-passphrase)")
    }

    static func keyName(_ name: String, _ reason: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(name.escapedForMessage)\" names no key: \(reason)",
            remedy: "give the fingerprint that `gpg --list-keys` shows, 40 hexadecimal digits")
    }

    static func keyNotFound(_ name: String, _ directory: String) -> BackupError {
        BackupError(
            .keyUnusable,
            "the key \"\(name.escapedForMessage)\" is not in the keys directory \(directory.escapedForMessage)",
            remedy: "import the public key with `gpg --homedir \(directory.quotedForShell) --import FILE`")
    }

    static func keyAmbiguous(_ name: String, _ directory: String, _ fingerprints: [String]) -> BackupError {
        BackupError(
            .keyUnusable,
            "\"\(name.escapedForMessage)\" means \(fingerprints.count) keys in the keys directory "
                + "\(directory.escapedForMessage): \(fingerprints.prefix(5).joined(separator: ", "))"
                + (fingerprints.count > 5 ? ", …" : ""),
            remedy: "give the fingerprint of the one that is meant")
    }

    static func keyUnusable(_ key: EncryptionKey, _ directory: String, _ problem: KeyProblem) -> BackupError {
        BackupError(
            .keyUnusable,
            "the key \(key.fingerprint) (\(key.userID.escapedForMessage)) in the keys directory "
                + "\(directory.escapedForMessage) cannot encrypt: \(problem.description)",
            remedy: problem.remedy(directory))
    }

    /// - Parameter key: fingerprint and user ID.
    static func keyCannotSign(_ key: String, _ directory: String, _ problem: KeyProblem) -> BackupError {
        BackupError(
            .keyUnusable,
            "the key \(key) in the keys directory \(directory.escapedForMessage) cannot sign: \(problem.description)",
            remedy: problem.remedy(directory))
    }

    /// - Parameter key: fingerprint and user ID.
    static func signerOutOfUse(_ key: String, _ directory: String, _ problem: KeyProblem) -> BackupError {
        BackupError(
            .keyUnusable,
            "no signature by the key \(key) in the keys directory \(directory.escapedForMessage) is accepted: "
                + problem.description,
            remedy: problem.remedy(directory))
    }

    static func badOwnSignature(_ directory: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .failed, "gpg made a signature that nobody should accept",
            remedy: "look for armor, digest and local-user in \("\(directory)/gpg.conf".escapedForMessage)",
            cause: cause)
    }

    static func noSignersAllowed() -> BackupError {
        BackupError(
            .invalidValue, "signatures cannot be checked: the list of fingerprints that may sign is empty",
            remedy: "give the fingerprint of at least one key")
    }

    // MARK: - Signatures that are not accepted

    /// - Parameter reason: what is wrong with its form.
    static func signature(_ reason: String) -> BackupError {
        BackupError(.untrusted, "the signature is not accepted: \(reason)")
    }

    static func signatureMismatch(_ key: String?) -> BackupError {
        BackupError(
            .untrusted, "the signature is bad: it says it is by the key \(key ?? "?") and does not fit the data",
            remedy: "the data or the signature was changed: take it from another holder")
    }

    static func signerNotAllowed(_ primary: String, _ allowed: [String]) -> BackupError {
        BackupError(
            .untrusted,
            "the signature is good, but by the key \(primary), which is not among those that may sign here "
                + "(\(allowed.prefix(5).joined(separator: ", "))\(allowed.count > 5 ? ", …" : ""))",
            remedy: "if that key should be trusted, add its fingerprint to the list")
    }

    static func signerMissing(_ key: String?, _ directory: String) -> BackupError {
        BackupError(
            .untrusted,
            "the signature cannot be checked: the key \(key ?? "?") is not in the keys directory "
                + directory.escapedForMessage,
            remedy:
                "import its public key with `gpg --homedir \(directory.quotedForShell) --import FILE` if it should be "
                + "trusted")
    }

    static func signatureExpired(_ key: String?) -> BackupError {
        BackupError(
            .untrusted, "the signature by the key \(key ?? "?") is expired: it was made to be valid for some time only",
            remedy: "have the data signed again")
    }

    static func signerExpired(_ key: String?, _ directory: String) -> BackupError {
        BackupError(
            .untrusted, "the signature is by the key \(key ?? "?"), which is expired",
            remedy: "have its owner extend it, and import it again with "
                + "`gpg --homedir \(directory.quotedForShell) --import FILE`")
    }

    static func signerRevoked(_ key: String?) -> BackupError {
        BackupError(
            .untrusted, "the signature is by the key \(key ?? "?"), which is revoked",
            remedy: "whoever stole the key can sign with it; have the data signed again by another key")
    }

    static func signerUnusable(_ key: String?, _ reason: String) -> BackupError {
        BackupError(.untrusted, "the signature by the key \(key ?? "?") is not accepted: \(reason)")
    }
}

extension String {
    /// As one word of a shell's command line, in a message.
    var quotedForShell: String {
        let isPlain =
            !isEmpty
            && utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "@"):
                    true
                default: false
                }
            }
        if isPlain { return self }
        return "'"
            + escapedForMessage.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }
}
