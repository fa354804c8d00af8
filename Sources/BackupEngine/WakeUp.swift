import Synchronization

/// Lets one task sleep until a time has passed or somebody has something for it, whichever comes first.
final class WakeUp: Sendable {
    private struct State {
        var isPending = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Ends the present sleep or, if nobody sleeps, the next one at once.
    func signal() {
        state.withLock { state in
            state.isPending = true
            state.sleeper?.cancel()
        }
    }

    /// Returns after `seconds`, after ``signal()``, or when the task is cancelled.
    func sleep(seconds: Int64) async {
        let sleeper = Task<Void, Never> { try? await Task.sleep(for: .seconds(seconds)) }
        let isPending = state.withLock { state in
            defer { state.isPending = false }
            if !state.isPending { state.sleeper = sleeper }
            return state.isPending
        }
        if isPending || Task.isCancelled { sleeper.cancel() }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        state.withLock { state in
            state.sleeper = nil
            state.isPending = false
        }
    }
}
