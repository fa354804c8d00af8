import BackupModel
import Synchronization

/// Ends a connection on which nothing happens for too long.
struct SilenceWatch: Sendable {
    /// The limits are whole seconds, at least one.
    private static let interval = Duration.milliseconds(500)

    let conversation: Conversation
    let limits: PeerConnection.Limits

    /// Returns when it has ended the connection, or when its task is cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            guard let verdict else { continue }
            conversation.state.withLock { state in
                if state.failure == nil { state.isBroken = true }
            }
            conversation.fail(verdict)
            return conversation.close()
        }
    }

    /// Why the connection must end; `nil` while it may go on.
    private var verdict: BackupError? {
        conversation.state.withLock { state in
            let machine = state.machine
            // Until we offer the shutdown it is our turn to ask.
            return state.silence.verdict(
                isOwed: machine.openRequests > 0, owes: machine.unanswered > 0 || !machine.hasOffered, limits)
        }
    }
}
