package import BackupModel
import CBackupShims
import Glibc

/// Runs blocking work (reading pipes, hashing, calling C libraries that wait) on a thread of its own, so that it never
/// holds one of the few threads that all Swift tasks share.
package enum BlockingThread {
    /// - Parameters:
    ///   - name: at most 15 bytes are shown by `top -H`.
    ///   - body: runs to its end; it is not cancelled, what it waits for must be closed instead.
    package static func run<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws(BackupError) -> Value
    ) async throws(BackupError) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, BackupError>, Never>) in
            let started = start(name) {
                do throws(BackupError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if started != 0 { continuation.resume(returning: .failure(.system(started, "start the thread", name))) }
        }
        return try result.get()
    }

    /// Starts `body` and does not wait for it.
    package static func detach(_ name: String, _ body: @escaping @Sendable () -> Void) throws(BackupError) {
        let started = start(name, body)
        if started != 0 { throw .system(started, "start the thread", name) }
    }

    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> CInt {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 512 << 10)
        let work = Unmanaged.passRetained(Work(name, body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                let work = Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue()
                backup_name_thread(work.name)
                work.body()
                return nil
            }, work.toOpaque())
        if status != 0 { work.release() }
        return status
    }
}
