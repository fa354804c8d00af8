package import BackupModel
import CGpgme

/// A signature that was found good, and by whom.
package struct SignatureResult: Sendable, Hashable {
    /// Of the primary key, also where a subkey signed; hexadecimal in capitals.
    package let fingerprint: String
    /// When it was made, as the signer says.
    package let time: Timestamp
}

/// Checks detached signatures against a list of keys that may sign.
///
/// What counts is the list, not the trust of GnuPG's web of trust: a key in the directory that is not in the list signs
/// nothing. Each call runs `gpg` and blocks until it ends; calls from several threads do not disturb each other.
package struct SignatureVerifier: Sendable {
    /// The GnuPG home directory with the public keys, an absolute path.
    package let homeDirectory: String
    /// The fingerprints that may sign, of primary keys or of subkeys, in capitals.
    package let allowed: [String]

    private let program: String?

    /// - Parameters:
    ///   - allowed: at least one fingerprint, 40 hexadecimal digits. That of a primary key allows all its signing subkeys,
    ///     that of a subkey this one only.
    ///   - program: The `gpg` to run; `nil` for the installed one.
    /// - Throws: `invalidValue` (the list is empty, a short key ID, no absolute path), `keyUnusable` (no such directory),
    ///   `permission`, `programMissing`.
    package init(homeDirectory: String, allowed: [String], program: String? = nil) throws(BackupError) {
        guard !allowed.isEmpty else { throw .noSignersAllowed() }
        var fingerprints: [String] = []
        for name in allowed { fingerprints.append(try Fingerprint.normalized(name)) }
        _ = try KeyDirectory.check(homeDirectory)
        self.homeDirectory = homeDirectory
        self.allowed = fingerprints
        self.program = program
        _ = try GpgContext.open(directory: homeDirectory, program: program)
    }

    /// Whether `signature` is a good detached signature of `bytes`, which are copied: for what is small.
    ///
    /// - Parameter signature: binary, exactly one; see ``SignaturePacket``.
    /// - Throws: `untrusted`: none, garbled or several signatures; bad; made by a key that is not allowed; the key is not in
    ///   the directory, expired, revoked, disabled; the signature is expired. `programMissing`, `failed` when it could not be
    ///   checked.
    package func verify(_ signature: [UInt8], of bytes: [UInt8]) throws(BackupError) -> SignatureResult {
        try verify(signature, try GpgData(bytes))
    }

    /// As ``verify(_:of:)``, for all bytes from where the file stands to its end, with constant memory.
    ///
    /// - Parameter descriptor: is open for reading, and stays the caller's.
    /// - Throws: also `failed` when it cannot be read to its end.
    package func verify(_ signature: [UInt8], ofFile descriptor: CInt) throws(BackupError) -> SignatureResult {
        try verify(signature, try GpgData(descriptor: descriptor))
    }

    private func verify(_ signature: [UInt8], _ data: consuming GpgData) throws(BackupError) -> SignatureResult {
        let packet = try SignaturePacket(signature)
        let context = try GpgContext.open(directory: homeDirectory, program: program)
        let verdict = try context.verify(try GpgData(signature), of: data)
        // Of a signature that does not hold, gpg names only the key ID.
        let named = packet.claimedIssuer ?? verdict.signer
        switch verdict.status {
        case GPG_ERR_NO_ERROR: break
        case GPG_ERR_BAD_SIGNATURE: throw .signatureMismatch(named)
        case GPG_ERR_NO_PUBKEY: throw .signerMissing(named, homeDirectory)
        case GPG_ERR_SIG_EXPIRED: throw .signatureExpired(named)
        case GPG_ERR_KEY_EXPIRED: throw .signerExpired(named, homeDirectory)
        case GPG_ERR_CERT_REVOKED: throw .signerRevoked(named)
        default: throw .signerUnusable(named, verdict.statusText)
        }
        guard let signer = verdict.signer, signer.utf8.count == 40 else {
            throw .signerUnusable(named, "gpg does not tell its fingerprint")
        }
        guard !verdict.isDistrusted else {
            throw .signerUnusable(signer, "the key ring says that it must not be trusted")
        }
        let primary = try primaryKey(of: signer)
        guard allowed.contains(primary) || allowed.contains(signer) else {
            throw .signerNotAllowed(primary, allowed)
        }
        return SignatureResult(fingerprint: primary, time: verdict.time)
    }

    /// The primary fingerprint of the key that `signer` belongs to.
    private func primaryKey(of signer: String) throws(BackupError) -> String {
        let context = try GpgContext.open(directory: homeDirectory, program: program)
        var owners: [(fingerprint: String, isDisabled: Bool)] = []
        try context.forEachKey("0x" + signer, secretOnly: false) { key in
            guard KeyInspection.subkeys(key).contains(where: { KeyInspection.fingerprint($0) == signer }) else {
                return
            }
            owners.append((KeyInspection.fingerprint(key), key.pointee.disabled != 0))
        }
        guard let owner = owners.first else { throw .signerMissing(signer, homeDirectory) }
        // Two keys can hold the same subkey; which of them speaks cannot be told.
        guard owners.count == 1 else { throw .signerUnusable(signer, "it is part of several keys") }
        guard !owner.isDisabled else { throw .signerUnusable(owner.fingerprint, "the key is disabled") }
        return owner.fingerprint
    }
}
