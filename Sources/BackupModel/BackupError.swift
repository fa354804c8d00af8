/// What every refusal of the toolkit looks like: a code for programs and tests, a sentence for people, the way
/// out, and what lay beneath it.
///
/// The wording is built in one file of each module (`…Errors.swift`), the exit code in one table of
/// `BackupCommands`; nothing else interprets a message.
package struct BackupError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is. A struct over a private enum: a new code breaks no `switch` elsewhere.
    package let code: Code
    /// What went wrong, where and why, as one sentence without a full stop.
    package let message: String
    /// What the reader can do about it, as one sentence without a full stop; empty where nothing is known.
    package let remedy: String
    /// The error beneath this one, if any.
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, remedy: String = "", cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.cause = cause
    }

    /// The message, its causes and the way out, as a person reads them on one line.
    package var description: String {
        var text = message
        var next = cause
        while let error = next {
            if let error = error as? BackupError {
                text += ": " + error.message
                next = error.cause
            } else {
                text += ": \(error)"
                next = nil
            }
        }
        let hint = firstRemedy
        return hint.isEmpty ? text : text + "; " + hint
    }

    /// The remedy of this error or, where it has none, of the nearest cause that has one.
    package var firstRemedy: String {
        if !remedy.isEmpty { return remedy }
        return (cause as? BackupError)?.firstRemedy ?? ""
    }
}

extension BackupError {
    /// The kinds of refusal. `rawValue` is stable: it appears in `--json` output and in the journal.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case usage, configuration, failed
            case notFound = "not_found"
            case damaged
            case untrusted
            case policyViolation = "policy_violation"
            case partlyDone = "partly_done"
            case busy
            case noSpace = "no_space"
            case readOnly = "read_only"
            case permission
            case resources
            case processFailed = "process_failed"
            case timedOut = "timed_out"
            case interrupted
            case keyUnusable = "key_unusable"
            case programMissing = "program_missing"
            case exists
            case invalidValue = "invalid_value"
            case inputOutput = "input_output"
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        package var rawValue: String { kind.rawValue }
        package var description: String { kind.rawValue }

        /// The command line is wrong.
        package static let usage = Code(.usage)
        /// A configuration file is wrong.
        package static let configuration = Code(.configuration)
        /// Something did not work, and no other code says it better.
        package static let failed = Code(.failed)
        /// No such source, element, unit or file.
        package static let notFound = Code(.notFound)
        /// Stored bytes or metadata are not what they must be.
        package static let damaged = Code(.damaged)
        /// Data whose signature or origin is not what was demanded.
        package static let untrusted = Code(.untrusted)
        /// A policy was violated.
        package static let policyViolation = Code(.policyViolation)
        /// Some of the work was done, some failed.
        package static let partlyDone = Code(.partlyDone)
        /// Somebody else holds what is needed; later it may be free.
        package static let busy = Code(.busy)
        /// No space, no inodes, or the quota is used up.
        package static let noSpace = Code(.noSpace)
        /// The file system is mounted read-only.
        package static let readOnly = Code(.readOnly)
        /// The permissions do not allow it.
        package static let permission = Code(.permission)
        /// Too few descriptors, processes or too little memory.
        package static let resources = Code(.resources)
        /// A process ended badly, left input unread or left early.
        package static let processFailed = Code(.processFailed)
        /// Something took longer than it was given.
        package static let timedOut = Code(.timedOut)
        /// A signal or a caller asked to stop.
        package static let interrupted = Code(.interrupted)
        /// A key is missing, expired, revoked or cannot do what it is needed for.
        package static let keyUnusable = Code(.keyUnusable)
        /// A program that is needed is not installed or not executable.
        package static let programMissing = Code(.programMissing)
        /// Something is already there that must not be overwritten.
        package static let exists = Code(.exists)
        /// A value is not in the form it must have.
        package static let invalidValue = Code(.invalidValue)
        /// The system reported an error on reading or writing that no other code says better.
        package static let inputOutput = Code(.inputOutput)
    }
}
