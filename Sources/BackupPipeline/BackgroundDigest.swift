import BackupDigest
import BackupModel
import Glibc
import Synchronization

/// Buffers that one thread fills and another one hashes, so that hashing and writing happen at the same time.
///
/// `@unchecked Sendable`: a buffer and its count belong to the filling thread from `free` to `filled`; after that both
/// threads only read it, until the filling thread takes it again. `digest` is written before `done` is posted.
final class BackgroundDigest: @unchecked Sendable {
    private static let bufferSize = 256 << 10
    private static let bufferCount = 4

    let isHashing: Bool
    private let buffers: [UnsafeMutableRawBufferPointer]
    private let counts: UnsafeMutablePointer<Int>
    private let free = Semaphore(bufferCount)
    private let filled = Semaphore(0)
    private let done = Semaphore(0)
    private var position = 0
    private var holdsBuffer = false
    private var digest: [UInt8] = []
    private let failure = Mutex<BackupError?>(nil)

    /// - Parameter isHashing: without it there is one buffer, and no second thread is needed.
    init(isHashing: Bool) {
        self.isHashing = isHashing
        buffers = (0..<(isHashing ? Self.bufferCount : 1)).map { _ in
            .allocate(byteCount: Self.bufferSize, alignment: 4096)
        }
        counts = .allocate(capacity: Self.bufferCount)
        counts.initialize(repeating: 0, count: Self.bufferCount)
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
        counts.deallocate()
    }

    // MARK: - The filling thread

    /// The buffer to fill next.
    func nextBuffer() throws(BackupError) -> UnsafeMutableRawBufferPointer {
        if isHashing, !holdsBuffer {
            free.wait()
            if let error = failure.withLock({ $0 }) { throw error }
            holdsBuffer = true
        }
        return buffers[position]
    }

    /// Has the first `count` bytes of the buffer hashed. They can be read until the next call of ``nextBuffer()``.
    func submit(_ count: Int) {
        guard isHashing else { return }
        counts[position] = count
        holdsBuffer = false
        position = (position + 1) % buffers.count
        filled.post()
    }

    /// The digest of everything that was submitted; `nil` without hashing. Must be called once, after failures too: it
    /// ends the hashing thread.
    func finish() throws(BackupError) -> [UInt8]? {
        guard isHashing else { return nil }
        _ = try nextBuffer()
        submit(0)
        done.wait()
        return digest
    }

    // MARK: - The hashing thread

    func hashAll() {
        var hash = SHA512()
        var index = 0
        while true {
            filled.wait()
            let count = counts[index]
            if count == 0 { break }
            hash.update(UnsafeRawBufferPointer(rebasing: buffers[index][..<count]))
            free.post()
            index = (index + 1) % buffers.count
        }
        digest = hash.digest()
        done.post()
    }

    /// The hashing thread could not be started: the filling thread is told so.
    func fail(_ error: BackupError) {
        failure.withLock { $0 = error }
        free.post()
    }
}

/// A counting semaphore for threads.
///
/// `@unchecked Sendable`: the kernel and the C library guard it.
private final class Semaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(_ value: Int) {
        semaphore.initialize(to: sem_t())
        sem_init(semaphore, 0, UInt32(value))
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func post() { sem_post(semaphore) }

    func wait() { while sem_wait(semaphore) == -1, errno == EINTR {} }
}
