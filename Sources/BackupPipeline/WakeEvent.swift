import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// A flag that threads can wait for together with descriptors.
///
/// It is a pair of sockets with a byte in it while the flag is up; a pipe would count towards what a user may have in
/// pipes, and stages need that.
final class WakeEvent: Sendable {
    private let reader: OwnedDescriptor
    private let writer: OwnedDescriptor
    private let lock = Mutex(())
    private let raised = Atomic<Bool>(false)

    init(name: String) throws(BackupError) {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        try systemCall("create", name) { socketpair(AF_UNIX, kind, 0, &ends) }
        reader = OwnedDescriptor(ends[0], name: name)
        writer = OwnedDescriptor(ends[1], name: name)
    }

    /// For `poll`; readable as long as the flag is up.
    var raw: CInt { reader.raw }

    var isRaised: Bool { raised.load(ordering: .acquiring) }

    /// May be called at any time, after ``close()`` too.
    func raise() {
        lock.withLock { _ in
            guard writer.isOpen, !raised.exchange(true, ordering: .acquiringAndReleasing) else { return }
            var byte: UInt8 = 1
            _ = write(writer.raw, &byte, 1)
        }
    }

    /// Takes the flag down.
    func clear() {
        lock.withLock { _ in
            guard reader.isOpen, raised.exchange(false, ordering: .acquiringAndReleasing) else { return }
            var byte: UInt8 = 0
            _ = read(reader.raw, &byte, 1)
        }
    }

    /// Nobody may wait any more.
    func close() {
        lock.withLock { _ in
            reader.close()
            writer.close()
        }
    }
}

/// Opens once, and lets everybody through from then on.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
