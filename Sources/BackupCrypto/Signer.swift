package import BackupModel
import CGpgme

/// Makes detached signatures with one secret key.
///
/// Each call runs `gpg` and its agent, which goes on running, and blocks until the former ends; calls from several threads do
/// not disturb each other. Nobody is ever asked for a passphrase: what needs one fails, unless the agent knows it.
package struct Signer: Sendable {
    /// The GnuPG home directory with the secret key, an absolute path.
    package let homeDirectory: String
    /// The fingerprint of the primary key, hexadecimal in capitals.
    package let fingerprint: String
    /// The first user ID as it stands in the key: text of whoever made the key, to be escaped where it is shown.
    package let userID: String
    /// When it can no longer sign; `nil`: never.
    package let expires: Timestamp?

    private let program: String?

    /// Checks that the key can sign now, and makes a signature to prove it.
    ///
    /// - Parameters:
    ///   - fingerprint: 40 hexadecimal digits; of the primary key or of a subkey. Which of the key's signing subkeys is used
    ///     is up to `gpg`: the newest that is usable.
    ///   - program: The `gpg` to run; `nil` for the installed one.
    /// - Throws: `keyUnusable` (not there, no secret half, expired, revoked, disabled, not for signing, locked by a passphrase),
    ///   `invalidValue` (no fingerprint, no absolute path), `permission`, `programMissing` or `failed`.
    package init(
        homeDirectory: String, fingerprint: String, at now: Timestamp, program: String? = nil
    ) throws(BackupError) {
        let name = try Fingerprint.normalized(fingerprint)
        _ = try KeyDirectory.check(homeDirectory)
        self.homeDirectory = homeDirectory
        self.program = program
        let context = try GpgContext.open(directory: homeDirectory, program: program)
        (self.fingerprint, userID, expires) = try Self.usableKey(name, context, now)
        _ = try sign(Array("Can this key sign?".utf8))
    }

    /// A detached binary signature of `bytes`, which are copied: for what is small. Large data comes from a file.
    ///
    /// - Throws: `keyUnusable` when the key can no longer sign, `programMissing`, `failed`.
    package func sign(_ bytes: [UInt8]) throws(BackupError) -> [UInt8] { try sign(try GpgData(bytes)) }

    /// A detached binary signature of all bytes from where the file stands to its end, with constant memory.
    ///
    /// - Parameter descriptor: is open for reading, and stays the caller's; afterwards it stands at the end of the file.
    /// - Throws: as ``sign(_:)``; `failed` when it cannot be read to its end.
    package func signFile(_ descriptor: CInt) throws(BackupError) -> [UInt8] {
        try sign(try GpgData(descriptor: descriptor))
    }

    private func sign(_ data: consuming GpgData) throws(BackupError) -> [UInt8] {
        let context = try GpgContext.open(directory: homeDirectory, program: program)
        let signature = try context.sign(data, key: fingerprint)
        // The settings in gpg.conf count here, and could make something that no verifier takes.
        do throws(BackupError) { _ = try SignaturePacket(signature) } catch {
            throw .badOwnSignature(homeDirectory, error)
        }
        return signature
    }

    /// The key that `name` is a fingerprint of.
    private static func usableKey(
        _ name: String, _ context: borrowing GpgContext, _ now: Timestamp
    ) throws(BackupError) -> (fingerprint: String, userID: String, expires: Timestamp?) {
        var found: [(fingerprint: String, userID: String, expires: Timestamp?, problem: KeyProblem?)] = []
        for isSecretListing in [true, false] where found.isEmpty {
            try context.forEachKey("0x" + name, secretOnly: isSecretListing) { key in
                found.append(
                    (
                        KeyInspection.fingerprint(key), KeyInspection.userID(key), KeyInspection.signingEnd(key, now),
                        KeyInspection.signingProblem(key, isSecretListing: isSecretListing, now)
                    ))
            }
        }
        guard let key = found.first else { throw .keyNotFound(name, context.directory) }
        guard found.count == 1 else { throw .keyAmbiguous(name, context.directory, found.map(\.fingerprint)) }
        if let problem = key.problem {
            throw .keyCannotSign("\(key.fingerprint) (\(key.userID.escapedForMessage))", context.directory, problem)
        }
        return (key.fingerprint, key.userID, key.expires)
    }
}
