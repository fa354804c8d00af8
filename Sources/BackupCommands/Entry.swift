import ArgumentParser
import BackupModel
import Glibc

/// From the command line to the exit code.
package enum Entry {
    /// Parses the arguments of this process, runs the command, and ends the process.
    package static func main() async -> Never {
        do {
            var command = try GB.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Output.standard.flush()
            exit(0)
        } catch let error as BackupError {
            Output.standard.flush()
            report(error)
            exit(ExitStatus.of(error))
        } catch {
            Output.standard.flush()
            // Usage errors, `--help` and `--version` are ArgumentParser's: its text, and exit code 64 for wrong usage.
            GB.exit(withError: error)
        }
    }

    /// One object on standard output for `--json`, a sentence on standard error otherwise.
    private static func report(_ error: BackupError) {
        if CommandLine.arguments.contains("--json") {
            Output.standard.json(["error": error.json])
            Output.standard.flush()
        } else {
            Output.error("gb: error: \(error)")
        }
    }
}

extension BackupError {
    /// As `--json` output and scripts see it.
    var json: JSONValue {
        .object([
            "code": .string(code.rawValue), "message": .string(description),
            "exit": .integer(ExitStatus.of(self)),
        ])
    }
}
