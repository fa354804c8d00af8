import BackupModel
import Synchronization

/// Blocking work that runs beside whoever began it, and is waited for later, once.
final class BegunWork<Value: Sendable>: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Result<Value, BackupError>, Never>)
        case done(Result<Value, BackupError>)
    }

    private let state = Mutex(State.running)

    func finish(_ result: Result<Value, BackupError>) {
        let waiting = state.withLock { state -> CheckedContinuation<Result<Value, BackupError>, Never>? in
            if case .awaited(let continuation) = state { return continuation }
            state = .done(result)
            return nil
        }
        waiting?.resume(returning: result)
    }

    /// What the work gave. At most one caller.
    func value() async throws(BackupError) -> Value {
        let result = await withCheckedContinuation { continuation in
            let done = state.withLock { state -> Result<Value, BackupError>? in
                if case .done(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let done { continuation.resume(returning: done) }
        }
        return try result.get()
    }
}
