import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    /// - Parameter message: what ArgumentParser says.
    static func commandLine(_ message: String) -> BackupError {
        BackupError(.usage, message, remedy: "`--help` says what the command takes")
    }

    static func noMatch(_ pattern: String) -> BackupError {
        BackupError(
            .notFound, "no source of this storage matches --source \(pattern.escapedForMessage)",
            remedy: "`gb restore list` shows the sources")
    }

    /// - Parameter cause: why a text is no time.
    static func noRestorePoint(_ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, cause.message,
            remedy: cause.remedy + "; or the ID of an element, as `gb restore list SOURCE` shows it")
    }

    /// - Parameter reason: as the system says it.
    static func outputLost(_ reason: String) -> BackupError {
        BackupError(
            .inputOutput, "cannot write standard output: \(reason)",
            remedy: "part of what was to be read there is lost; see where it goes to")
    }
}
