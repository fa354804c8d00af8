package import BackupModel
import BackupPipeline
import Synchronization
import UnixSignals

/// A signal that ended some work, with its number.
package struct SignalReceived: Error, Sendable, CustomStringConvertible {
    package let number: Int32
    package var description: String { "stopped by signal \(number)" }
}

/// Lets work that a person waits for end cleanly on SIGINT, SIGTERM and SIGHUP: it is cancelled, takes its processes down
/// and leaves nothing half made. At a second signal its processes are killed, also those that have time to clean up.
package enum Interruption {
    package static func handle<Value: Sendable>(
        _ work: @escaping @Sendable () async throws(BackupError) -> Value
    ) async throws(BackupError) -> Value {
        // Signals first: work that has begun must not be ended without being told.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let haste = Haste()
        let task = Haste.$current.withValue(haste) {
            Task { () async -> Result<Value, BackupError> in
                do throws(BackupError) { return .success(try await work()) } catch { return .failure(error) }
            }
        }
        let box = Box()
        let watcher = Task {
            for await signal in signals {
                let isFirst = box.received.withLock { received in
                    defer { received = received ?? signal.rawValue }
                    return received == nil
                }
                if isFirst { task.cancel() } else { haste.demand() }
            }
        }
        let result = await task.value
        watcher.cancel()
        if let number = box.received.withLock({ $0 }) {
            var message = "the work did not end"
            if case .failure(let error) = result { message = error.message }
            throw BackupError(.interrupted, message, cause: SignalReceived(number: number))
        }
        return try result.get()
    }

    private final class Box: Sendable {
        /// The first signal.
        let received = Mutex<Int32?>(nil)
    }
}
