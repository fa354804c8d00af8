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

    /// The work was done all the same.
    static func reportLost(_ reason: String) -> BackupError {
        BackupError(
            .inputOutput,
            "all that was to be done is done, and what was backed up is stored; only the report could not be written to "
                + "standard output: \(reason)",
            remedy: "`gb storage list` shows what is stored")
    }

    static func unknownSubcommand(_ name: String, of command: String, nearest: String?, all: [String]) -> BackupError {
        let remedy =
            nearest.map { "did you mean `\(command) \($0)`? `\(command) --help` shows all" }
            ?? "there are \(all.joined(separator: ", "))"
        return BackupError(
            .usage, "there is no subcommand \"\(name.escapedForMessage)\" of `\(command)`", remedy: remedy)
    }

    /// - Parameter reason: as the system says it.
    static func outputLost(_ reason: String) -> BackupError {
        BackupError(
            .inputOutput, "cannot write standard output: \(reason)",
            remedy: "part of what was to be read there is lost; see where it goes to")
    }
}
