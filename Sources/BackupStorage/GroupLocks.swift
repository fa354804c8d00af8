import BackupModel
import BackupSystem
import Glibc

/// The locks on many elements at once, as long as there are descriptors for them; each is the lock that a single change
/// takes.
struct GroupLocks {
    /// One element whose lock is held.
    struct Held {
        /// The position in the list that the caller gave.
        let position: Int
        let id: ElementID
        let directory: Directory
        let lock: FileLock
    }

    private let storage: DefaultFileStorage
    private let note: LockNote
    /// Descriptors that one group may have open: the process has other things to do.
    private let budget = min(max(MachineState.openFileLimit() / 4, 64), 1024)

    init(_ storage: DefaultFileStorage, _ note: LockNote) {
        self.storage = storage
        self.note = note
    }

    /// Seconds that are waited for a lock: others change an attribute in less, and hold no lock longer than that.
    private static let patience = 3.0

    /// Takes the locks of the first elements of `rest`, as many as there is room for, and removes these from it. Stops
    /// before one that somebody has; that is waited for only while no other is held, so that no two wait for each other.
    ///
    /// - Parameter refused: is called with what keeps an element from being locked: `busy`, `notFound`.
    func take(
        from rest: inout ArraySlice<(position: Int, id: ElementID)>, _ refused: (Int, BackupError) -> Void
    ) -> [Held] {
        var held: [Held] = []
        var directories: [String: Directory] = [:]
        let begin = SystemClock.monotonic()
        while held.count + directories.count < budget, let (position, id) = rest.first {
            do throws(BackupError) {
                let path = id.source.directory
                if directories[path] == nil { directories[path] = try storage.directory(of: id.source) }
                guard let directory = directories[path] else { throw .noElement(id) }
                guard try storage.isListed(id, in: directory) else { throw .noElement(id) }
                let lock = try FileLock.acquire(id.fileName("lock"), in: directory, note: note.text)
                // Deleted between the look and the lock.
                guard try storage.isListed(id, in: directory) else {
                    lock.release()
                    throw .noElement(id)
                }
                held.append(Held(position: position, id: id, directory: directory, lock: lock))
            } catch {
                // Room for a lock comes back when those before it are done; a deletion makes more.
                if error.code == .noSpace || error.code == .busy, !held.isEmpty { return held }
                if error.code == .busy, SystemClock.monotonic() - begin < Self.patience {
                    usleep(5000)
                    continue
                }
                refused(position, error)
            }
            rest.removeFirst()
        }
        return held
    }
}
