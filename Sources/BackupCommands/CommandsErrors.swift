import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    /// - Parameter message: what ArgumentParser says.
    static func commandLine(_ message: String) -> BackupError {
        BackupError(.usage, message, remedy: "`--help` says what the command takes")
    }

    static func argumentNotText(_ bytes: [UInt8]) -> BackupError {
        BackupError(
            .usage, "the argument \"\(bytes.escapedForMessage)\" is no UTF-8",
            remedy:
                "only the paths of `gb restore extract` may be other bytes; use another name, or a symbolic link to it")
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

    /// Two ways to name a point that do not go together.
    static func elementAsBound() -> BackupError {
        BackupError(
            .usage, "--before-package goes together with a time of --at, not with an element",
            remedy: "give the time up to which changes count, or leave one of the two out")
    }

    /// - Parameters:
    ///   - first: the time of the oldest element.
    ///   - isLast: whether the last change was asked for, and not one before it.
    ///   - isBounded: whether a time was given up to which changes count.
    static func changeBeforeFirst(
        _ change: PackageChange, _ source: SourceURL, first: Timestamp, isLast: Bool, isBounded: Bool
    ) -> BackupError {
        let later = [
            isLast ? nil : "a smaller `--occurrence`", isBounded ? "a later `--at`, or none," : nil,
        ].compactMap { $0 }.joined(separator: " or ")
        return BackupError(
            .notFound,
            "nothing of \(source) is as old as \(change.moment), the last moment before \(change.summary); its first "
                + "element is of \(first)",
            remedy: (later.isEmpty ? "" : "\(later) finds a later change; ")
                + "`--at \(first)` without `--before-package` gives the oldest state that there is")
    }

    static func catOfTar(_ source: SourceURL) -> BackupError {
        BackupError(
            .usage, "\(source) has increments of tar, which are not one archive when they stand one behind the other",
            remedy: "`gb restore extract` unpacks them in their order; `gb restore cat ELEMENT` gives one of them")
    }

    static func timeOfElement(_ id: ElementID) -> BackupError {
        BackupError(
            .usage, "\(id) is an element, which has a time of its own",
            remedy: "leave `--at` out (and `--before-package`), or name the source")
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

    /// - Parameter kind: what the word should have been.
    static func unknownWord(_ kind: String, _ word: String, known: [String]) -> BackupError {
        let nearest = Spelling.nearest(to: word, of: known).map { "did you mean \($0)? " } ?? ""
        return BackupError(
            .usage, "there is no \(kind) \"\(word.escapedForMessage)\"",
            remedy: nearest + "there are \(known.joined(separator: ", "))")
    }

    static func emptyRange(_ from: Timestamp, _ to: Timestamp) -> BackupError {
        BackupError(
            .usage, "nothing is since \(from) and until \(to)", remedy: "give the earlier time to --since")
    }

    /// - Parameter reason: as the system says it.
    static func outputLost(_ reason: String) -> BackupError {
        BackupError(
            .inputOutput, "cannot write standard output: \(reason)",
            remedy: "part of what was to be read there is lost; see where it goes to")
    }

    static func machineUnregistered() -> BackupError {
        BackupError(
            .notFound, "this machine was not registered", remedy: "`gb machine register` gives it an identity")
    }
}

/// The wording of refusals of the transfer commands.
extension BackupError {
    static func stdioIsTerminal() -> BackupError {
        BackupError(
            .usage, "standard input is a terminal, and --stdio expects another agent there",
            remedy: "let ssh or socat start this command; `gb transfer pull --command` does so from the other side")
    }

    /// - Parameter label: the command: pull or push.
    static func transferInterrupted(_ label: String, _ error: BackupError) -> BackupError {
        BackupError(
            .interrupted, "the \(label) did not end",
            remedy: "what came stays, and the next one goes on where this one stopped", cause: error.cause)
    }

    static func openQuote(_ text: String) -> BackupError {
        BackupError(
            .usage, "a quote is not closed in the command \"\(text.escapedForMessage)\"",
            remedy: "quote blanks as in a shell: --command \"ssh -T backup@host\"")
    }

    static func emptyCommandLine() -> BackupError {
        BackupError(.usage, "the command is empty", remedy: "for example --command \"ssh -T backup@host\"")
    }

    static func noTarget() -> BackupError {
        BackupError(.usage, "nobody is named to transfer with", remedy: "name an AGENT, --socket or --command")
    }
}
