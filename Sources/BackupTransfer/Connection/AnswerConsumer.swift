package import BackupModel
package import NIOCore
import Synchronization

/// Takes the answer to one request. The calls come one after the other; while one of them waits nothing more is read
/// from the peer.
package protocol AnswerConsumer: Sendable {
    /// A piece of a stream. Throwing ends the connection.
    func part(_ bytes: ByteBuffer) async throws(BackupError)

    /// The end: the last frame, the peer's refusal, or what ended the connection. Called exactly once.
    /// Throwing ends the connection.
    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError)
}

/// Why a request got no answer.
package enum AnswerError: Error, Sendable {
    /// The peer refused it, and the connection goes on (version 2).
    case refused(RemoteFailure)
    /// The connection ended first.
    case broken(BackupError)
}

/// Waits for an answer that is one frame.
final class SingleAnswer: AnswerConsumer {
    private let continuation: Mutex<CheckedContinuation<Result<ByteBuffer, AnswerError>, Never>?>

    init(_ continuation: CheckedContinuation<Result<ByteBuffer, AnswerError>, Never>) {
        self.continuation = Mutex(continuation)
    }

    func part(_ bytes: ByteBuffer) async throws(BackupError) {
        throw .unexpectedStream()
    }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let waiting = continuation.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        waiting?.resume(returning: result)
    }
}
