import BackupModel

/// What `gpg` tells when it gets no session key. It says "No secret key" whether the key is not there, its passphrase was
/// not given, or the packet that it should open is damaged.
extension GpgCommand {
    private static let noKey = "gpg: decryption failed: No secret key"

    /// - Returns: `nil` where something else was wrong: with the agent, a card.
    static func missingKey(errorOutput: String, homeDirectory: String, mayAsk: Bool) -> BackupError? {
        let seen = keywords(errorOutput)
        guard seen.contains("DECRYPTION_FAILED") else { return nil }
        let complaints = errorOutput.split(separator: "\n").filter { !$0.hasPrefix(statusMark) && !isAboutCards($0) }
        let isPlain = complaints.contains { $0 == noKey } && complaints.allSatisfy { $0 == noKey || isHarmless($0) }
        // The key ID in the packet; nothing but zeros where it is hidden.
        let recipients = statusLines("ENC_TO", errorOutput).compactMap(\.first)
        let named = recipients.filter { $0.contains { $0 != "0" } }
        // gpg considers a key whose secret half is there: the one that is named, or any for a hidden recipient.
        if isPlain, !recipients.isEmpty, !seen.contains("KEY_CONSIDERED") {
            return .secretKeyMissing(named.map(String.init), homeDirectory)
        }
        let isLocked = SecretKeyFiles.holdLockedKey(homeDirectory: homeDirectory)
        if isLocked, !mayAsk { return .passphraseNeeded(homeDirectory) }
        guard isPlain, !recipients.isEmpty else { return nil }
        if named.count == recipients.count, !isLocked, complaints.contains(where: { $0 != noKey }) {
            return .encryptedDataDamaged(messages(errorOutput: errorOutput))
        }
        return .noSecretKeyFits(homeDirectory, isLocked: isLocked)
    }

    /// The words behind `keyword` in each of its lines.
    private static func statusLines(_ keyword: String, _ errorOutput: String) -> [[Substring]] {
        errorOutput.split(separator: "\n").filter { $0.hasPrefix(statusMark + keyword + " ") }
            .map { Array($0.dropFirst(statusMark.count).split(separator: " ").dropFirst()) }
    }
}
