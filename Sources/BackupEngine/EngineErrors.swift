import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func unknownUnits(_ names: [String], known: [String]) -> BackupError {
        BackupError(
            .notFound, "no enabled unit is called \(names.map(\.escapedForMessage).joined(separator: ", "))",
            remedy: known.isEmpty
                ? "no unit is enabled: link a unit definition into the units directory of the configuration"
                : "enabled are: \(known.joined(separator: ", "))")
    }

    static func generatorBusy(_ stateDirectory: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .busy, "another generator works with the state directory \(stateDirectory.escapedForMessage)",
            remedy: "wait until it has finished, or stop it; `gb generator status` shows what it does", cause: cause)
    }

    static func runFailed(_ source: SourceURL, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "\(source) was not backed up", remedy: "", cause: cause)
    }

    static func commandFailed(_ what: String, _ source: SourceURL, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "the \(what) of \(source) failed",
            remedy: "run it by hand to see why; its key in the unit's configuration is \(what)", cause: cause)
    }

    static func unitUnusable(_ unit: String, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "the unit \(unit) cannot be used", cause: cause)
    }

    static func damagedJournal(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "the journal \(path.escapedForMessage) cannot be written", cause: cause)
    }

    static func interrupted(_ signal: Int32) -> BackupError {
        BackupError(
            .interrupted, "stopped by signal \(signal): what was being backed up was dropped",
            cause: SignalReceived(number: signal))
    }
}
