import BackupModel
import BackupSystem
import Synchronization

/// A note as a group gets it: made and locked, and empty.
struct HeldNote {
    let name: String
    let lock: FileLock
    /// The directory that it was made in.
    let place: Directory
    /// Files beside the note have numbers from here on.
    let firstNumber: Int
}

/// Notes of groups that are done, kept for the next ones while elements arrive one after the other: to make and remove a file
/// for each would cost more than its bytes, and ext4 walks around every inode that was given back in the last minutes.
final class SpareNotes: Sendable {
    private let notes = Mutex<[HeldNote]>([])

    /// Nothing is left when nobody looks after them any more.
    deinit { release() }

    func take(in place: Directory) throws(BackupError) -> HeldNote {
        while let spare = notes.withLock({ $0.popLast() }) {
            // Somebody may have removed it, or all of the directory: then nobody would find it after a crash.
            if spare.place.path == place.path, try spare.lock.isInPlace() { return spare }
            spare.lock.release()
        }
        let name = GroupNote.newName()
        return HeldNote(
            name: name, lock: try FileLock.acquire(name, in: place), place: place, firstNumber: 0)
    }

    /// Takes back the note of a group of `count` elements that left nothing to a recovery.
    func giveBack(_ note: HeldNote, count: Int) {
        do throws(BackupError) { try note.lock.blank() } catch { return note.lock.release() }
        let spare = HeldNote(
            name: note.name, lock: note.lock, place: note.place, firstNumber: note.firstNumber + count)
        notes.withLock { $0.append(spare) }
    }

    /// Removes those that are kept.
    func release() {
        let spare = notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
        for note in spare { note.lock.release() }
    }
}
