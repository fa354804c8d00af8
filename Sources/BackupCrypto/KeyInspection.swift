import BackupModel
import CGpgme
import Glibc

/// Reads the library's description of a key, and judges it.
enum KeyInspection {
    static func subkeys(_ key: gpgme_key_t) -> [gpgme_subkey_t] {
        var result: [gpgme_subkey_t] = []
        var next = key.pointee.subkeys
        while let subkey = next {
            result.append(subkey)
            next = subkey.pointee.next
        }
        return result
    }

    /// The fingerprint of the primary key.
    static func fingerprint(_ key: gpgme_key_t) -> String { key.pointee.fpr.map { String(cString: $0) } ?? "" }

    static func summary(_ key: gpgme_key_t, _ directory: String, _ now: Timestamp) -> KeySummary {
        let all = subkeys(key)
        let encrypting = all.filter { $0.pointee.can_encrypt != 0 }
        let usable = encrypting.filter { isUsable($0, now) }
        let description = EncryptionKey(
            fingerprint: fingerprint(key), userID: userID(key), expires: end(all, usable),
            hasSecret: encrypting.contains { hasSecretFile($0, directory) })
        return KeySummary(
            key: description, problem: problem(key, primary: all.first, encrypting: encrypting, usable: usable, now))
    }

    /// When the key can no longer be used for what `usable` can be used for; `nil`: never.
    private static func end(_ all: [gpgme_subkey_t], _ usable: [gpgme_subkey_t]) -> Timestamp? {
        let expiries = [
            all.first.flatMap { time($0.pointee.expires) },
            // One subkey that never expires makes the last of them never expire.
            usable.contains { time($0.pointee.expires) == nil }
                ? nil : usable.compactMap { time($0.pointee.expires) }.max(),
        ]
        return expiries.compactMap(\.self).min()
    }

    /// When data can no longer be signed with the key; `nil`: never.
    static func signingEnd(_ key: gpgme_key_t, _ now: Timestamp) -> Timestamp? {
        let all = subkeys(key)
        return end(all, all.filter { $0.pointee.can_sign != 0 && isUsable($0, now) })
    }

    private static func problem(
        _ key: gpgme_key_t, primary: gpgme_subkey_t?, encrypting: [gpgme_subkey_t], usable: [gpgme_subkey_t],
        _ now: Timestamp
    ) -> KeyProblem? {
        if let problem = problem(key, primary, now) { return problem }
        if encrypting.isEmpty { return .cannotEncrypt }
        return usable.isEmpty ? .noUsableSubkey : nil
    }

    /// What is wrong with the key as a whole.
    private static func problem(_ key: gpgme_key_t, _ primary: gpgme_subkey_t?, _ now: Timestamp) -> KeyProblem? {
        guard let primary, key.pointee.fpr != nil else { return .invalid }
        if key.pointee.revoked != 0 { return .revoked }
        let expiry = time(primary.pointee.expires)
        if key.pointee.expired != 0 || isPast(expiry, now) { return .expired(expiry) }
        if key.pointee.disabled != 0 { return .disabled }
        if let made = time(primary.pointee.timestamp), made > now { return .notYetValid(made) }
        return key.pointee.invalid != 0 ? .invalid : nil
    }

    /// Why data cannot be signed with this key; whether its secret half is there shows only in a listing of secret keys.
    static func signingProblem(_ key: gpgme_key_t, isSecretListing: Bool, _ now: Timestamp) -> KeyProblem? {
        let all = subkeys(key)
        if let problem = problem(key, all.first, now) { return problem }
        let signing = all.filter { $0.pointee.can_sign != 0 }
        if signing.isEmpty { return .cannotSign }
        let usable = signing.filter { isUsable($0, now) }
        if usable.isEmpty { return .noUsableSigningKey }
        return isSecretListing && usable.contains { $0.pointee.secret != 0 } ? nil : .noSecret
    }

    static func fingerprint(_ subkey: gpgme_subkey_t) -> String { subkey.pointee.fpr.map { String(cString: $0) } ?? "" }

    /// The first user ID; empty if there is none.
    static func userID(_ key: gpgme_key_t) -> String {
        key.pointee.uids.flatMap { $0.pointee.uid.map { String(cString: $0) } } ?? ""
    }

    static func description(_ key: gpgme_key_t) -> String { "\(fingerprint(key)) (\(userID(key).escapedForMessage))" }

    private static func isUsable(_ subkey: gpgme_subkey_t, _ now: Timestamp) -> Bool {
        let value = subkey.pointee
        if value.revoked != 0 || value.expired != 0 || value.disabled != 0 || value.invalid != 0 { return false }
        if let made = time(value.timestamp), made > now { return false }
        return !isPast(time(value.expires), now)
    }

    private static func isPast(_ expiry: Timestamp?, _ now: Timestamp) -> Bool { expiry.map { $0 <= now } ?? false }

    /// The library's times are 0 for "none" and negative for "unreadable".
    private static func time(_ seconds: Int) -> Timestamp? { seconds > 0 ? Timestamp(Int64(seconds)) : nil }

    /// Looks for the file in which the agent keeps a secret key, so that no agent needs to be started for it.
    private static func hasSecretFile(_ subkey: gpgme_subkey_t, _ directory: String) -> Bool {
        guard let grip = subkey.pointee.keygrip else { return false }
        return access("\(directory)/private-keys-v1.d/\(String(cString: grip)).key", F_OK) == 0
    }
}
