package import BackupModel
package import BackupSystem
import Glibc
import NIOCore
package import NIOPosix

/// A byte stream to another agent, ready for the protocol. Whoever holds one runs it (``TransferAgent/run(_:as:via:)``),
/// which closes it.
package struct PeerStream: Sendable {
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    let gate: WritabilityGate

    /// Connects to the UNIX socket at `path`.
    ///
    /// - Throws: `configuration` for a path of more than ``SocketPath/maximumLength`` bytes, `notFound` and `busy` where a later try may succeed, `permission`, `inputOutput`.
    package static func connect(
        socket path: String, on group: MultiThreadedEventLoopGroup
    ) async throws(BackupError) -> PeerStream {
        guard let address = SocketPath.address(path) else { throw .socketPathTooLong(path, SocketPath.maximumLength) }
        do {
            return try await bootstrap(group).connect(to: SocketAddress(address)) { channel in
                channel.eventLoop.makeCompletedFuture { try wrap(channel) }
            }
        } catch {
            throw .cannotConnect(path, error)
        }
    }

    /// Takes over a connected socket.
    package static func adopt(
        _ descriptor: OwnedDescriptor, on group: MultiThreadedEventLoopGroup
    ) async throws(BackupError) -> PeerStream {
        let name = descriptor.name
        do {
            return try await bootstrap(group).withConnectedSocket(descriptor.release()) { channel in
                channel.eventLoop.makeCompletedFuture { try wrap(channel) }
            }
        } catch {
            throw .cannotConnect(name, error)
        }
    }

    /// Uses two descriptors, one for each direction: standard input and output of `serve --stdio`.
    ///
    /// - Throws: `usage` when they are no pipe or socket.
    package static func pipes(
        input: OwnedDescriptor, output: OwnedDescriptor, on group: MultiThreadedEventLoopGroup
    ) async throws(BackupError) -> PeerStream {
        // The event loop ends the program when it is given anything else, /dev/null for example.
        for descriptor in [input, output] { try requirePipe(descriptor) }
        do {
            return try await NIOPipeBootstrap(group: group)
                .channelOption(.recvAllocator, value: receiveAllocator)
                .channelOption(.writeBufferWaterMark, value: waterMark)
                .takingOwnershipOfDescriptors(input: input.release(), output: output.release()) { channel in
                    channel.eventLoop.makeCompletedFuture { try wrap(channel) }
                }
        } catch {
            throw .cannotUsePipes(error)
        }
    }

    private static func requirePipe(_ descriptor: OwnedDescriptor) throws(BackupError) {
        var status = stat()
        let raw = descriptor.raw
        _ = try systemCall("look at", descriptor.name) { fstat(raw, &status) }
        switch status.st_mode & S_IFMT {
        case S_IFIFO, S_IFSOCK: return
        case S_IFREG: throw .noPipe(descriptor.name, "a plain file")
        case S_IFDIR: throw .noPipe(descriptor.name, "a directory")
        default: throw .noPipe(descriptor.name, "a device or a terminal")
        }
    }

    /// Two streams that are connected to each other within this process.
    package static func pair(
        on group: MultiThreadedEventLoopGroup
    ) async throws(BackupError) -> (PeerStream, PeerStream) {
        let (left, right) = try socketPair()
        return (try await adopt(left, on: group), try await adopt(right, on: group))
    }

    /// Two connected sockets; a child process may get one of them as standard input and output.
    package static func socketPair() throws(BackupError) -> (OwnedDescriptor, OwnedDescriptor) {
        var raw: [CInt] = [-1, -1]
        _ = try systemCall("create", "a pair of sockets") {
            socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &raw)
        }
        return (OwnedDescriptor(raw[0], name: "a socket"), OwnedDescriptor(raw[1], name: "the other socket"))
    }

    // MARK: - How channels are set up

    /// What a read takes at once: few system calls for large elements, little memory for an idle connection.
    private static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
        minimum: 4096, initial: 64 << 10, maximum: 256 << 10)
    /// Bytes that wait for the peer before whoever streams has to wait.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 256 << 10, high: 1 << 20)

    private static func bootstrap(_ group: MultiThreadedEventLoopGroup) -> ClientBootstrap {
        ClientBootstrap(group: group)
            .channelOption(.recvAllocator, value: receiveAllocator)
            .channelOption(.writeBufferWaterMark, value: waterMark)
    }

    static func serverBootstrap(_ group: MultiThreadedEventLoopGroup) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelOption(.recvAllocator, value: receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: waterMark)
    }

    static func wrap(_ channel: any Channel) throws -> PeerStream {
        let gate = WritabilityGate()
        try channel.pipeline.syncOperations.addHandler(gate)
        // Buffers of at most 256 KiB that were read and not yet handled.
        let configuration = NIOAsyncChannel<ByteBuffer, ByteBuffer>.Configuration(
            backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8), isOutboundHalfClosureEnabled: false)
        return PeerStream(
            channel: try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: configuration),
            gate: gate)
    }
}
