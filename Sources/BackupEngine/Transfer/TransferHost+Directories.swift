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
        try checkNotOurs(path)
        let carrier = try Carrier(path: path, create: false)
        // The receipts are filed under the name by which the sender knows this machine.
        guard let ownName = agent.environment.ownName else { throw .ownNameMissing(known: carrier.destinations) }
        return try await CarrierTransfer(agent.environment, on: eventLoops).pull(context, from: carrier, as: ownName)
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
        let returns = CarrierReturns(
            [context] + (try contextsWithSender()), contexts.ledger, agent.environment)
        let now = installation.clock.now()
        let age = installation.main.transfer.partialMaximumAge
        try await BlockingThread.run("gb receipts") { () throws(BackupError) in
            try carrier.recover(now: now, partialsBefore: now - age)
            // First what has arrived goes: it makes room.
            _ = try returns.apply(carrier, for: context.agent)
            try carrier.addDestination(context.agent)
        }
        return try await CarrierTransfer(agent.environment, on: eventLoops).push(context, to: carrier)
    }

    /// Fills a medium, and fetches from it, as far as the policies of its agent say.
    func round(withDirectory path: String, as context: TransferContext) async throws(BackupError) -> ConnectionOutcome {
        guard context.senderPolicy != nil else { return try await pull(fromDirectory: path, as: context) }
        let outcome = try await push(toDirectory: path, as: context)
        guard context.receiverPolicy != nil, outcome.failure == nil else { return outcome }
        return try await pull(fromDirectory: path, as: context)
    }

    private func contextsWithSender() throws(BackupError) -> [TransferContext] {
        var found: [TransferContext] = []
        for listener in installation.main.transfer.listeners where listener.sender != nil {
            found.append(
                try contexts.context(
                    listener.agent, listener.sender, nil, listener.bandwidth,
                    TransferTimeoutSettings(
                        idle: installation.main.transfer.limits.idleTimeout,
                        stall: installation.main.transfer.limits.stallTimeout)))
        }
        for peer in installation.main.transfer.peers where peer.sender != nil {
            let context = try contexts.context(peer, receiving: false)
            if !found.contains(where: { $0.agent == context.agent }) { found.append(context) }
        }
        return found
    }

    /// - Throws: `usage` when the medium is this machine's own storage: what is sent to oneself would be freed as arrived.
    private func checkNotOurs(_ path: String) throws(BackupError) {
        guard let own = try? Directory(path: installation.main.storage.directory).descriptor.status() else { return }
        for path in [path, path + "/data"] {
            guard let carrier = try? Directory(path: path).descriptor.status() else { continue }
            guard (carrier.device, carrier.inode) != (own.device, own.inode) else { throw .carrierIsStorage(path) }
        }
    }
}
