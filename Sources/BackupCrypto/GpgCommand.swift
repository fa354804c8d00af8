package import BackupModel

/// The command lines of the `gpg` process that the bulk of the data goes through: standard input to standard output.
///
/// The first word is the program. All of them ignore `gpg.conf`, so that no line in there can change what a backup
/// looks like, and never ask on a terminal of their own.
package enum GpgCommand {
    static let statusMark = "[GNUPG:] "
    private static let common = ["gpg", "--batch", "--no-tty", "--quiet", "--no-options"]

    /// Encrypts to all of `fingerprints`. The key IDs are not in the output, so that the holder of a backup does not
    /// learn who can read it. It needs no agent, no network and no write access to the directory.
    ///
    /// - Parameter fingerprints: those of ``EncryptionKey/fingerprint``, at least one.
    package static func encrypt(homeDirectory: String, fingerprints: [String]) -> [String] {
        precondition(!fingerprints.isEmpty, "encryption needs a recipient")
        return common + [
            "--homedir", homeDirectory, "--no-autostart", "--disable-dirmngr", "--no-auto-key-locate",
            "--no-auto-check-trustdb", "--no-random-seed-file", "--trust-model", "always", "--no-encrypt-to",
            "--no-armor", "--compress-algo", "none",
        ] + fingerprints.flatMap { ["--hidden-recipient", $0] } + ["--output", "-", "--encrypt"]
    }

    /// Decrypts, also messages that hide their recipients: then `gpg` tries every secret key it has.
    ///
    /// A key with a passphrase is unlocked by the agent, which asks through pinentry: on the terminal that the variable
    /// `GPG_TTY` of the process names, or on a desktop.
    ///
    /// - Parameter mayAsk: Whether a person is there. Without, a passphrase that the agent does not have in its cache
    ///   is a failure at once.
    ///
    /// The exit status alone is no verdict: see ``isDecrypted(exitStatus:errorOutput:)``.
    package static func decrypt(homeDirectory: String, mayAsk: Bool = true) -> [String] {
        common + ["--homedir", homeDirectory, "--disable-dirmngr", "--no-auto-key-retrieve", "--no-auto-check-trustdb"]
            + (mayAsk ? [] : ["--pinentry-mode", "error"]) + ["--status-fd", "2", "--output", "-", "--decrypt"]
    }

    /// Whether a process started by ``decrypt(homeDirectory:mayAsk:)`` has decrypted the whole message, and its
    /// integrity was proven.
    ///
    /// GnuPG 2.2 ends with status 2 after a good decryption when it first tried a key on elliptic curves that a hidden
    /// recipient did not mean. Only that is excused, nothing else.
    ///
    /// - Parameter errorOutput: All that it wrote to standard error.
    package static func isDecrypted(exitStatus: Int32, errorOutput: String) -> Bool {
        guard exitStatus == 0 || exitStatus == 2 else { return false }
        let complaints = errorOutput.split(separator: "\n").filter { !$0.hasPrefix(statusMark) && !isHarmless($0) }
        if exitStatus != 0, !complaints.isEmpty { return false }
        let seen = keywords(errorOutput)
        let bad: Set<Substring> = ["DECRYPTION_FAILED", "BADMDC", "NODATA", "UNEXPECTED", "FAILURE", "BADARMOR"]
        return seen.isSuperset(of: ["DECRYPTION_OKAY", "END_DECRYPTION"]) && seen.isDisjoint(with: bad)
    }

    /// What was wrong with a decryption for which ``isDecrypted(exitStatus:errorOutput:)`` does not hold; `nil` where
    /// the messages say all that is known.
    ///
    /// - Parameters:
    ///   - homeDirectory: as it was given to ``decrypt(homeDirectory:mayAsk:)``, like `mayAsk`.
    ///   - errorOutput: All that it wrote to standard error.
    /// - Returns: `damaged` when the bytes are not those that were encrypted, `keyUnusable` when no secret key opens them,
    ///   or a passphrase was needed and nobody could be asked.
    package static func diagnosis(errorOutput: String, homeDirectory: String, mayAsk: Bool) -> BackupError? {
        let seen = keywords(errorOutput)
        if seen.contains("DECRYPTION_OKAY") { return nil }
        // With the session key at hand, only the bytes can be wrong.
        if !seen.isDisjoint(with: ["DECRYPTION_KEY", "DECRYPTION_INFO", "BADMDC", "NODATA", "UNEXPECTED", "BADARMOR"]) {
            return .encryptedDataDamaged(messages(errorOutput: errorOutput))
        }
        return missingKey(errorOutput: errorOutput, homeDirectory: homeDirectory, mayAsk: mayAsk)
    }

    /// What `gpg` wrote for people, without the lines for programs, and without complaints of readers of smart cards:
    /// it looks for one whenever the recipient is hidden.
    package static func messages(errorOutput: String) -> String {
        errorOutput.split(separator: "\n").filter { !$0.hasPrefix(statusMark) && !isAboutCards($0) }
            .joined(separator: "\n")
    }

    /// The first words of the lines for programs.
    static func keywords(_ errorOutput: String) -> Set<Substring> {
        var seen: Set<Substring> = []
        for line in errorOutput.split(separator: "\n") where line.hasPrefix(statusMark) {
            seen.formUnion(line.dropFirst(statusMark.count).split(separator: " ").prefix(1))
        }
        return seen
    }

    static func isHarmless(_ line: Substring) -> Bool {
        line.hasPrefix("gpg: ecdh failed in gcry_cipher_decrypt: ") || isAboutCards(line)
    }

    static func isAboutCards(_ line: Substring) -> Bool {
        [
            "gpg: error getting version from 'scdaemon': ", "gpg: selecting card failed: ",
            "gpg: selecting openpgp failed: ", "gpg: OpenPGP card not available: ", "gpg: no running scdaemon",
        ].contains { line.hasPrefix($0) }
    }

    /// Prints name and version.
    package static func version() -> [String] { ["gpg", "--no-options", "--version"] }

    /// What undoes the encryption, as the metadata of an element holds it: for a person with the secret key in any
    /// directory on any machine.
    package static let restoreCommand = ["gpg", "--decrypt"]
}
