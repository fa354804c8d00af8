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
