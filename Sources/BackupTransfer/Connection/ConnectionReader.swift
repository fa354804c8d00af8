import BackupModel
import NIOCore
import Synchronization

/// Reads what the peer sends, and gives each message to whom it concerns: answers to those who asked, requests to the
/// server.
struct ConnectionReader: Sendable {
    let conversation: Conversation
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let work: AsyncStream<RequestServer.Work>.Continuation

    /// Reads until both sides have said that they are done.
    ///
    /// - Throws: why it ended, if not by agreement: a violation of the protocol, a broken link, an answer that its consumer
    ///   refuses, or what ended the connection elsewhere.
    func run() async throws(BackupError) {
        defer { work.finish() }
        do {
            for try await bytes in inbound {
                guard try await deal(with: bytes) else { return }
            }
            try end()
        } catch let error as BackupError {
            throw error
        } catch {
            throw conversation.state.withLock { state in
                if let failure = state.failure { return failure }
                state.isBroken = true
                return .connectionBroken(error)
            }
        }
    }

    /// Returns whether the connection goes on.
    private func deal(with bytes: ByteBuffer) async throws(BackupError) -> Bool {
        conversation.state.withLock { $0.silence.beginWork() }
        await conversation.throttle(bytes.readableBytes)
        var events: [ProtocolState.Event] = []
        try conversation.state.withLock { state throws(BackupError) in
            try state.machine.receive(bytes) { events.append($0) }
            state.silence.received(upTo: state.machine.receivedBytes, hasEnded: events.contains(where: \.isEnd))
        }
        // All of them, also when the connection is finished by one: whoever waits for the answer to our offer must
        // hear of it, and it may stand behind the peer's own offer in what was read at once.
        var isFinished = false
        for event in events {
            if try await handle(event) { isFinished = true }
        }
        if isFinished { return false }
        conversation.state.withLock { $0.silence.endWork() }
        return true
    }

    /// The peer has closed its side.
    private func end() throws(BackupError) {
        try conversation.state.withLock { state throws(BackupError) in
            if let failure = state.failure { throw failure }
            do throws(BackupError) { try state.machine.receiveEnd() } catch {
                state.isBroken = true
                throw error
            }
        }
    }

    /// Returns whether the connection is finished.
    private func handle(_ event: ProtocolState.Event) async throws(BackupError) -> Bool {
        switch event {
        case .request(let payload): work.yield(.request(payload))
        case .shutdownOffered: work.yield(.shutdown)
        case .part(let bytes):
            // The state machine has checked that a request is open.
            if let consumer = conversation.state.withLock({ $0.requests.consumer }) { try await consumer.part(bytes) }
        case .response(let payload): try await endAnswer(.success(payload))
        case .failure(let payload): try await endAnswer(.failure(.refused(try RemoteFailure(parsing: payload))))
        // Whoever sends the stream asks the state machine after each frame.
        case .abortRequested: break
        case .shutdownAnswered: shutdownIsAnswered()
        case .finished:
            await conversation.flush()
            return true
        }
        // Our answer to the peer's offer may have been the last thing missing.
        return conversation.state.withLock { $0.machine.isFinished }
    }

    private func endAnswer(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let (consumer, admitted) = conversation.state.withLock { state in
            (state.requests.didAnswer(), state.requests.admit(in: state.machine))
        }
        for continuation in admitted { continuation.resume() }
        try await consumer?.end(result)
    }

    private func shutdownIsAnswered() {
        let waiting = conversation.state.withLock { state in
            state.isShutdownAnswered = true
            defer { state.shutdownWaiters = [] }
            return state.shutdownWaiters
        }
        for continuation in waiting { continuation.resume() }
    }
}
