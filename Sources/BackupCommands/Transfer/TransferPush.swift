import ArgumentParser
import BackupConfig
import BackupEngine
import BackupModel
import BackupTransfer

/// `gb transfer push`.
struct TransferPush: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Connect once, and let the agent fetch what is offered to it.",
        discussion: """
            With the name of a peer: by its sender policy; what that policy releases is deleted here. With --socket or \
            --command: everything is offered and nothing is deleted. With --to-directory: onto a medium, for the peer \
            that --for names; receipts that the medium brings back count first. Exit codes as those of pull.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var target: TransferTarget
    @OptionGroup var version: ProtocolOption
    @Option(help: ArgumentHelp("Copy onto this medium: a mounted USB stick or share.", valueName: "DIR"))
    var toDirectory: String?
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "The peer or listener for which the medium is filled; default: the only one with a sender policy.",
            valueName: "AGENT"))
    var destination: String?

    func validate() throws {
        guard target.count + (toDirectory == nil ? 0 : 1) == 1 else {
            throw ValidationError("name one of AGENT, --socket, --command and --to-directory")
        }
        if destination != nil, toDirectory == nil { throw ValidationError("--for belongs to --to-directory") }
    }

    func run() async throws {
        let verb = toDirectory == nil ? "fetched" : "copied"
        try await TransferDisplay.run("push", isPush: true, verb: verb, json: json.isOn) {
            [self] display throws(BackupError) in
            try await work(display)
        }
    }

    private func work(_ display: TransferDisplay) async throws(BackupError) -> ConnectionOutcome {
        let host = try TransferHost(
            try common.installation(), software: GB.software, logger: nil, protocolVersion: version.version,
            observer: display)
        if let agent = target.agent {
            let peer = try host.peer(agent)
            if case .directory = peer.connection { display.isAboutMedium() }
            return try await host.push(peer)
        }
        if let toDirectory {
            return try await host.push(toDirectory: try TransferTarget.absolute(toDirectory), for: destination)
        }
        guard let connection = try target.connection() else { throw .noTarget() }
        return try await host.push(connection, as: try AgentName(target.name))
    }
}
