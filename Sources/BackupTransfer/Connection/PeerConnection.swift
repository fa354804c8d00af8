package import BackupModel
package import NIOCore
import Synchronization

/// One connection to another agent: sends our requests, lets a handler answer those of the peer, and keeps the rules of the
/// protocol in both directions.
package final class PeerConnection: Sendable {
    package let limits: Limits
    private let conversation: Conversation

    init(_ channel: any Channel, gate: WritabilityGate, limits: Limits, limiter: RateLimiter?) {
        self.limits = limits
        conversation = Conversation(channel, gate: gate, limits: limits.protocolLimits, limiter: limiter)
    }

    // MARK: - Our requests

    /// From the next request on we ask in this version, 1 or 2.
    package func setClientVersion(_ version: Int) { conversation.state.withLock { $0.machine.clientVersion = version } }

    /// Sends a request whose answer is one frame, and waits for it.
    ///
    /// - Throws: what ended the connection; a refusal of the peer as `remoteRefused`.
    package func ask(_ request: PeerRequest) async throws(BackupError) -> ByteBuffer {
        let payload = request.encoded
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
    ///
    /// - Throws: what ended the connection; `consumer` is not called then.
    package func send(_ request: PeerRequest, to consumer: any AnswerConsumer) async throws(BackupError) {
        let payload = request.encoded
        await reserveSlot(payload.readableBytes)
        try send(payload, consumer)
    }

    /// Waits until one more request of so many bytes may be open, and reserves its place.
    private func reserveSlot(_ length: Int) async {
        await withCheckedContinuation { continuation in
            let mayGo = conversation.state.withLock { state in
                // Whoever sends on a connection that has ended learns why.
                if state.failure != nil || state.requests.take(length, in: state.machine) { return true }
                state.requests.wait(length, continuation)
                return false
            }
            if mayGo { continuation.resume() }
        }
    }

    /// Sends in the place that ``reserveSlot(_:)`` has reserved.
    private func send(_ payload: ByteBuffer, _ consumer: any AnswerConsumer) throws(BackupError) {
        try conversation.write { state, out throws(BackupError) in
            state.requests.release(payload.readableBytes)
            try state.machine.sendRequest(payload, into: &out)
            state.requests.didSend(payload.readableBytes, to: consumer)
        }
    }

    /// Says that no more requests come, and waits until the peer knows it.
    ///
    /// - Throws: what ended the connection before the peer had answered.
    package func offerShutdown() async throws(BackupError) {
        try conversation.write { state, out throws(BackupError) in
            guard !state.machine.hasOffered else { return }
            try state.machine.offerShutdown(into: &out)
        }
        await withCheckedContinuation { continuation in
            let isDone = conversation.state.withLock { state in
                if state.isShutdownAnswered || state.failure != nil { return true }
                state.shutdownWaiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        // Once it is answered, the end of the connection is nobody's fault.
        let failure = conversation.state.withLock { $0.isShutdownAnswered ? nil : $0.failure }
        if let failure { throw failure }
    }

    // MARK: - Its life

    /// Reads and answers until both sides have said that they are done, or something ends the connection.
    ///
    /// - Throws: why it ended, if not by agreement.
    func run(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ handler: any RequestHandler
    ) async throws(BackupError) {
        let (work, feed) = AsyncStream.makeStream(of: RequestServer.Work.self)
        let reader = ConnectionReader(conversation: conversation, inbound: inbound, work: feed)
        let server = RequestServer(conversation: conversation, work: work, handler: handler)
        let watch = SilenceWatch(conversation: conversation, limits: limits)
        let failure = await withTaskGroup(of: BackupError?.self) { group in
            group.addTask {
                do throws(BackupError) { try await reader.run() } catch { return error }
                return nil
            }
            group.addTask {
                defer { feed.finish() }
                do throws(BackupError) { try await server.run() } catch { return error }
                return nil
            }
            let watching = Task { await watch.run() }
            defer { watching.cancel() }
            // The first error is the reason; what the other side of the connection then meets is its consequence.
            var first: BackupError?
            for await result in group {
                first = first ?? result
                guard let first else { continue }
                self.conversation.fail(first)
                feed.finish()
                self.conversation.close()
            }
            return first
        }
        await handler.close()
        let reason = conversation.state.withLock { $0.failure } ?? failure
        conversation.fail(reason ?? .connectionClosed())
        await conversation.endConsumers()
        if let reason { throw reason }
    }

    /// Whether the link broke, or the peer fell silent; `false` while nothing is wrong, and when this side ended it.
    package var isBroken: Bool { conversation.state.withLock { $0.isBroken } }

    /// Ends the connection for this reason.
    package func cancel(_ reason: BackupError) {
        conversation.fail(reason)
        conversation.close()
    }
}
