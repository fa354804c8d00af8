import ArgumentParser
import BackupEngine
import BackupModel
import BackupTransfer

/// `gb transfer status`.
struct TransferStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the agents, when they were seen, and what waits for whom.",
        discussion: """
            Exit code 0: the last connection of every agent ended well; 1: some did not. Asks the running service, if \
            there is one, for its connections.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption

    func run() async throws {
        let overview = try await TransferOverview.make(try common.installation())
        if json.isOn { printJSON(overview) } else { printText(overview) }
        if overview.agents.contains(where: { $0.record.lastFailure != nil }) { throw ExitCode(ExitStatus.failed) }
    }

    private func printText(_ overview: TransferOverview) {
        switch overview.process {
        case nil: Output.standard.line("No transfer service is running.")
        case let process?: Output.standard.line("A transfer service is running: process \(process).")
        }
        var table = Table(
            ["AGENT", "LAST SEEN", "LAST TRANSFER", "CONNECTED", "WAITING", "BYTES", "STATE"], rightAligned: [4, 5])
        for agent in overview.agents {
            table.add([
                agent.name.description, agent.record.lastSeen?.description ?? "never",
                agent.record.lastTransfer?.description ?? "", agent.isConnected ? "yes" : "",
                agent.waiting.map { "\($0.count)" } ?? "", agent.waiting.map { ByteCount($0.bytes).description } ?? "",
                agent.record.lastFailure == nil ? (agent.record.lastSeen == nil ? "" : "good") : "failed",
            ])
        }
        table.print()
        for agent in overview.agents {
            guard let failure = agent.record.lastFailure else { continue }
            Output.standard.line("\(agent.name): \(failure)")
        }
    }

    private func printJSON(_ overview: TransferOverview) {
        for agent in overview.agents {
            var object: JSONObject = [
                "agent": .string(agent.name.description), "connected": .bool(agent.isConnected),
                "service_process": overview.process.map { .integer($0) } ?? .null,
                "last_seen": agent.record.lastSeen.map { .string($0.description) } ?? .null,
                "last_transfer": agent.record.lastTransfer.map { .string($0.description) } ?? .null,
                "last_failure": agent.record.lastFailure.map { .string($0) } ?? .null,
            ]
            object["waiting_elements"] = agent.waiting.map { .integer($0.count) }
            object["waiting_bytes"] = agent.waiting.map { .integer($0.bytes) }
            Output.standard.json(object)
        }
    }
}
