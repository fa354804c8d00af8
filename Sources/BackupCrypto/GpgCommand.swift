/// The command lines of the `gpg` process that the bulk of the data goes through: standard input to standard output.
///
/// The first word is the program. All of them ignore `gpg.conf`, so that no line in there can change what a backup
/// looks like, and never ask on a terminal of their own.
package enum GpgCommand {
    private static let statusMark = "[GNUPG:] "
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
        var seen: Set<Substring> = []
        for line in errorOutput.split(separator: "\n") {
            if line.hasPrefix(statusMark) {
                seen.formUnion(line.dropFirst(statusMark.count).split(separator: " ").prefix(1))
            } else if exitStatus != 0, !isHarmless(line) {
                return false
            }
        }
        let bad: Set<Substring> = ["DECRYPTION_FAILED", "BADMDC", "NODATA", "UNEXPECTED", "FAILURE", "BADARMOR"]
        return seen.isSuperset(of: ["DECRYPTION_OKAY", "END_DECRYPTION"]) && seen.isDisjoint(with: bad)
    }

    /// What `gpg` wrote for people, without the lines for programs.
    package static func messages(errorOutput: String) -> String {
        errorOutput.split(separator: "\n").filter { !$0.hasPrefix(statusMark) }.joined(separator: "\n")
    }

    private static func isHarmless(_ line: Substring) -> Bool {
        line.hasPrefix("gpg: ecdh failed in gcry_cipher_decrypt: ")
            || line.hasPrefix("gpg: error getting version from 'scdaemon': ")
    }

    /// Prints name and version.
    package static func version() -> [String] { ["gpg", "--no-options", "--version"] }

    /// What undoes the encryption, as the metadata of an element holds it: for a person with the secret key in any
    /// directory on any machine.
    package static let restoreCommand = ["gpg", "--decrypt"]
}
