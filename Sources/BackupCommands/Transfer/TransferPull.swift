import ArgumentParser
import BackupEngine
import BackupModel
import BackupTransfer

/// `gb transfer pull`.
struct TransferPull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch once what an agent offers.",
        discussion: """
            With the name of a peer: by its receiver policy. With --socket or --command: everything that is offered, \
            stored and kept; --prefix puts it under a path of its own. Exit code 0: all that was wanted is here; 3: some \
            elements were refused or could not be read; 4: some of those were damaged or not what they claimed to be; \
            75: the agent cannot be reached, the connection broke, or the storage has no room for \
            some of it: what came stays, and the next pull goes on.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var target: TransferTarget
    @OptionGroup var version: ProtocolOption
    @Option(
        help: ArgumentHelp("Fetch from a medium that `gb transfer push --to-directory` has filled.", valueName: "DIR"))
    var fromDirectory: String?
    @Option(help: ArgumentHelp("Store under this path, for example /web1.", valueName: "PATH"))
    var prefix: String?

    func validate() throws {
        guard target.count + (fromDirectory == nil ? 0 : 1) == 1 else {
            throw ValidationError("name one of AGENT, --socket, --command and --from-directory")
        }
        if prefix != nil, target.agent != nil {
            throw ValidationError("the prefix of a configured peer stands in its receiver policy")
        }
    }

    func run() async throws {
        try await TransferDisplay.run("pull", json: json.isOn) { [self] display throws(BackupError) in
            try await work(display)
        }
    }

    private func work(_ display: TransferDisplay) async throws(BackupError) -> ConnectionOutcome {
        let host = try TransferHost(
            try common.installation(), software: GB.software, logger: nil, protocolVersion: version.version,
            observer: display)
        if let agent = target.agent { return try await host.pull(try host.peer(agent)) }
        let source = try prefix.map { text throws(BackupError) in try SourceURL(text) }
        if let fromDirectory {
            return try await host.pull(fromDirectory: try TransferTarget.absolute(fromDirectory), prefix: source)
        }
        guard let connection = try target.connection() else { throw .noTarget() }
        return try await host.pull(connection, as: try AgentName(target.name), prefix: source)
    }
}
