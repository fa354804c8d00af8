package import BackupModel

/// A public key that data can be encrypted to.
package struct EncryptionKey: Sendable, Hashable {
    /// The fingerprint of the primary key, hexadecimal in capitals: what `gpg` is given.
    package let fingerprint: String
    /// The first user ID as it stands in the key: text of whoever made the key, to be escaped where it is shown.
    package let userID: String
    /// When data can no longer be encrypted to it: the primary key or the last usable subkey expires. `nil`: never.
    package let expires: Timestamp?
    /// Whether the secret half of an encryption subkey lies in the same directory (or a stub for a card does). On a
    /// machine that only makes backups it should not.
    package let hasSecret: Bool
}

/// A key of the ring, usable or not: one line of `gb config check`.
package struct KeySummary: Sendable, Hashable {
    package let key: EncryptionKey
    /// Why data cannot be encrypted to it; `nil` when it can.
    package let problem: KeyProblem?
}

/// Why a key cannot be encrypted to, or signed with.
package enum KeyProblem: Sendable, Hashable, CustomStringConvertible {
    case revoked
    case expired(Timestamp?)
    case disabled
    case invalid
    /// Made later than now: one of two clocks is wrong, and `gpg` will not use the key.
    case notYetValid(Timestamp)
    /// It never could: no subkey is for encryption.
    case cannotEncrypt
    /// It has encryption subkeys, but all of them are expired, revoked, or otherwise out of use.
    case noUsableSubkey
    /// It never could sign data: neither the primary key nor a subkey is for that.
    case cannotSign
    /// It has keys for signing, but all of them are expired, revoked, or otherwise out of use.
    case noUsableSigningKey
    /// Only the public half is in the directory.
    case noSecret
    /// The agent does not know the passphrase, and there is nobody to ask.
    case locked

    package var description: String {
        switch self {
        case .revoked: "it is revoked"
        case .expired(let time): time.map { "it expired at \($0)" } ?? "it is expired"
        case .disabled: "it is disabled"
        case .invalid: "it is invalid (no user ID with a good self-signature)"
        case .notYetValid(let time): "it is valid only from \(time)"
        case .cannotEncrypt: "it has no subkey for encryption"
        case .noUsableSubkey: "its subkeys for encryption are all expired, revoked or invalid"
        case .cannotSign: "it is not for signing, and has no subkey for that"
        case .noUsableSigningKey: "its keys for signing are all expired, revoked or invalid"
        case .noSecret: "the secret half of its signing key is not there"
        case .locked: "it has a passphrase, which a program that runs by itself cannot be asked for"
        }
    }

    func remedy(_ directory: String) -> String {
        let gpg = "gpg --homedir \(directory.quotedForShell)"
        switch self {
        case .expired, .noUsableSubkey, .noUsableSigningKey:
            return "have its owner extend it, and import it again with `\(gpg) --import FILE`"
        case .disabled: return "enable it with `\(gpg) --edit-key KEY enable save`, or choose another key"
        case .notYetValid: return "set the clock of this machine, or choose another key"
        case .noSecret: return "import the secret key with `\(gpg) --import FILE`, or choose a key that is there"
        case .locked:
            return "make a signing key without passphrase for this machine alone, or take it away with "
                + "`\(gpg) --edit-key KEY passwd`, or let an agent hold it (gpg-preset-passphrase)"
        case .cannotSign:
            return
                "add a subkey for signing with `\(gpg) --quick-add-key FINGERPRINT default sign`, or choose another key"
        case .revoked, .invalid, .cannotEncrypt: return "choose another key, or import one with `\(gpg) --import FILE`"
        }
    }
}
