import BackupConfig
import BackupModel
import BackupSystem

/// The wording of what is refused about log files.
extension BackupError {
    // MARK: - Inputs

    static func inputUnusable(_ input: LogfileInputSettings, _ cause: BackupError) -> BackupError {
        BackupError(cause.code, "inputs.\(input.name) cannot be looked into", cause: cause)
    }

    static func patternStuck(_ input: LogfileInputSettings, _ name: String?) -> BackupError {
        let place = name.map { "with the name \"\($0.escapedForMessage)\"" } ?? "since an earlier look"
        return BackupError(
            .timedOut, "matching inputs.\(input.name).pattern \(place) takes too long and was given up",
            remedy:
                "a repetition in a repetition, as in (a+)+, can take for ever: write the pattern without, and restart "
                + "the generator")
    }

    static func patternFailed(_ input: LogfileInputSettings, _ reason: String) -> BackupError {
        BackupError(
            .configuration, "inputs.\(input.name).pattern cannot be used: \(reason.escapedForMessage)",
            remedy: "correct the pattern")
    }

    static func tooManyNames(_ limit: Int) -> BackupError {
        BackupError(
            .resources, "the directory has more than \(limit) names",
            remedy: "give each program a directory for its log files, or delete what is not needed")
    }

    // MARK: - Names

    static func notAFile(_ kind: String) -> BackupError {
        BackupError(.invalidValue, "it is \(kind), only plain files are stored")
    }

    static func twoSerials() -> BackupError {
        BackupError(
            .invalidValue, "both serial and oldserial have matched", remedy: "use one of them for the files of a log")
    }

    static func unknownCompression(_ suffix: String) -> BackupError {
        let known = FileCompression.allCases.map(\.rawValue).joined(separator: ", ")
        return BackupError(
            .invalidValue, "\"\(suffix.escapedForMessage)\" is no compression that is known",
            remedy: "the group compress matches one of \(known)")
    }

    static func twoDirectories(_ one: String, _ other: String) -> BackupError {
        BackupError(
            .configuration,
            "files in \(one.escapedForMessage) and in \(other.escapedForMessage) would be one source",
            remedy: "give the inputs different values of source")
    }

    static func mixedSerials(_ names: [String]) -> BackupError {
        BackupError(
            .configuration,
            "some of its files have a serial and some an oldserial, so they have no order "
                + "(\(names.sorted().prefix(4).joined(separator: ", ").escapedForMessage))",
            remedy:
                "two ways of rotation are at work: move the files of one of them away, or give them a source of their own"
        )
    }

    static func sameSerial(_ one: String, _ other: String) -> BackupError {
        BackupError(
            .configuration,
            "\(one.escapedForMessage) and \(other.escapedForMessage) have the same serial, so they have no order",
            remedy: "where one is being compressed into the other it passes; else move the one that is too much away")
    }

    // MARK: - Files

    static func nothingToStore(_ source: SourceURL, _ reason: String?, _ problems: [BackupError]) -> BackupError {
        if reason == nil, let problem = problems.first { return problem }
        return BackupError(
            .notFound, "no file of \(source) can be stored now: \(reason ?? "none is there")",
            remedy: "`gb generator list` shows what waits, and why")
    }

    static func fileReplaced(_ path: String) -> BackupError {
        BackupError(
            .busy, "\(path.escapedForMessage) was replaced or written to while it was opened",
            remedy: "it is tried again at the next look")
    }

    static func fileChanged(_ path: String) -> BackupError {
        BackupError(
            .busy, "\(path.escapedForMessage) was written to while it was read, so nothing of it was stored",
            remedy: "it is tried again when it has settled; if a program appends to it for good, rotate it first")
    }

    // MARK: - After storing

    static func fileOpen(_ writer: OpenFiles.Writer) -> BackupError {
        BackupError(
            .busy, "it is open for writing by \(writer)", remedy: "it is tried again at the end of the next round")
    }

    static func unknownWriters(_ reason: String) -> BackupError {
        BackupError(
            .busy, "who has it open for writing cannot be told (\(reason.escapedForMessage))",
            remedy: "run as root, or set when_unknown: take")
    }

    static func fileNotTheSame() -> BackupError {
        BackupError(
            .busy, "it was replaced or written to meanwhile", remedy: "what is there now is stored in its turn")
    }

    static func severalNames() -> BackupError {
        BackupError(
            .failed, "it has several names (hard links), and cutting it would cut what somebody else may need",
            remedy: "remove the other names, or set after_store: delete")
    }

    // MARK: - Memory

    static func noFileList() -> BackupError {
        BackupError(.damaged, "it is not {\"files\": [{directory, name, inode, ...}]}")
    }

    static func memoryDamaged(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .damaged, "the list of log files that are stored already cannot be read: \(path.escapedForMessage)",
            remedy: "remove it: then files that were stored and kept are stored once more", cause: cause)
    }
}
