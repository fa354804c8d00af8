package import BackupModel

/// A public key whose signatures may be demanded.
package struct SignerKey: Sendable {
    /// Of the primary key, hexadecimal in capitals.
    package let fingerprint: String
    /// The first user ID as it stands in the key: text of whoever made the key, to be escaped where it is shown.
    package let userID: String
    /// When it can no longer sign; `nil`: never.
    package let expires: Timestamp?
    /// Why no signature by it is accepted now; `nil` when they are.
    package let problem: BackupError?
}

extension KeyRing {
    /// The public key that signatures are checked with.
    ///
    /// - Parameter fingerprint: 40 hexadecimal digits; of the primary key or of a subkey.
    /// - Throws: `keyUnusable` (not there, ambiguous), `invalidValue` (no fingerprint), `programMissing` or `failed`.
    package func signerKey(_ fingerprint: String, at now: Timestamp) throws(BackupError) -> SignerKey {
        let name = try Fingerprint.normalized(fingerprint)
        let directory = directory
        var found: [SignerKey] = []
        try forEachKey("0x" + name) { key in
            var problem = KeyInspection.signingProblem(key, isSecretListing: false, now)
            // Nobody here needs to sign.
            if problem == .noSecret { problem = nil }
            found.append(
                SignerKey(
                    fingerprint: KeyInspection.fingerprint(key), userID: KeyInspection.userID(key),
                    expires: KeyInspection.signingEnd(key, now),
                    problem: problem.map { .signerOutOfUse(KeyInspection.description(key), directory, $0) }))
        }
        guard let key = found.first else { throw .keyNotFound(name, directory) }
        guard found.count == 1 else { throw .keyAmbiguous(name, directory, found.map(\.fingerprint)) }
        return key
    }
}
