import NIOCore
import Synchronization

/// Gathers what is written to a channel until its event loop takes it: a conversation of many small messages is else mostly
/// wake-ups and system calls.
///
/// Whoever writes much must wait now and then until the loop has caught up; the outbox itself has no limit.
final class Outbox: Sendable {
    private struct State {
        var waiting: [ByteBuffer] = []
        /// Whether the last of these is a buffer of ours, to which small messages are copied.
        var isCollecting = false
        /// Whether the loop knows that there is something.
        var isAnnounced = false
        /// Bytes in `waiting`.
        var size = 0

        mutating func append(_ bytes: ByteBuffer) {
            size += bytes.readableBytes
            guard bytes.readableBytes <= Outbox.smallMessage else {
                isCollecting = false
                return waiting.append(bytes)
            }
            if !isCollecting || waiting.isEmpty {
                isCollecting = true
                waiting.append(ByteBuffer())
            }
            waiting[waiting.count - 1].writeImmutableBuffer(bytes)
        }
    }

    /// Bytes up to which copying costs less than one more buffer in a write.
    private static let smallMessage = 16 << 10

    /// Bytes that are worth a write of their own.
    private static let comfortableSize = 64 << 10

    private let channel: any Channel
    private let state = Mutex(State())

    init(_ channel: any Channel) { self.channel = channel }

    /// Takes bytes over; the order of the calls is that on the wire.
    ///
    /// - Parameter moreFollows: the caller is about to write more, whatever the peer does: until then little may wait.
    func write(_ messages: ByteBuffer..., moreFollows: Bool = false) {
        let mustAnnounce = state.withLock { state in
            for bytes in messages { state.append(bytes) }
            if state.isAnnounced || (moreFollows && state.size < Self.comfortableSize) { return false }
            state.isAnnounced = true
            return true
        }
        if mustAnnounce { channel.eventLoop.execute { self.handOver() } }
    }

    /// Returns when the loop has all that was written.
    func passOn() async { try? await channel.eventLoop.submit { self.handOver() }.get() }

    /// Returns when the kernel has all that was written, or the channel is closed.
    func flush() async {
        let end = channel.eventLoop.flatSubmit {
            self.handOver()
            // An empty write is done when all before it are.
            return self.channel.writeAndFlush(ByteBuffer())
        }
        try? await end.get()
    }

    /// On the event loop.
    private func handOver() {
        let waiting = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        guard !waiting.isEmpty else { return }
        for bytes in waiting { channel.write(bytes, promise: nil) }
        channel.flush()
    }
}
