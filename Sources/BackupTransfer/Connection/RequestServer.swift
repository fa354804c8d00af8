import BackupModel
import NIOCore
import Synchronization

/// Lets a handler answer what the peer asks, in turn, while the connection goes on being read.
struct RequestServer: Sendable {
    /// What the peer has asked and nobody has answered yet; as many as the protocol allows.
    enum Work: Sendable {
        case request(ByteBuffer)
        case shutdown
    }

    let conversation: Conversation
    let work: AsyncStream<Work>
    let handler: any RequestHandler

    /// Returns when the peer's shutdown offer is answered, or no more work comes.
    ///
    /// - Throws: what ended the connection; in version 1 also what the handler throws.
    func run() async throws(BackupError) {
        for await item in work {
            switch item {
            case .request(let payload): try await answer(payload)
            case .shutdown: return try await answerShutdown()
            }
        }
    }

    private func answer(_ payload: ByteBuffer) async throws(BackupError) {
        let responder = Responder(conversation: conversation)
        do throws(BackupError) {
            try await handler.handle(payload, responder)
        } catch {
            guard responder.version >= 2, conversation.state.withLock({ $0.failure == nil }) else { throw error }
            try responder.refuse(RemoteFailure(error))
        }
        await conversation.waitForRoom()
    }

    private func answerShutdown() async throws(BackupError) {
        var isFinished = false
        try conversation.write { state, out throws(BackupError) in
            try state.machine.answerShutdown(into: &out)
            isFinished = state.machine.isFinished
        }
        guard isFinished else { return }
        // The reader waits for bytes that do not come: all is said.
        await conversation.flush()
        conversation.close()
    }
}
