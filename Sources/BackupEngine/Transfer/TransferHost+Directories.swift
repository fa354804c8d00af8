import BackupConfig
package import BackupModel
import BackupStorage
import BackupSystem
package import BackupTransfer

/// Transfers by a medium that somebody carries.
extension TransferHost {
    /// Stores everything that a medium brings, below `prefix` if there is one, and leaves receipts on it.
    package func pull(fromDirectory path: String, prefix: SourceURL?) async throws(BackupError) -> ConnectionOutcome {
        try await pull(
            fromDirectory: path, as: contexts.adHoc(try AgentName("carrier"), receiver: .all(prefix: prefix)))
    }

    func pull(
        fromDirectory path: String, as context: TransferContext
    ) async throws(BackupError) -> ConnectionOutcome {
        // The receipts are filed under the name by which the sender knows this machine.
        guard let ownName = agent.environment.ownName else { throw .ownNameMissing() }
        try checkNotOurs(path)
        return try await CarrierTransfer(agent.environment, on: eventLoops).pull(
            context, from: try Carrier(path: path, create: false), as: ownName)
    }

    /// Copies onto a medium what is offered to an agent.
    ///
    /// - Parameter destination: the agent; `nil`: the only one that has a sender policy.
    package func push(
        toDirectory path: String, for destination: String?
    ) async throws(BackupError) -> ConnectionOutcome {
        let senders = try contextsWithSender()
        let names = senders.map(\.agent.description)
        guard let destination = destination ?? (names.count == 1 ? names.first : nil) else {
            throw .destinationNeeded(known: names)
        }
        guard let context = senders.first(where: { $0.agent.description == destination }) else {
            throw .unknownAgent(destination, known: names)
        }
        return try await push(toDirectory: path, as: context)
    }

    func push(
        toDirectory path: String, as context: TransferContext
    ) async throws(BackupError) -> ConnectionOutcome {
        try checkNotOurs(path)
        let carrier = try Carrier(path: path, create: true)
        let returns = CarrierReturns(try contextsWithSender(), agent.environment)
        _ = try await BlockingThread.run("gb receipts") { () throws(BackupError) in
            try returns.apply(carrier, for: context.agent)
        }
        return try await CarrierTransfer(agent.environment, on: eventLoops).push(context, to: carrier)
    }

    private func contextsWithSender() throws(BackupError) -> [TransferContext] {
        var found: [TransferContext] = []
        for listener in installation.main.transfer.listeners where listener.sender != nil {
            found.append(try contexts.context(listener))
        }
        for peer in installation.main.transfer.peers where peer.sender != nil {
            let context = try contexts.context(peer, receiving: false)
            if !found.contains(where: { $0.agent == context.agent }) { found.append(context) }
        }
        return found
    }

    /// - Throws: `usage` when the medium is this machine's own storage: what is sent to oneself would be freed as arrived.
    private func checkNotOurs(_ path: String) throws(BackupError) {
        guard let carrier = try? Directory(path: path).descriptor.status(),
            let own = try? Directory(path: installation.main.storage.directory).descriptor.status()
        else { return }
        guard (carrier.device, carrier.inode) != (own.device, own.inode) else { throw .carrierIsStorage(path) }
    }
}
