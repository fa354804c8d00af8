package import BackupModel
import BackupStorage
import BackupSystem
import NIOCore
import Synchronization

/// Keeps track of all connections, and carries each through its life: answers the peer, fetches what our policy wants,
/// says that it is done.
///
/// It does not ask who a peer is: that is in the ``TransferContext``, which the connector has chosen.
package final class TransferAgent: Sendable {
    /// What `gb transfer status` shows of a connection.
    package struct ConnectionStatus: Sendable {
        package let agent: AgentName
        /// How it came to be, for example the path of a socket.
        package let via: String
        package let since: Timestamp
    }

    package let environment: TransferEnvironment
    private let connections = Mutex<[Int: (status: ConnectionStatus, connection: PeerConnection)]>([:])
    private let nextNumber = Atomic<Int>(0)

    package init(_ environment: TransferEnvironment) { self.environment = environment }

    package var status: [ConnectionStatus] {
        connections.withLock { $0.sorted { $0.key < $1.key }.map(\.value.status) }
    }

    /// Ends all connections for this reason.
    package func stop(_ reason: BackupError) {
        for connection in connections.withLock({ $0.values.map(\.connection) }) { connection.cancel(reason) }
    }

    /// Carries one connection to its end: when both sides have said that they are done, or something is wrong.
    package func run(
        _ stream: PeerStream, as context: TransferContext, via: String
    ) async -> ConnectionOutcome {
        let connection = PeerConnection(
            stream.channel.channel, gate: stream.gate, limits: context.limits, limiter: context.limiter)
        let number = nextNumber.add(1, ordering: .relaxed).newValue
        let status = ConnectionStatus(agent: context.agent, via: via, since: environment.clock.now())
        connections.withLock { $0[number] = (status, connection) }
        environment.observer.transferDid(.connected(context.agent))
        let outcome = await withTaskCancellationHandler {
            await carry(stream, connection, context)
        } onCancel: {
            connection.cancel(.transferStopped())
        }
        _ = connections.withLock { $0.removeValue(forKey: number) }
        environment.observer.transferDid(.disconnected(context.agent, outcome.failure))
        return outcome
    }

    private func carry(
        _ stream: PeerStream, _ connection: PeerConnection, _ context: TransferContext
    ) async -> ConnectionOutcome {
        let handler = JsonStreamServerProtocolRequestHandler(context, environment)
        do {
            return try await stream.channel.executeThenClose { inbound, _ in
                await withTaskExecutorPreference(LoopTaskExecutor(stream.channel.channel.eventLoop)) {
                    async let fetched = fetch(connection, context)
                    var failure: BackupError?
                    do throws(BackupError) { try await connection.run(inbound, handler) } catch { failure = error }
                    var outcome = await fetched
                    // What went wrong first on our side says more than the end of the connection that it led to.
                    if outcome.failure == nil { outcome.failure = failure }
                    outcome.isBroken = connection.isBroken
                    return outcome
                }
            }
        } catch {
            return ConnectionOutcome(summary: RoundSummary(), failure: .connectionBroken(error))
        }
    }

    /// Fetches what our policy wants, and says that no more requests come.
    private func fetch(_ connection: PeerConnection, _ context: TransferContext) async -> ConnectionOutcome {
        var outcome = ConnectionOutcome(summary: RoundSummary(), failure: nil)
        if let policy = context.receiverPolicy {
            do throws(BackupError) {
                let claim = try environment.claimReception?(context.agent)
                defer { claim?.release() }
                outcome = await ReceiverRound(connection, context, policy, environment).run()
            } catch {
                // Somebody else fetches; the connection may still serve the peer.
                outcome.failure = error
                try? await connection.offerShutdown()
                return outcome
            }
        }
        if let failure = outcome.failure {
            connection.cancel(failure)
            return outcome
        }
        do throws(BackupError) { try await connection.offerShutdown() } catch { outcome.failure = error }
        // Everything else is done, and the peer knows it; but an administrator has to hear of it.
        if outcome.failure == nil, outcome.summary.withoutRoom > 0 {
            outcome.failure = .storageFull(outcome.summary.withoutRoom)
        }
        return outcome
    }
}

/// What came of one connection.
package struct ConnectionOutcome: Sendable {
    /// What was fetched over it, also when it ended early.
    package var summary: RoundSummary
    /// Why it ended, if not by agreement.
    package var failure: BackupError?
    /// Whether that was the link, or a peer that fell silent: the next try may do better.
    package var isBroken = false
}
