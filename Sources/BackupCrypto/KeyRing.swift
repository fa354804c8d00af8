package import BackupModel
import CGpgme

/// The GnuPG home directory that holds the keys backups are encrypted to.
///
/// Each call runs `gpg` and blocks until it ends; calls from several threads do not disturb each other.
package struct KeyRing: Sendable {
    /// The absolute path.
    package let directory: String
    /// What an administrator should know about the directory, though it can be used; each a sentence without full stop.
    package let warnings: [String]

    private let program: String?

    /// Checks the directory, not the keys.
    ///
    /// - Parameter program: The `gpg` that looks up keys; `nil` for the installed one.
    /// - Throws: `BackupError` with code `keyUnusable` (not there), `invalidValue` (not an absolute path, not a directory) or
    ///   `permission` (not accessible, or others can write to it and so replace keys).
    package init(directory: String, program: String? = nil) throws(BackupError) {
        warnings = try KeyDirectory.check(directory)
        self.directory = directory
        self.program = program
    }

    /// The version of the `gpg` in use, for example `2.2.40`.
    ///
    /// - Throws: `BackupError` with code `programMissing`.
    package func engineVersion() throws(BackupError) -> String {
        let context = try GpgContext.open(directory: directory, program: program)
        guard let version = context.version else { throw .gpgMissing("it does not tell its version") }
        return version
    }

    /// The key that `name` means, checked to be usable for encryption at `now`.
    ///
    /// - Parameter name: A fingerprint or key ID, blanks allowed; a mail address, which must match exactly; or a part
    ///   of a user ID. It must mean one key only.
    /// - Throws: `BackupError` with code `keyUnusable` (not there, ambiguous, expired, revoked, disabled, invalid, not
    ///   for encryption), `invalidValue`, `programMissing` or `failed`.
    package func encryptionKey(_ name: String, at now: Timestamp) throws(BackupError) -> EncryptionKey {
        let found = try summaries(try Self.pattern(name), now)
        guard let summary = found.first else { throw .keyNotFound(name, directory) }
        guard found.count == 1 else { throw .keyAmbiguous(name, directory, found.map(\.key.fingerprint)) }
        if let problem = summary.problem { throw .keyUnusable(summary.key, directory, problem) }
        return summary.key
    }

    /// All keys of the ring, in the order of `gpg`.
    ///
    /// - Throws: `BackupError` with code `programMissing` or `failed`.
    package func keys(at now: Timestamp) throws(BackupError) -> [KeySummary] { try summaries(nil, now) }

    /// The fingerprints of the primary keys whose secret encryption subkey `gpg` can use here: with what is encrypted
    /// to one of them, a restore on this machine works.
    /// Expired and revoked keys count: they still decrypt. Starts the agent, which goes on running.
    ///
    /// - Throws: `BackupError` with code `programMissing` or `failed`.
    package func secretKeyFingerprints() throws(BackupError) -> [String] {
        let context = try GpgContext.open(directory: directory, program: program)
        var fingerprints: [String] = []
        try context.forEachKey(nil, secretOnly: true) { key in
            let subkeys = KeyInspection.subkeys(key)
            // `gpg` marks secret subkeys that are not here (an offline primary key, for example) as not secret.
            if subkeys.contains(where: { $0.pointee.can_encrypt != 0 && $0.pointee.secret != 0 }) {
                fingerprints.append(KeyInspection.fingerprint(key))
            }
        }
        return fingerprints
    }

    private func summaries(_ pattern: String?, _ now: Timestamp) throws(BackupError) -> [KeySummary] {
        var result: [KeySummary] = []
        try forEachKey(pattern) { result.append(KeyInspection.summary($0, directory, now)) }
        return result
    }

    /// Shows the public keys that `pattern` means to `gpg`; `nil` for all.
    func forEachKey(_ pattern: String?, _ body: (gpgme_key_t) -> Void) throws(BackupError) {
        let context = try GpgContext.open(directory: directory, program: program)
        try context.forEachKey(pattern, secretOnly: false, body)
    }

    /// What `gpg` is asked for. It has many forms with leading marks; here a name means only what is documented.
    private static func pattern(_ name: String) throws(BackupError) -> String {
        var text = name
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        guard !text.isEmpty else { throw .keyName(name, "it is empty") }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw .keyName(name, "it holds control characters")
        }
        var digits = text.filter { $0 != " " }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits.removeFirst(2) }
        if digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) {
            // Shorter IDs can be made to clash on purpose.
            if [16, 32, 40, 64].contains(digits.utf8.count) { return "0x" + digits }
            if digits.utf8.count == 8 { throw .keyName(name, "key IDs of 8 digits can be forged") }
        }
        if text.hasSuffix("!") { throw .keyName(name, "a single subkey cannot be chosen") }
        if text.hasPrefix("<"), text.hasSuffix(">") { return text }
        if text.contains("@"), !text.contains(where: { $0 == " " || $0 == "<" || $0 == ">" }) { return "<\(text)>" }
        return "*" + text
    }
}
