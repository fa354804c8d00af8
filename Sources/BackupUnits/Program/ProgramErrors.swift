import BackupModel

/// The wording of refusals around programs that are units.
extension BackupError {
    private static let document = "doc/own-units.md says what a program answers"

    /// What is wrong with an answer, without whose it is.
    static func answer(_ reason: String) -> BackupError {
        BackupError(.damaged, reason, remedy: "correct the program; " + document)
    }

    static func otherProtocol(_ version: Int64) -> BackupError {
        BackupError(
            .configuration,
            "it speaks version \(version) of the protocol, this version of gb speaks \(ProgramDescription.protocolVersion)",
            remedy: version > ProgramDescription.protocolVersion
                ? "update gb, or install an older version of the program" : "install a newer version of the program")
    }

    static func sourceOutside(_ source: SourceURL, _ prefix: SourceURL) -> BackupError {
        BackupError(
            .damaged, "the source \(source) does not lie in \(prefix), which is the unit's prefix",
            remedy: "correct the program, or the key prefix in the unit's configuration")
    }

    /// What went wrong with a question; whoever hands it on says of which unit.
    static func callFailed(_ program: String, _ call: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code, "`\(program.escapedForMessage) \(call)` is of no use: \(cause.message)",
            remedy: cause.remedy, cause: cause.cause)
    }

    /// What went wrong with `done` or `failed`.
    static func hintFailed(_ program: String, _ call: String, _ cause: BackupError) -> BackupError {
        BackupError(
            cause.code,
            "`\(program.escapedForMessage) \(call)` went wrong, which changes nothing about the backup: \(cause.message)",
            remedy: cause.remedy, cause: cause.cause)
    }

    static func message(_ reason: String) -> BackupError {
        BackupError(
            .processFailed, "it wrote to descriptor 3 \(reason)",
            remedy: "correct the program; doc/own-units.md lists the messages")
    }

    static func otherLength(_ program: String, said: Int64, seen: Int64) -> BackupError {
        BackupError(
            .processFailed,
            "\(program.escapedForMessage) says that it wrote \(said) bytes, but \(seen) came",
            remedy: "find out what cut the data short or added to it; nothing of it is stored")
    }

    static func notPlanned(_ unit: String, _ source: SourceURL, known: [SourceURL]) -> BackupError {
        BackupError(
            .notFound, "the plan of the unit \(unit) has no source \(source)",
            remedy: known.isEmpty ? "" : "it has " + known.prefix(20).map(\.description).joined(separator: ", "))
    }

    static func programChanged(_ unit: String, _ path: String) -> BackupError {
        BackupError(
            .busy, "\(path.escapedForMessage) was changed since the unit \(unit) has asked it for its plan",
            remedy: "nothing needs to be done if that was intended: it is asked again before the next run")
    }

    static func programBusy(_ unit: String) -> BackupError {
        BackupError(.busy, "the program of the unit \(unit) is at work: it is never called twice at a time")
    }

    static func statesTooLarge(_ unit: String, limit: Int) -> BackupError {
        BackupError(
            .resources, "the states of all sources of the unit \(unit) are more than \(limit >> 20) MiB together",
            remedy: "let the program say smaller states, or divide its sources between two units")
    }
}
