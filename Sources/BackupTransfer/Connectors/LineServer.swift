package import BackupModel
import BackupSystem
import NIOCore
package import NIOPosix

/// Says one line to everybody who connects to a UNIX socket, and closes.
package struct LineServer: Sendable {
    /// The most that is read as an answer, in bytes.
    private static let maximumAnswer = 4 << 20

    private let listener: SocketConnectorService.Listener
    private let eventLoops: MultiThreadedEventLoopGroup

    package init(_ listener: SocketConnectorService.Listener, on eventLoops: MultiThreadedEventLoopGroup) {
        self.listener = listener
        self.eventLoops = eventLoops
    }

    /// Serves until the task is cancelled.
    package func run(_ line: @escaping @Sendable () -> String) async throws(BackupError) {
        let socket = try ListeningSocket.open(listener)
        let inode = ListeningSocket.inode(listener.path)
        defer { ListeningSocket.remove(listener.path, of: inode) }
        do {
            let server = try await PeerStream.serverBootstrap(eventLoops).bind(socket.release()) { channel in
                channel.eventLoop.makeCompletedFuture { try PeerStream.wrap(channel) }
            }
            try await server.executeThenClose { inbound in
                for try await stream in inbound {
                    try? await stream.channel.executeThenClose { _, outbound in
                        try await outbound.write(ByteBuffer(string: line()))
                    }
                }
            }
        } catch is CancellationError {
        } catch {
            throw .cannotListen(listener.path, error)
        }
    }

    /// What the server at `path` says; `nil` when nobody answers.
    package static func ask(_ path: String, on eventLoops: MultiThreadedEventLoopGroup) async -> [UInt8]? {
        guard let stream = try? await PeerStream.connect(socket: path, on: eventLoops) else { return nil }
        return try? await stream.channel.executeThenClose { inbound, _ in
            var bytes: [UInt8] = []
            for try await buffer in inbound where bytes.count < maximumAnswer {
                bytes.append(contentsOf: buffer.readableBytesView)
            }
            return bytes
        }
    }
}
