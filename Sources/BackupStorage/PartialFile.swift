package import BackupModel
package import BackupSystem
import Synchronization

/// A file that grows over several connections and becomes an element's data; with a note of its user's beside it.
///
/// Its holder has it alone: the lock is on the file with the bytes (`flock`) and ends with the process. One thread at a time
/// may use it, but for ``checkpoint(_:owner:)`` beside what is written to its descriptor.
package final class PartialFile: Sendable {
    /// The largest note that ``checkpoint(_:)`` takes, in bytes.
    package static let maximumNoteSize = 64 << 10

    /// The file with the bytes, open for reading and writing; must not be asked after ``close()`` or ``discard()``, or
    /// when the file has become an element.
    package let descriptor: OwnedDescriptor
    let key: PartialKey
    let directory: Directory
    private let isDurable: Bool
    private let state: Mutex<State>

    private struct State {
        /// Bytes that the note may speak of; `nil` without a note.
        var notedSize: Int64?
        /// Whether a commit has it in its hands, or it was closed.
        var isTaken = false
    }

    private init(
        _ descriptor: OwnedDescriptor, _ key: PartialKey, _ directory: Directory, isDurable: Bool, notedSize: Int64?
    ) {
        self.descriptor = descriptor
        self.key = key
        self.directory = directory
        self.isDurable = isDurable
        state = Mutex(State(notedSize: notedSize))
    }

    /// Finds the file of `key`, or makes it.
    ///
    /// - Parameter isDurable: whether checkpoints sync.
    /// - Throws: `busy` while somebody else holds it.
    static func open(
        _ key: PartialKey, in directory: Directory, isDurable: Bool
    ) throws(BackupError) -> PartialFile {
        while true {
            let file = try directory.openOrCreateFile(key.dataName)
            guard try file.tryLock() else { throw .partialBusy(file.name) }
            let status = try file.status()
            // Between open and lock its holder may have given it up, or made an element of it.
            guard let named = try directory.status(key.dataName), named.inode == status.inode else { continue }
            guard status.linkCount == 1 else {
                // A crash left this name to an element's data: those must not be touched.
                try directory.removeFile(key.noteName)
                try directory.removeFile(key.dataName)
                continue
            }
            let note = try PartialNote.read(key.noteName, in: directory, of: status)
            return PartialFile(file, key, directory, isDurable: isDurable, notedSize: note?.size)
        }
    }

    /// What ``checkpoint(_:)`` wrote last; `nil` for a new file, and where the note does not fit the file.
    package func note() throws(BackupError) -> [UInt8]? {
        try PartialNote.read(key.noteName, in: directory, of: try descriptor.status())?.bytes
    }

    /// Whether nothing has come between the note and now that could have changed the bytes behind its back: no write, no
    /// restart of the machine (and no repair of the file system with it), no long time. If so, whoever goes on with them
    /// must read them again before he says that they are right.
    ///
    /// - Parameter now: by the clock of the machine.
    package func isUntouchedSinceNote(now: Timestamp) throws(BackupError) -> Bool {
        let status = try descriptor.status()
        guard let note = try PartialNote.read(key.noteName, in: directory, of: status) else { return false }
        let age = (now - status.changed).seconds
        return note.mark == PartialMark(status) && (0...Self.maximumTrust).contains(age)
    }

    /// Seconds for which bytes are taken to be what was written: a link that broke is back by then.
    private static let maximumTrust: Int64 = 3600

    /// Makes the bytes durable that are there now, then replaces the note: after a crash it never speaks of bytes that are
    /// not there. More may be written meanwhile.
    ///
    /// - Parameters:
    ///   - note: at most ``maximumNoteSize`` bytes.
    ///   - owner: who has to answer for the bytes (``ElementStorage/removePartials(of:beyond:)``); at most 64 bytes.
    /// - Throws: `invalidValue` for a longer note; else what the disk says, and the note is the one before.
    package func checkpoint(_ note: [UInt8], owner: String = "") throws(BackupError) {
        guard note.count <= Self.maximumNoteSize else { throw .partialNoteTooLarge(note.count, Self.maximumNoteSize) }
        let status = try descriptor.status()
        if isDurable { try descriptor.sync() }
        let text = PartialNote(
            inode: status.inode, size: status.size, owner: owner, mark: PartialMark(status), bytes: note
        ).encoded
        try directory.replaceFile(key.noteName, with: text, durability: isDurable ? .name : .none)
        state.withLock { $0.notedSize = status.size }
    }

    /// Makes the file `size` bytes long, 0 or more. A note that may speak of bytes behind that is removed before.
    package func truncate(to size: Int64) throws(BackupError) {
        if let noted = state.withLock({ $0.notedSize }), size < noted {
            try directory.removeFile(key.noteName)
            if isDurable { try directory.sync() }
            state.withLock { $0.notedSize = nil }
        }
        // Else the kernel would say that it was changed.
        if try descriptor.status().size != size { try descriptor.truncate(to: size) }
    }

    /// Gives it up and keeps it for later; does nothing the second time.
    package func close() {
        state.withLock { $0.isTaken = true }
        descriptor.close()
    }

    /// Gives it up; keeps it for later if a note says how far it is, else nobody can go on with it, and it is removed.
    /// Does nothing after ``close()``.
    package func giveUp() {
        if state.withLock({ $0.notedSize == nil }) { discard() } else { close() }
    }

    /// Gives it up and removes bytes and note; does nothing after ``close()``.
    package func discard() {
        guard descriptor.isOpen else { return }
        removeNames()
        close()
    }

    // MARK: - For the storage that makes an element of it

    /// Reserves it for one commit; `false` if another has it, or it is closed.
    func take() -> Bool {
        state.withLock { state in
            if state.isTaken { return false }
            state.isTaken = true
            return true
        }
    }

    /// Ends the reservation after a failure.
    func giveBack() { state.withLock { $0.isTaken = false } }

    /// Removes the names it has as a partial file. What stays is removed by whoever meets it next.
    func removeNames() {
        // The note first: bytes without a note are of no harm.
        try? directory.removeFile(key.noteName)
        try? directory.removeFile(key.dataName)
    }
}
