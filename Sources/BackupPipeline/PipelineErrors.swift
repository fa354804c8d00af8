import BackupModel
import BackupSystem
import Glibc
import Subprocess
import SystemPackage

/// What messages call a stage.
struct StageLabel: Sendable, CustomStringConvertible {
    let description: String

    init(stage name: String, number: Int, of count: Int) {
        description = count == 1 ? name.escapedForMessage : "\(name.escapedForMessage) (stage \(number) of \(count))"
    }

    init(_ text: String) { description = text }
}

/// The wording of every refusal of this module.
extension BackupError {
    // MARK: - Starting

    static func programMissing(_ stage: StageLabel, _ program: String, searched: String?) -> BackupError {
        let place = searched.map { " in PATH (\($0.escapedForMessage))" } ?? ""
        return BackupError(
            .programMissing, "\(stage): there is no program \(program.escapedForMessage)\(place)",
            remedy: "install it or give its full path")
    }

    static func programUnusable(_ stage: StageLabel, _ path: String, _ reason: String) -> BackupError {
        BackupError(
            .programMissing, "\(stage): \(path.escapedForMessage) cannot be run: \(reason)",
            remedy: "give the full path of an executable file, or change its mode (chmod +x)")
    }

    /// Nothing else is run in its place: that would be another program than the one that was chosen.
    static func libraryUnusable(_ stage: StageLabel, _ path: String, _ reason: String) -> BackupError {
        BackupError(
            .programMissing, "\(stage): \(path.escapedForMessage) cannot be run: \(reason)",
            remedy: "point the link to an executable file, or remove it: then the program is looked for in PATH")
    }

    static func unsafeProgram(_ path: String, _ place: String, _ reason: String) -> BackupError {
        let subject = path == place ? "it" : place.escapedForMessage
        return BackupError(
            .permission, "\(path.escapedForMessage) is not run as root: \(subject) \(reason)",
            remedy: "whoever can change it would be root: `chown root` and `chmod go-w` \(place.escapedForMessage)")
    }

    static func notStarted(_ stage: StageLabel, _ path: String, directory: String, _ error: any Error) -> BackupError {
        guard let error = error as? SubprocessError else {
            return BackupError(.processFailed, "\(stage) could not be started: \("\(error)".escapedForMessage)")
        }
        if error.code == .failedToChangeWorkingDirectory {
            return BackupError(
                .notFound, "\(stage) could not be started in the directory \(directory.escapedForMessage)",
                remedy: "make the directory, or give another one")
        }
        guard let number = error.underlyingError else {
            return BackupError(.processFailed, "\(stage) could not be started: \(error.description.escapedForMessage)")
        }
        if number.rawValue == ENOENT, let interpreter = ExecutableLookup.interpreter(of: path) {
            return BackupError(
                .programMissing,
                "\(stage) could not be started: the interpreter `\(interpreter.escapedForMessage)` that \(path.escapedForMessage) "
                    + "names in its first line is not there",
                remedy: interpreter.hasSuffix("\r")
                    ? "let the lines of the script end with a newline alone, as UNIX has it"
                    : "install it, or correct the first line")
        }
        let cause = BackupError.system(number.rawValue, "run", path)
        return BackupError(cause.code, "\(stage) could not be started: \(cause.message)", remedy: cause.remedy)
    }

    /// As the kernel says it.
    static func noExecutable(_ stage: StageLabel, _ path: String) -> BackupError {
        let cause = BackupError.system(ENOEXEC, "run", path)
        return BackupError(
            cause.code, "\(stage) could not be started: \(cause.message)",
            remedy: "a program is a binary of this machine or a script that begins with `#!`; this file is neither")
    }

    // MARK: - Processes that end badly

    static func badStatus(_ stage: StageLabel, _ status: Int32, _ lastLines: String) -> BackupError {
        BackupError(.processFailed, "\(stage) ended with status \(status)" + quoted(lastLines))
    }

    static func killed(_ stage: StageLabel, signal: Int32, _ lastLines: String) -> BackupError {
        let remedy =
            switch signal {
            case 9: "if nobody has killed it, the kernel may have for want of memory: look at `dmesg`"
            case 13: "whoever read its output has left before its end"
            default: ""
            }
        return BackupError(
            .processFailed, "\(stage) was ended by signal \(signal)\(signalName(signal))" + quoted(lastLines),
            remedy: remedy)
    }

