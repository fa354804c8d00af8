package import BackupModel
import BackupSystem
package import NIOCore
import Synchronization

/// One connection to another agent: sends our requests, gives the peer's requests to a handler, and keeps the rules of the
/// protocol in both directions.
package final class PeerConnection: Sendable {
    /// What a connection may use, and for how long it may be silent.
    package struct Limits: Sendable {
        package var protocolLimits = ProtocolLimits()
        /// Seconds without a request in either direction after which the connection is closed.
        package var idleTimeout = TimeSpan(seconds: 600)
        /// Seconds without progress while the peer owes an answer, or does not take what it asked for, after which the
        /// connection is closed. Progress is a whole message, or 4096 bytes of one.
        package var stallTimeout = TimeSpan(seconds: 300)

        /// The newest version of the protocol that is spoken: 1 or 2.
        package var maximumVersion = 2

        package init() {}
    }

    private struct State {
        var machine: ProtocolState
        /// Who takes the answers to our open requests, oldest first.
        var consumers: [any AnswerConsumer] = []
        /// The payload bytes of each of these.
        var openLengths: [Int] = []
        /// Places of requests that are about to be sent, and their payload bytes.
        var reservedSlots = 0
        var reservedBytes = 0
        var slotWaiters: [(length: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
        var isShutdownAnswered = false
        var abortRequested = false
        var failure: BackupError?
        /// Whether the link or the peer's silence ended it, and not something that is wrong here.
        var isBroken = false
        var silence = SilenceClock()
        /// Bytes that were written since the event loop was last known to have seen them.
        var unseenBytes = 0

        /// Reserves the place of a request of so many bytes, if one more may be open. A peer that is slow to answer would
        /// end the connection for too many bytes that wait at it, not only for too many requests.
        mutating func reserve(_ length: Int, _ limits: ProtocolLimits) -> Bool {
            let open = machine.openRequests + reservedSlots
            guard open < (machine.clientVersion >= 2 ? limits.openRequests : 1),
                open == 0 || openLengths.reduce(reservedBytes + length, +) <= limits.unansweredBytes
            else { return false }
            reservedSlots += 1
            reservedBytes += length
            return true
        }

        /// Who may go on now that a request has been answered; their places are reserved.
        mutating func admitWaiters(_ limits: ProtocolLimits) -> [CheckedContinuation<Void, Never>] {
            var admitted: [CheckedContinuation<Void, Never>] = []
            while let next = slotWaiters.first, reserve(next.length, limits) {
                admitted.append(slotWaiters.removeFirst().continuation)
            }
            return admitted
        }
    }

    /// What the peer has asked and nobody has answered yet; as many as the protocol allows.
    private enum Work: Sendable {
        case request(ByteBuffer)
        case shutdown
    }

    private static let unseenBytes = 256 << 10

    private let channel: any Channel
    private let outbox: Outbox
    private let gate: WritabilityGate
    private let state: Mutex<State>
    package let limits: Limits
    private let limiter: RateLimiter?

    init(_ channel: any Channel, gate: WritabilityGate, limits: Limits, limiter: RateLimiter?) {
        self.channel = channel
        outbox = Outbox(channel)
        self.gate = gate
        self.limits = limits
        self.limiter = limiter
        state = Mutex(State(machine: ProtocolState(limits: limits.protocolLimits)))
    }

    // MARK: - Our requests

    /// The version in which we may ask.
    package var clientVersion: Int { state.withLock { $0.machine.clientVersion } }
    package func setClientVersion(_ version: Int) { state.withLock { $0.machine.clientVersion = version } }
    /// The largest number of requests that may be open at once.
    package var window: Int { clientVersion >= 2 ? limits.protocolLimits.openRequests : 1 }

    /// Sends a request whose answer is one frame, and waits for it.
    ///
    /// - Throws: what ended the connection; a refusal of the peer as `remoteRefused`.
    package func ask(_ request: PeerRequest) async throws(BackupError) -> ByteBuffer {
        let payload = try request.encoded()
        await reserveSlot(payload.readableBytes)
        let result = await withCheckedContinuation { continuation in
            let consumer = SingleAnswer(continuation)
            do throws(BackupError) { try send(payload, consumer) } catch {
                continuation.resume(returning: .failure(.broken(error)))
            }
        }
        switch result {
        case .success(let answer): return answer
        case .failure(.broken(let error)): throw error
        case .failure(.refused(let failure)): throw .remoteRefused(failure)
        }
    }

    /// Sends a request as soon as one more may be open, and returns; `consumer` gets the answer.
    package func send(_ request: PeerRequest, to consumer: any AnswerConsumer) async throws(BackupError) {
        let payload = try request.encoded()
        await reserveSlot(payload.readableBytes)
        try send(payload, consumer)
    }

    /// Sends in the place that ``reserveSlot(_:)`` has reserved.
    private func send(_ payload: ByteBuffer, _ consumer: any AnswerConsumer) throws(BackupError) {
        try write { state, out throws(BackupError) in
            state.reservedSlots -= 1
            state.reservedBytes -= payload.readableBytes
            try state.machine.sendRequest(payload, into: &out)
            state.consumers.append(consumer)
            state.openLengths.append(payload.readableBytes)
        }
    }

    /// Waits until one more request of so many bytes may be open, and reserves its place.
    private func reserveSlot(_ length: Int) async {
        await withCheckedContinuation { continuation in
            let mayGo = state.withLock { state in
                // In turn: a small request must not pass a large one for ever.
                if state.failure != nil || (state.slotWaiters.isEmpty && state.reserve(length, limits.protocolLimits)) {
                    return true
                }
                state.slotWaiters.append((length, continuation))
                return false
            }
            if mayGo { continuation.resume() }
        }
    }

    /// Asks the peer to end the stream that it is sending.
    package func abortStream() throws(BackupError) {
        try write { state, out throws(BackupError) in try state.machine.sendAbort(into: &out) }
    }

    /// Says that no more requests come, and waits until the peer knows it.
    package func offerShutdown() async throws(BackupError) {
        try write { state, out throws(BackupError) in
            guard !state.machine.hasOffered else { return }
            try state.machine.offerShutdown(into: &out)
        }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.isShutdownAnswered || state.failure != nil { return true }
                state.shutdownWaiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        // Once it is answered, the end of the connection is nobody's fault.
        if let failure = state.withLock({ $0.isShutdownAnswered ? nil : $0.failure }) { throw failure }
    }

    // MARK: - Answers of ours

    var serverVersion: Int { state.withLock { $0.machine.serverVersion } }
    func setServerVersion(_ version: Int) { state.withLock { $0.machine.serverVersion = version } }

    func respond(_ payload: ByteBuffer) throws(BackupError) {
        try write { state, out throws(BackupError) in try state.machine.respond(payload, into: &out) }
    }

    func endStream() throws(BackupError) {
        try write { state, out throws(BackupError) in
            state.abortRequested = false
            try state.machine.endStream(into: &out)
        }
    }

    func respondFailure(_ failure: RemoteFailure) throws(BackupError) {
        let payload = failure.encoded
        try write { state, out throws(BackupError) in
            state.abortRequested = false
            try state.machine.respondFailure(payload, into: &out)
        }
    }

    func sendPart(_ bytes: ByteBuffer) async throws(BackupError) -> Bool {
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, await pieceLength)) {
            guard try await sendPiece(piece) else { return false }
            if rest.readableBytes == 0 { return true }
        }
        return true
    }

    /// Sends all of a stream. What a limit lets through at once goes out in one write: with many small streams the writes
    /// are most of the work.
    func sendStream(of bytes: ByteBuffer) async throws(BackupError) {
        guard bytes.readableBytes > 0 else { return try endStream() }
        let piece = await pieceLength
        guard bytes.readableBytes <= piece else {
            _ = try await sendPart(bytes)
            return try endStream()
        }
        await throttle(bytes.readableBytes)
        try write { state, out throws(BackupError) in
            state.abortRequested = false
            out.reserveCapacity(bytes.readableBytes + 2 * FrameType.headerLength)
            try state.machine.beginPart(length: bytes.readableBytes, into: &out)
            out.writeImmutableBuffer(bytes)
            try state.machine.endStream(into: &out)
        } mayWait: {
            // The peer has asked for more already, and gets it next.
            $0.machine.unanswered > 0
        }
        await waitForRoom()
    }

    /// Bytes that a limit lets through within a second or so. A frame of a quarter of a megabyte would take an hour on a
    /// slow line, and the peer would take the silence for a broken one.
    private var pieceLength: Int { get async { await limiter?.comfortableLength ?? .max } }

    /// Waits until the limit lets `count` bytes through. To wait for that is no silence of the peer.
    private func throttle(_ count: Int) async {
        guard let limiter else { return }
        var rest = count
        while rest > 0, state.withLock({ $0.failure == nil }) {
            let piece = min(rest, await limiter.comfortableLength)
            await limiter.take(piece)
            rest -= piece
            state.withLock { $0.silence.madeProgress() }
        }
    }

    private func sendPiece(_ bytes: ByteBuffer) async throws(BackupError) -> Bool {
        await throttle(bytes.readableBytes)
        try write { state, out throws(BackupError) in
            try state.machine.beginPart(length: bytes.readableBytes, into: &out)
        } then: {
            bytes
        }
        await waitForRoom()
        return try state.withLock { state throws(BackupError) in
            if let failure = state.failure { throw failure }
            return !state.abortRequested
        }
    }

    /// Writes what `body` composes. Order on the wire is the order of the calls: both happen under the lock.
    ///
    /// - Parameter mayWait: whether it is soon followed by more, and may wait for that.
    private func write(
        _ body: (inout State, inout ByteBuffer) throws(BackupError) -> Void, then payload: () -> ByteBuffer? = { nil },
        mayWait: (State) -> Bool = { _ in false }
    ) throws(BackupError) {
        try state.withLock { state throws(BackupError) in
            if let failure = state.failure { throw failure }
            var out = ByteBuffer()
            try body(&state, &out)
            let rest = payload()
            if out.readableBytes > 0 {
                state.silence.madeProgress()
                state.unseenBytes += out.readableBytes + (rest?.readableBytes ?? 0)
                if let rest { outbox.write(out, rest) } else { outbox.write(out, moreFollows: mayWait(state)) }
            }
        }
    }

    /// Returns when the peer has taken enough of what was written, or the connection is closed: without this a peer that
    /// asks and does not read would fill the memory with its answers.
    private func waitForRoom() async {
        let isLoopBehind = state.withLock { state in
            guard state.unseenBytes >= Self.unseenBytes else { return false }
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

    // MARK: - The work of a connection

    /// Reads until both sides have said that they are done, or something ends the connection.
    ///
    /// - Throws: why it ended, if not by agreement.
    func run(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ handler: any RequestHandler
    ) async throws(BackupError) {
        let (work, feed) = AsyncStream.makeStream(of: Work.self)
        let failure = await withTaskGroup(of: BackupError?.self) { group in
            group.addTask {
                do throws(BackupError) {
                    try await self.read(inbound, feed)
                    return nil
                } catch {
                    return error
                }
            }
            group.addTask {
                defer { feed.finish() }
                do throws(BackupError) {
                    try await self.serve(work, handler)
                    return nil
                } catch {
                    return error
                }
            }
            let watch = Task { await self.watch() }
            // The first error is the reason; what the other side of the connection then meets is its consequence.
            var first: BackupError?
            while let result = await group.next() {
                if let result, first == nil { first = result }
                if result != nil || first != nil {
                    self.fail(first ?? .connectionClosed())
                    feed.finish()
                    self.channel.close(promise: nil)
                }
            }
            watch.cancel()
            return first
        }
        await handler.close()
        let reason = state.withLock { $0.failure } ?? failure
        fail(reason ?? .connectionClosed())
        await endConsumers()
        if let reason { throw reason }
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ feed: AsyncStream<Work>.Continuation
    ) async throws(BackupError) {
        defer { feed.finish() }
        var events: [ProtocolState.Event] = []
        do {
            for try await bytes in inbound {
                state.withLock { $0.silence.beginWork() }
                await throttle(bytes.readableBytes)
                try state.withLock { state throws(BackupError) in
                    try state.machine.receive(bytes) { events.append($0) }
                    state.silence.received(upTo: state.machine.receivedBytes, hasEnded: events.contains(where: \.isEnd))
                }
                // All of them, also when the connection is finished by one: whoever waits for the answer to our offer must
                // hear of it, and it may stand behind the peer's own offer in what was read at once.
                var isFinished = false
                for event in events {
                    if try await handle(event, feed) { isFinished = true }
                }
                if isFinished { return }
                events.removeAll(keepingCapacity: true)
                state.withLock { $0.silence.endWork() }
            }
            try state.withLock { state throws(BackupError) in
                if let failure = state.failure { throw failure }
                do throws(BackupError) { try state.machine.receiveEnd() } catch {
                    state.isBroken = true
                    throw error
                }
            }
        } catch let error as BackupError {
            throw error
        } catch {
            throw state.withLock { state in
                if let failure = state.failure { return failure }
                state.isBroken = true
                return .connectionBroken(error)
            }
        }
    }

    /// Returns whether the connection is finished.
    private func handle(
        _ event: ProtocolState.Event, _ feed: AsyncStream<Work>.Continuation
    ) async throws(BackupError) -> Bool {
        switch event {
        case .request(let payload): feed.yield(.request(payload))
        case .shutdownOffered: feed.yield(.shutdown)
        case .part(let bytes):
            // The state machine has checked that a request is open.
            if let consumer = state.withLock({ $0.consumers.first }) { try await consumer.part(bytes) }
        case .response(let payload): try await end(.success(payload))
        case .failure(let payload): try await end(.failure(.refused(try RemoteFailure(parsing: payload))))
        case .abortRequested: state.withLock { $0.abortRequested = true }
        case .shutdownAnswered:
            let waiting = state.withLock { state in
                state.isShutdownAnswered = true
                defer { state.shutdownWaiters = [] }
                return state.shutdownWaiters
            }
            for continuation in waiting { continuation.resume() }
        case .finished:
            await outbox.flush()
            return true
        }
        // Our answer to the peer's offer may have been the last thing missing.
        return state.withLock { $0.machine.isFinished }
    }

    private func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let (consumer, waiters) = state.withLock { state in
            if !state.openLengths.isEmpty { state.openLengths.removeFirst() }
            return (
                state.consumers.isEmpty ? nil : state.consumers.removeFirst(),
                state.admitWaiters(limits.protocolLimits)
            )
        }
        for waiter in waiters { waiter.resume() }
        try await consumer?.end(result)
    }

    private func serve(_ work: AsyncStream<Work>, _ handler: any RequestHandler) async throws(BackupError) {
        for await item in work {
            switch item {
            case .shutdown:
                let isFinished = try state.withLock { state throws(BackupError) in
                    var out = ByteBuffer()
                    try state.machine.answerShutdown(into: &out)
                    outbox.write(out)
                    return state.machine.isFinished
                }
                if isFinished {
                    // The reader waits for bytes that do not come: all is said.
                    await outbox.flush()
                    channel.close(promise: nil)
                }
                return
            case .request(let payload):
                do throws(BackupError) {
                    try await handler.handle(payload, Responder(connection: self))
                } catch {
                    guard serverVersion >= 2, state.withLock({ $0.failure == nil }) else { throw error }
                    try respondFailure(RemoteFailure(error))
                }
                await waitForRoom()
            }
        }
    }

    /// Ends the connection when nothing happens for too long.
    private func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(500))
            let verdict = state.withLock { state in
                let machine = state.machine
                // Until we offer the shutdown it is our turn to ask.
                return state.silence.verdict(
                    isOwed: machine.openRequests > 0, owes: machine.unanswered > 0 || !machine.hasOffered, limits)
            }
            if let verdict {
                state.withLock { state in
                    if state.failure == nil { state.isBroken = true }
                }
                fail(verdict)
                channel.close(promise: nil)
                return
            }
        }
    }

    /// Whether the link broke, or the peer fell silent; `false` while nothing is wrong, and when this side ended it.
    package var isBroken: Bool { state.withLock { $0.isBroken } }

    /// Ends the connection for this reason.
    package func cancel(_ reason: BackupError) async {
        fail(reason)
        channel.close(promise: nil)
    }

    /// Keeps the first reason, and lets everybody know who waits for a place.
    private func fail(_ error: BackupError) {
        let waiters = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer {
                state.slotWaiters = []
                state.shutdownWaiters = []
            }
            return state.slotWaiters.map(\.continuation) + state.shutdownWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets everybody know who waits for an answer. Only when nothing is read any more: a consumer is never called from
    /// two sides at once.
    private func endConsumers() async {
        let (consumers, reason) = state.withLock { state in
            defer { state.consumers = [] }
            return (state.consumers, state.failure ?? .connectionClosed())
        }
        for consumer in consumers { try? await consumer.end(.failure(.broken(reason))) }
    }
}
