import Synchronization

/// The looks of units that are under way, each in a task of its own, so that they can be ended apart from all else: a program
/// is never asked by two generators at the same time, and nobody who stops waits for an answer.
final class RunningLooks: Sendable {
    private struct State {
        var tasks: [Int: Task<Void, Never>] = [:]
        var next = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Begins a look; the task ends with it.
    func begin(_ look: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        state.withLock { state in
            let number = state.next
            state.next += 1
            let task = Task {
                await look()
                self.state.withLock { $0.tasks[number] = nil }
            }
            state.tasks[number] = task
            if state.isClosed { task.cancel() }
            return task
        }
    }

    /// Ends all looks, and all that begin later.
    func close() {
        let tasks = state.withLock { state in
            state.isClosed = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// Ends all looks and waits until they have ended.
    func endAll() async {
        let tasks = state.withLock { Array($0.tasks.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
