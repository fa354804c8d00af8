import BackupModel
import NIOCore
import Synchronization

/// What those who read, ask and answer on one connection share: where the protocol stands, who waits for what, and the way
/// out for bytes.
///
/// All of it is under one lock. Order on the wire is the order of the calls: a message is composed and handed to the outbox
/// under the same lock.
final class Conversation: Sendable {
    struct State: Sendable {
        var machine: ProtocolState
        var requests = RequestSlots()
        /// Who waits until the peer has answered our shutdown offer.
        var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
        var isShutdownAnswered = false
        /// Why it ended: the first reason.
        var failure: BackupError?
        /// Whether the link or the peer's silence ended it, and not something that is wrong here.
        var isBroken = false
        var silence = SilenceClock()
        /// Bytes that were written since the event loop was last known to have seen them.
        var unseenBytes = 0
    }

    /// Bytes after which a writer waits until the event loop has seen them.
    private static let maximumUnseenBytes = 256 << 10

    let state: Mutex<State>
    private let channel: any Channel
    private let outbox: Outbox
    private let gate: WritabilityGate
    private let limiter: RateLimiter?

    init(_ channel: any Channel, gate: WritabilityGate, limits: ProtocolLimits, limiter: RateLimiter?) {
        self.channel = channel
        outbox = Outbox(channel)
        self.gate = gate
        self.limiter = limiter
        state = Mutex(State(machine: ProtocolState(limits: limits)))
    }

    // MARK: - Writing

    /// Writes what `compose` puts into the buffer, and `payload` behind it; nothing when the buffer stays empty.
    ///
    /// - Parameters:
    ///   - mayAwaitNext: whether it may wait until the next answer is written, where the peer has asked for one already.
    ///   - compose: called under the lock, so it must not wait.
    /// - Throws: what ended the connection; what `compose` throws.
    func write(
        _ payload: ByteBuffer? = nil, mayAwaitNext: Bool = false,
        behind compose: (inout State, inout ByteBuffer) throws(BackupError) -> Void
    ) throws(BackupError) {
        try state.withLock { state throws(BackupError) in
            if let failure = state.failure { throw failure }
            var out = ByteBuffer()
            try compose(&state, &out)
            guard out.readableBytes > 0 else { return }
            state.silence.madeProgress()
            state.unseenBytes += out.readableBytes + (payload?.readableBytes ?? 0)
            if let payload {
                outbox.write(out, payload)
            } else {
                outbox.write(out, moreFollows: mayAwaitNext && state.machine.unanswered > 0)
            }
        }
    }

    /// Returns when the peer has taken enough of what was written, or the connection is closed: without this a peer that
    /// asks and does not read would fill the memory with its answers.
    func waitForRoom() async {
        let isLoopBehind = state.withLock { state in
            guard state.unseenBytes >= Self.maximumUnseenBytes else { return false }
            state.unseenBytes = 0
            return true
        }
        // Writes pass through the loop, which opens and closes the gate.
        if isLoopBehind { await outbox.passOn() }
        guard !gate.isOpen else { return }
        state.withLock { $0.silence.waitsForRoom = true }
        await gate.wait()
        state.withLock { $0.silence.waitsForRoom = false }
    }

    /// Returns when the kernel has all that was written, or the connection is closed.
    func flush() async { await outbox.flush() }

    // MARK: - The rate

    /// Bytes that a limit lets through within a second or so. A frame of a quarter of a megabyte would take an hour on a
    /// slow line, and the peer would take the silence for a broken one.
    var pieceLength: Int { get async { await limiter?.comfortableLength ?? .max } }

    /// Waits until the limit lets `count` bytes through. To wait for that is no silence of the peer.
    func throttle(_ count: Int) async {
        guard let limiter else { return }
        var rest = count
        while rest > 0, state.withLock({ $0.failure == nil }) {
            let piece = min(rest, await limiter.comfortableLength)
            await limiter.take(piece)
            rest -= piece
            state.withLock { $0.silence.madeProgress() }
        }
    }

    // MARK: - The end

    /// Keeps the first reason, and lets everybody know who waits for a place or for the end.
    func fail(_ error: BackupError) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.shutdownWaiters = [] }
            return state.requests.endWaiting() + state.shutdownWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Closes the channel: whoever reads then comes to an end.
    func close() { channel.close(promise: nil) }

    /// Lets everybody know who waits for an answer. Only when nothing is read any more: a consumer is never called from
    /// two sides at once.
    func endConsumers() async {
        let (consumers, reason) = state.withLock { ($0.requests.endOpen(), $0.failure ?? .connectionClosed()) }
        for consumer in consumers { try? await consumer.end(.failure(.broken(reason))) }
    }
}
