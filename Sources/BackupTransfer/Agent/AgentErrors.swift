package import BackupModel

/// The wording of what is wrong with the name of an agent, and of an agent that stops.
extension BackupError {
    static func agentName(_ text: String) -> BackupError {
        BackupError(
            .invalidValue, "\"\(text.escapedForMessage)\" cannot be the name of an agent",
            remedy: "use 1 to 64 of A-Z a-z 0-9 - _ . and no . at the beginning")
    }

    package static func transferStopped() -> BackupError { BackupError(.interrupted, "the transfer was stopped") }
    static func poolStopped() -> BackupError { BackupError(.interrupted, "the program is about to end") }
}
