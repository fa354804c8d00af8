import ArgumentParser
import BackupModel

/// How commands end that met several errors.
enum Report {
    /// Prints errors and ends the command with the exit code of the first; does nothing if there are none.
    static func errors(_ errors: [BackupError], json: Bool) throws {
        for error in errors {
            if json {
                Output.standard.json(["error": error.json])
            } else {
                Output.error("gb: error: \(error)")
            }
        }
        if let first = errors.first { throw ExitCode(ExitStatus.of(first)) }
    }
}
