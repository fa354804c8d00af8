import Synchronization

/// Says to work that has been cancelled that nobody waits any longer: its processes are killed, without time to end in good
/// order. Whoever began the work sets it for the task, and pipelines hear of it.
package final class Haste: Sendable {
    private struct State {
        var isDemanded = false
        var listeners: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }

    /// That of the task; `nil` where nobody can demand it.
    @TaskLocal package static var current: Haste?

    private let state = Mutex(State())

    package init() {}

    /// May be called at any time, and more than once.
    package func demand() {
        let listeners = state.withLock { state in
            state.isDemanded = true
            return Array(state.listeners.values)
        }
        for listener in listeners { listener() }
    }

    /// Waits for `work`, and calls `onDemand` if somebody demands haste meanwhile or has done so before.
    ///
    /// - Parameter onDemand: may be called on any thread, also just after `work` has ended.
    static func watching<Value: Sendable>(
        _ work: () async -> Value, onDemand: @escaping @Sendable () -> Void
    ) async -> Value {
        guard let haste = current else { return await work() }
        let number = haste.listen(onDemand)
        defer { haste.state.withLock { $0.listeners[number] = nil } }
        return await work()
    }

    private func listen(_ listener: @escaping @Sendable () -> Void) -> Int {
        let (number, isDemanded) = state.withLock { state in
            defer { state.next += 1 }
            state.listeners[state.next] = listener
            return (state.next, state.isDemanded)
        }
        if isDemanded { listener() }
        return number
    }
}
