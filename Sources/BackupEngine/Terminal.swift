import Glibc

/// The terminal of the person who waits.
enum Terminal {
    /// What gpg's agent needs to ask for a passphrase there: our stages have pipes for standard input.
    static var environment: [String: String] {
        guard getenv("GPG_TTY") == nil, let name = ttyname(STDIN_FILENO) else { return [:] }
        return ["GPG_TTY": String(cString: name)]
    }
}
