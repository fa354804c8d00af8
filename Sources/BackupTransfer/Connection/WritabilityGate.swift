import NIOCore
import Synchronization

/// Lets whoever streams wait until the peer has taken what was written before: so a slow reader never makes memory grow.
final class WritabilityGate: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private struct State {
        var isOpen = true
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns when more may be written, or when the channel is closed.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen, !state.isClosed {
                    state.waiting.append(continuation)
                    return false
                }
                return true
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Whether more may be written, or nothing more ever.
    var isOpen: Bool { state.withLock { $0.isOpen || $0.isClosed } }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        update(isOpen: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { close() }

    private func update(isOpen: Bool) {
        let waiting = state.withLock { state in
            state.isOpen = isOpen
            guard isOpen else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
