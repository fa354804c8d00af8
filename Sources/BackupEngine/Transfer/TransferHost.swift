package import BackupConfig
package import BackupModel
import BackupStorage
import BackupSystem
package import BackupTransfer
package import Logging
import NIOPosix

/// What every transfer command works with: the storage, the agents, who writes down what happens.
package final class TransferHost: Sendable {
    package let installation: Installation
    package let agent: TransferAgent
    package let records: AgentRecords
    private let journal: TransferJournal
    let contexts: ContextBuilder
    let eventLoops = MultiThreadedEventLoopGroup.singleton

    /// Opens the storage, and cleans up what a crash has left.
    ///
    /// - Parameters:
    ///   - protocolVersion: the newest version of the protocol to speak, 1 or 2.
    ///   - observer: shows the work to a person, besides journal and log.
    package init(
        _ installation: Installation, software: String, logger: Logger?, protocolVersion: Int = 2,
        observer: (any TransferObserver)? = nil
    ) throws(BackupError) {
        self.installation = installation
        let storage = try installation.storage()
        let state = try installation.stateDirectory()
        records = try AgentRecords(stateDirectory: state)
        let journal = try Journal(in: state)
        let clock = installation.clock
        var recovery = StorageRecovery(storage)
        try recovery.run(now: clock.now())
        for action in recovery.actions {
            try journal.append(JournalEvent(.recovered, at: clock.now()).with("message", action))
        }
        let age = installation.main.transfer.partialMaximumAge
        let removed = try storage.removePartials(before: clock.now() - age)
        if removed > 0 {
            let message = "removed \(removed) transfers that nobody has taken up again for \(age)"
            try journal.append(JournalEvent(.recovered, at: clock.now()).with("message", message))
        }
        let ownName = try installation.main.transfer.agent.map { name throws(BackupError) in try AgentName(name) }
        self.journal = TransferJournal(journal, records, logger: logger, clock: clock, next: observer)
        agent = TransferAgent(
            TransferEnvironment(
                storage: storage, pool: NIOThreadPool.singleton, clock: clock,
                observer: self.journal,
                ownName: ownName, software: software,
                claimReception: { [records] agent throws(BackupError) in try records.claimReception(agent) },
                mayRelease: ContextBuilder.mayRelease(installation.main.transfer)))
        contexts = ContextBuilder(installation, storage, records, protocolVersion: protocolVersion)
    }

    /// The configured peer called `name`.
    ///
    /// - Throws: `notFound`, naming those that there are.
    package func peer(_ name: String) throws(BackupError) -> PeerSettings {
        let peers = installation.main.transfer.peers
        guard let peer = peers.first(where: { $0.agent == name }) else {
            throw .unknownAgent(name, known: peers.map(\.agent))
        }
        return peer
    }

    /// What is decided about the agent `name` that comes in over standard input and output: its listener, or its peer.
    package func contextOfGuest(_ name: String?) throws(BackupError) -> TransferContext {
        let settings = installation.main.transfer
        let known = settings.listeners.map(\.agent) + settings.peers.map(\.agent)
        guard let name = name ?? (Set(known).count == 1 ? known.first : nil) else { throw .agentNeeded(known: known) }
        let listeners = settings.listeners.filter { $0.agent == name }
        // One without a path is written for nobody else.
        if let listener = listeners.first(where: { $0.path == nil }) ?? listeners.first {
            return try contexts.context(listener)
        }
        guard let peer = settings.peers.first(where: { $0.agent == name }) else {
            throw .unknownAgent(name, known: known)
        }
        return try contexts.context(peer)
    }

    /// Opens the connection to a peer, runs it to its end, and closes it.
    package func connect(
        _ connection: PeerConnectionSetting, as context: TransferContext
    ) async throws(BackupError) -> ConnectionOutcome {
        switch connection {
        case .socket(let path):
            let stream = try await PeerStream.connect(socket: path, on: eventLoops)
            return Self.named(await agent.run(stream, as: context, via: path), context.agent)
        case .command(let command):
            let outcome = try await ChildConnection(command: command).run { end throws(BackupError) in
                let stream = try await PeerStream.adopt(end, on: self.eventLoops)
                return await self.agent.run(stream, as: context, via: command.joined(separator: " "))
            }
            return Self.named(outcome, context.agent)
        case .directory(let path): throw .directoryIsNoConnection(path)
        }
    }

    /// The outcome of a connection, with the failure of a link told from those of this machine: trying again may help.
    static func named(_ outcome: ConnectionOutcome, _ agent: AgentName) -> ConnectionOutcome {
        var outcome = outcome
        if outcome.isBroken, let failure = outcome.failure, failure.code != .busy {
            outcome.failure = .connectionLost(agent, failure)
        }
        return outcome
    }

    /// One round with a configured peer, in both directions as far as its policies say; remembers how it went, also when
    /// nobody could be reached.
    ///
    /// - Throws: what kept the connection from coming about.
    package func round(
        with peer: PeerSettings, sending: Bool = true, receiving: Bool = true
    ) async throws(BackupError) -> ConnectionOutcome {
        let context = try contexts.context(peer, sending: sending, receiving: receiving)
        let outcome: ConnectionOutcome
        do throws(BackupError) {
            if case .directory(let path) = peer.connection {
                outcome = try await round(withDirectory: path, as: context)
            } else {
                outcome = try await connect(peer.connection, as: context)
            }
        } catch {
            journal.couldNotConnect(context.agent, error)
            throw error
        }
        let now = installation.clock.now()
        try records.update(context.agent) { record in
            if outcome.failure == nil { record.lastSuccess = now }
            record.lastFailure = outcome.failure?.description
        }
        return outcome
    }
}
