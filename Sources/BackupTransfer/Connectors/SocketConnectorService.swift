package import BackupModel
package import BackupSystem
import Glibc
import NIOCore
package import NIOPosix
import Synchronization

/// Accepts connections on a UNIX socket. Whoever comes through it is the agent that the configuration names for this
/// socket: the permissions of the file, and the list of user ids, are the authentication.
package final class SocketConnectorService: Sendable {
    /// Where to listen, and who comes.
    package struct Listener: Sendable {
        package let path: String
        /// Permission bits of the socket, for example 0o600.
        package let mode: UInt32
        /// User and group the socket is given to; `nil`: as this process has.
        package let owner: UInt32?
        package let group: UInt32?
        /// User ids that may connect besides what the mode allows; `nil`: any that the mode allows.
        package let allowedUIDs: Set<UInt32>?
        /// 1 or more; whoever comes when so many are open is sent away.
        package let maximumConnections: Int

        package init(
            path: String, mode: UInt32 = 0o600, owner: UInt32? = nil, group: UInt32? = nil,
            allowedUIDs: Set<UInt32>? = nil, maximumConnections: Int = 16
        ) {
            self.path = path
            self.mode = mode
            self.owner = owner
            self.group = group
            self.allowedUIDs = allowedUIDs
            self.maximumConnections = maximumConnections
        }
    }

    private let listener: Listener
    private let context: TransferContext
    private let agent: TransferAgent
    private let eventLoops: MultiThreadedEventLoopGroup
    private let report: @Sendable (BackupError) -> Void
    private let open = Atomic<Int>(0)

    /// - Parameter report: gets why somebody was sent away.
    package init(
        _ listener: Listener, _ context: TransferContext, _ agent: TransferAgent,
        on eventLoops: MultiThreadedEventLoopGroup, report: @escaping @Sendable (BackupError) -> Void
    ) {
        self.listener = listener
        self.context = context
        self.agent = agent
        self.eventLoops = eventLoops
        self.report = report
    }

    /// Listens until the task is cancelled, then waits for the connections, which are ended by
    /// ``TransferAgent/stop(_:)``.
    ///
    /// - Parameters:
    ///   - inherited: a socket that listens already (systemd's socket activation), in place of the path.
    ///   - ready: called when connections are accepted.
    /// - Throws: when it cannot listen: `busy` when somebody else does, `permission`, `configuration`.
    package func run(
        inherited: OwnedDescriptor? = nil, ready: @Sendable () -> Void
    ) async throws(BackupError) {
        let socket: OwnedDescriptor
        if let inherited { socket = inherited } else { socket = try ListeningSocket.open(listener) }
        let inode = ListeningSocket.inode(listener.path)
        defer { if inherited == nil { ListeningSocket.remove(listener.path, of: inode) } }
        do {
            let server = try await PeerStream.serverBootstrap(eventLoops).bind(socket.release()) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let user = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                        of: NIOBSDSocket.Handle.self
                    ) { OwnedDescriptor.peerUser(ofSocket: $0) }
                    return Guest(stream: try PeerStream.wrap(channel), user: user ?? nil)
                }
            }
            ready()
            var reports = RefusalReports()
            try await withThrowingDiscardingTaskGroup { group in
                try await server.executeThenClose { inbound in
                    for try await guest in inbound {
                        if let refusal = self.refusal(of: guest) {
                            if reports.isNew(refusal) { self.report(refusal) }
                            // Here and now: whoever comes faster than he is sent away waits for it.
                            await guest.discard()
                            continue
                        }
                        self.open.add(1, ordering: .relaxed)
                        group.addTask {
                            _ = await self.agent.run(guest.stream, as: self.context, via: self.listener.path)
                            self.open.subtract(1, ordering: .relaxed)
                        }
                    }
                }
            }
        } catch is CancellationError {
        } catch {
            throw .cannotListen(listener.path, error)
        }
    }

    private struct Guest: Sendable {
        let stream: PeerStream
        let user: UInt32?

        func discard() async { try? await stream.channel.executeThenClose { _, _ in } }
    }

    private func refusal(of guest: Guest) -> BackupError? {
        if let allowed = listener.allowedUIDs, guest.user.map(allowed.contains) != true {
            return .userNotAllowed(listener.path, guest.user)
        }
        if open.load(ordering: .relaxed) >= listener.maximumConnections {
            return .tooManyConnections(listener.path, listener.maximumConnections)
        }
        return nil
    }
}

/// Keeps the same refusal from being reported again and again within a minute.
private struct RefusalReports {
    private var last: (message: String, at: Double)?

    mutating func isNew(_ error: BackupError) -> Bool {
        let now = SystemClock.monotonic()
        if let last, last.message == error.message, now - last.at < 60 { return false }
        last = (error.message, now)
        return true
    }
}
