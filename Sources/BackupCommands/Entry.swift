import ArgumentParser
import BackupModel
import CBackupShims
import Glibc

/// From the command line to the exit code.
package enum Entry {
    /// Parses the arguments of this process, runs the command, and ends the process.
    package static func main() async -> Never {
        backup_use_one_heap()
        // Readers that leave are told by errors, so that work in progress is not cut off. A handler, not SIG_IGN: that
        // would be inherited by the programs we start.
        signal(SIGPIPE) { _ in }
        Output.occupyStandardDescriptors()
        do {
            let arguments = try CommandWords.arranged(RawArguments.all)
            var command = try GB.parseAsRoot(arguments)
            try refuseRaw(arguments, command)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            end(0)
        } catch let error as BackupError {
            report(error)
            end(ExitStatus.of(error))
        } catch let error as ExitCode {
            end(error.rawValue)
        } catch {
            if wantsJSON, GB.exitCode(for: error) == .validationFailure {
                report(.commandLine(GB.message(for: error)))
                end(ExitStatus.usage)
            }
            Output.standard.flush()
            // Wrong usage, `--help` and `--version` are ArgumentParser's: its text, and exit code 64 for wrong usage.
            GB.exit(withError: error)
        }
    }

    /// All but the names of files is text: what is none would be taken for something else.
    private static func refuseRaw(_ arguments: [String], _ command: any ParsableCommand) throws(BackupError) {
        var allowed = (command as? any TakesRawArguments)?.rawArguments ?? []
        for argument in arguments where RawArguments.isRaw(argument) {
            if let index = allowed.firstIndex(of: argument) {
                allowed.remove(at: index)
            } else {
                throw .argumentNotText(RawArguments.bytes(argument))
            }
        }
    }

    /// The options cannot be asked: a command line that is wrong has none.
    private static var wantsJSON: Bool { CommandLine.arguments.contains("--json") }

    /// One object on standard output for `--json`, a sentence on standard error otherwise.
    private static func report(_ error: BackupError) { Report.show(error, json: wantsJSON) }

    /// A result that could not be written is no success, however well the work went. What people read is no result
    /// where the command outlives its reader: nobody must take a backup that is stored for one that failed.
    private static func end(_ status: Int32) -> Never {
        Output.standard.flush()
        guard let reason = Output.standard.failure else { exit(status) }
        guard status == 0 else {
            Output.error("gb: error: \(BackupError.outputLost(reason))")
            exit(status)
        }
        let lost = BackupError.reportLost(reason)
        guard wantsJSON else {
            Output.warning(lost.description)
            exit(0)
        }
        Output.error("gb: error: \(lost)")
        exit(ExitStatus.failed)
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
