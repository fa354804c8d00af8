import ArgumentParser
import BackupEngine
import BackupModel
import BackupSystem
import BackupTransfer
import Glibc
import Logging

/// `gb transfer serve`.
struct TransferServe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Let other agents connect, and go to peers when their time has come.",
        discussion: """
            Without --stdio: listens on the sockets of transfer.listeners, and connects to the peers that have `every` \
            or `at`, until SIGTERM. With --stdio: serves one connection over standard input and output, for an ssh \
            forced command or socat, and ends with it. Log lines go to standard error.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Serve one connection over standard input and output.") var stdio = false
    @Option(help: ArgumentHelp("Who comes in over --stdio: the agent of a listener or peer.", valueName: "NAME"))
    var agent: String?

    func validate() throws {
        if agent != nil, !stdio {
            throw ValidationError("--agent belongs to --stdio: on a socket the listener says who comes")
        }
    }

    func run() async throws {
        let logger = Logger(label: "gb.transfer") { StreamLogHandler.standardError(label: $0) }
        guard stdio else {
            let host = try TransferHost(try common.installation(), software: GB.software, logger: logger)
            return try await TransferService.runAsProcess(host, logger: logger)
        }
        guard !Output.inputIsTerminal else { throw BackupError.stdioIsTerminal() }
        let outcome = try await Interruption.handle { [self] () throws(BackupError) in try await serve(logger) }
        // The log has said why.
        if let failure = outcome.failure { throw ExitCode(ExitStatus.of(failure)) }
    }

    private func serve(_ logger: Logger) async throws(BackupError) -> ConnectionOutcome {
        let host = try TransferHost(try common.installation(), software: GB.software, logger: logger)
        let context = try host.contextOfGuest(agent)
        // The numbers 0 and 1 stay taken, so that nothing else is ever written into the stream.
        let input = try OwnedDescriptor(STDIN_FILENO, name: "standard input").moved()
        let output = try OwnedDescriptor(STDOUT_FILENO, name: "standard output").moved()
        return try await host.serve(input: input, output: output, as: context)
    }
}