    static func unreadInput(_ stage: StageLabel, bytes: Int, _ lastLines: String) -> BackupError {
        BackupError(
            .processFailed,
            "\(stage) ended without an error but left \(bytes) bytes of its input unread"
                + quoted(lastLines), remedy: "a stage must read its input to the end")
    }

    static func leftEarly(_ stage: StageLabel, _ lastLines: String) -> BackupError {
        BackupError(
            .processFailed, "\(stage) ended without an error but left before its input ended" + quoted(lastLines),
            remedy: "a stage must read its input to the end")
    }

    static func outputHeldOpen(_ stage: StageLabel, seconds: Double) -> BackupError {
        BackupError(
            .processFailed,
            "\(stage) has ended, but something it has started holds its output open for more than \(rounded(seconds))",
            remedy: "have it wait for its children, or give them another standard output")
    }

    private static func quoted(_ lastLines: String) -> String { lastLines.isEmpty ? "" : ": " + lastLines }

    private static func signalName(_ signal: Int32) -> String {
        let names: [Int32: String] = [
            1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
            11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
        ]
        return names[signal].map { " (\($0))" } ?? ""
    }

    /// The process has said itself what kind of failure it is.
    static func meantStatus(
        _ stage: StageLabel, _ status: Int32, _ code: BackupError.Code, _ lastLines: String
    ) -> BackupError {
        guard code == .busy else {
            return BackupError(code, "\(stage) ended with status \(status)" + quoted(lastLines))
        }
        return BackupError(
            code, "\(stage) ended with status \(status): it is not possible now" + quoted(lastLines),
            remedy: "it is tried again later")
    }

    // MARK: - Descriptor 3

    private static let messageRemedy =
        "let it write one JSON object a line, and progress rarely; data belongs on standard output"

    static func messageFlood(limit: Int) -> BackupError {
        BackupError(
            .processFailed, "it wrote more than \(limit) bytes to descriptor 3 and was stopped", remedy: messageRemedy)
    }

    static func messageTooLong(limit: Int) -> BackupError {
        BackupError(
            .processFailed, "it wrote a line of more than \(limit) bytes to descriptor 3 and was stopped",
            remedy: messageRemedy)
    }

    static func messagesHeldOpen(seconds: Double) -> BackupError {
        BackupError(
            .processFailed,
            "it has ended, but something it has started holds descriptor 3 open for more than \(rounded(seconds))",
            remedy: "have it wait for its children, or close the descriptor for them (3>&-)")
    }

    static func messageCutOff(bytes: Int) -> BackupError {
        BackupError(
            .processFailed, "the last line that it wrote to descriptor 3, of \(bytes) bytes, has no end",
            remedy: "end each message with a newline")
    }

    // MARK: - Time

    static func tooSlow(_ stage: StageLabel, limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "\(stage) has not ended within \(limit)",
            remedy: "find out what it waits for, or give it more time")
    }

    static func stalled(_ stage: StageLabel, limit: TimeSpan) -> BackupError {
        BackupError(
            .timedOut, "\(stage) hangs: nothing has moved for \(limit)",
            remedy: "find out what it waits for, or allow longer pauses")
    }

    private static func rounded(_ seconds: Double) -> String { TimeSpan(seconds: Int64(seconds)).description }

    // MARK: - Bytes

    static func digestMismatch(_ name: String) -> BackupError {
        BackupError(
            .damaged, "\(name.escapedForMessage) is damaged: its SHA-512 is not the one that was recorded for it",
            remedy: "fetch it again from another storage, and check the disk")
    }

    static func outputReaderGone(_ name: String) -> BackupError {
        BackupError(
            .inputOutput, "nobody reads \(name.escapedForMessage) any more: its reader has left before the end",
            remedy: "look at the program that reads it")
    }

    static func stageFailed(_ stage: StageLabel, _ error: BackupError) -> BackupError {
        BackupError(error.code, "\(stage): \(error.message)", remedy: error.remedy, cause: error.cause)
    }

    // MARK: - Consequences

    static func readerGone() -> BackupError {
        BackupError(.processFailed, "the stage that reads its output has ended before it")
    }

    static func stopped() -> BackupError { BackupError(.interrupted, "stopped, because the pipeline is") }

    static func interrupted() -> BackupError { BackupError(.interrupted, "the pipeline was interrupted") }
}
