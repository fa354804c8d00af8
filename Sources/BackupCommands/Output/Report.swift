import ArgumentParser
import BackupModel

/// How commands say that something went wrong.
enum Report {
    /// Prints an error: an object on standard output for `--json`, a sentence on standard error otherwise.
    static func show(_ error: BackupError, json: Bool) {
        if json {
            Output.standard.json(["error": error.json])
        } else {
            // What was printed before belongs before it.
            Output.standard.flush()
            Output.error("gb: error: \(error)")
        }
    }

    /// Prints errors and ends the command with the exit code of the first; does nothing if there are none.
    static func errors(_ errors: [BackupError], json: Bool) throws {
        for error in errors { show(error, json: json) }
        if let first = errors.first { throw ExitCode(ExitStatus.of(first)) }
    }
}
