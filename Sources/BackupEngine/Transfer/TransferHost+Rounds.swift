package import BackupConfig
package import BackupModel
import BackupStorage
package import BackupSystem
package import BackupTransfer

/// Single rounds, as a person or a timer starts them.
extension TransferHost {
    /// Serves one connection over two descriptors.
    package func serve(
        input: OwnedDescriptor, output: OwnedDescriptor, as context: TransferContext
    ) async throws(BackupError) -> ConnectionOutcome {
        let stream = try await PeerStream.pipes(input: input, output: output, on: eventLoops)
        return Self.named(
            await agent.run(stream, as: context, via: "standard input and output"), context.agent)
    }

    /// Fetches from a configured peer.
    package func pull(_ peer: PeerSettings) async throws(BackupError) -> ConnectionOutcome {
        guard peer.receiver != nil else { throw .noPolicy("receiver", peer.agent, "pull") }
        if case .directory(let path) = peer.connection {
            return try await pull(fromDirectory: path, as: try contexts.context(peer, sending: false))
        }
        return try await round(with: peer, sending: false)
    }

    /// Fetches everything over a connection that is not configured.
    package func pull(
        _ connection: PeerConnectionSetting, as agent: AgentName, prefix: SourceURL?
    ) async throws(BackupError) -> ConnectionOutcome {
        try await connect(connection, as: contexts.adHoc(agent, receiver: .all(prefix: prefix)))
    }

    /// Lets a configured peer fetch.
    package func push(_ peer: PeerSettings) async throws(BackupError) -> ConnectionOutcome {
        guard peer.sender != nil else { throw .noPolicy("sender", peer.agent, "push") }
        if case .directory(let path) = peer.connection {
            return try await push(toDirectory: path, as: try contexts.context(peer, receiving: false))
        }
        return try await round(with: peer, receiving: false)
    }

    /// Lets somebody fetch over a connection that is not configured; nothing is deleted.
    package func push(
        _ connection: PeerConnectionSetting, as agent: AgentName
    ) async throws(BackupError) -> ConnectionOutcome {
        try await connect(connection, as: contexts.adHoc(agent, sender: SenderKeepDataTransferPolicy()))
    }
}
