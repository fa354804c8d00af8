package import BackupModel
import CBackupShims
import Glibc

/// A lock that ends with its holder: `flock(2)` on a file that is removed when the lock is released.
///
/// The file alone means nothing. After a crash it may stay, with what its holder wrote into it, and the next one who
/// wants the lock takes it.
package final class FileLock: Sendable {
    private let directory: Directory
    private let name: String
    private let file: OwnedDescriptor

    private init(directory: Directory, name: String, file: OwnedDescriptor) {
        self.directory = directory
        self.name = name
        self.file = file
    }

    deinit { release() }

    /// Takes the lock without waiting.
    ///
    /// - Parameter note: what the file says meanwhile, for whoever finds it.
    /// - Throws: `busy` when somebody holds it; the message has the first line of that one's note.
    package static func acquire(
        _ name: String, in directory: Directory, note: String = ""
    ) throws(BackupError) -> FileLock {
        let path = directory.path + "/" + name
        while true {
            let raw = try systemCall("open", path) {
                backup_open_beneath(directory.descriptor.raw, name, O_RDWR | O_CREAT | O_NONBLOCK, 0o600)
            }
            let file = OwnedDescriptor(raw, name: path)
            let status = try file.status()
            guard status.kind == .regular else { throw .notRegular(path, status.kindName) }
            if flock(raw, LOCK_EX | LOCK_NB) == -1 {
                guard errno == EWOULDBLOCK else { throw .system(errno, "lock", path) }
                let text = String(decoding: try file.readPrefix(4096), as: UTF8.self)
                throw .locked(path, holder: String(text.prefix { $0 != "\n" }))
            }
            // Between open and lock its holder may have removed the file: then this lock locks nothing.
            guard let named = try directory.status(name), named.inode == status.inode else { continue }
            let lock = FileLock(directory: directory, name: name, file: file)
            // Where nothing is to be cut, the file system would write a new time of change all the same.
            if named.size > 0 { try systemCall("empty", path) { ftruncate(raw, 0) } }
            if !note.isEmpty { try file.write(Array(note.utf8)) }
            return lock
        }
    }

    /// Takes the lock that a crashed holder left, and hands over what it had written.
    ///
    /// - Returns: `nil` when there is no such file or somebody holds the lock.
    package static func takeOver(
        _ name: String, in directory: Directory
    ) throws(BackupError) -> (lock: FileLock, note: String)? {
        let file: OwnedDescriptor
        do throws(BackupError) { file = try directory.openFile(name) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        guard flock(file.raw, LOCK_EX | LOCK_NB) == 0,
            let named = try directory.status(name), named.inode == (try file.status()).inode
        else { return nil }
        let note = String(decoding: try file.readPrefix(4096), as: UTF8.self)
        return (FileLock(directory: directory, name: name, file: file), note)
    }

    /// Adds to the note, behind what was added before.
    package func append(_ text: String) throws(BackupError) { try file.write(Array(text.utf8)) }

    /// Makes all lines of the note empty ones, over which ``append(_:)`` writes from the start. The file keeps its blocks: to
    /// give them back and get others would take longer than to write them, and so would each sync.
    package func blank() throws(BackupError) {
        let (raw, path) = (file.raw, file.name)
        let lines = [UInt8](repeating: UInt8(ascii: "\n"), count: Int(try file.status().size))
        var failure: BackupError?
        lines.withUnsafeBytes { bytes in
            do throws(BackupError) { try file.write(bytes, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        _ = try systemCall("seek in", path) { Int(lseek(raw, 0, SEEK_SET)) }
    }

    /// Whether the lock's file still has its name: nobody meets a lock whose file was removed by others.
    package func isInPlace() throws(BackupError) -> Bool {
        try directory.status(name)?.inode == (try file.status()).inode
    }

    /// Asks the kernel to begin writing out the note, so that ``sync()`` has less to wait for.
    package func startWriteback() { file.startWriteback(offset: 0, count: 0) }

    /// Returns when the note is on stable storage.
    package func sync() throws(BackupError) { try file.sync() }

    /// Ends the lock and removes its file; does nothing the second time.
    package func release() {
        guard file.isOpen else { return }
        unlinkat(directory.descriptor.raw, name, 0)
        file.close()
    }

    /// Ends the lock and leaves its file with the note, as a crash does; the next one takes it over.
    package func abandon() { file.close() }

    /// Whether a process holds the lock on the file `name` now. Changes nothing; for the
    /// moment of the question nobody else gets the lock.
    package static func isHeld(_ name: String, in directory: Directory) throws(BackupError) -> Bool {
        let file: OwnedDescriptor
        do throws(BackupError) { file = try directory.openFile(name) } catch {
            if error.code == .notFound { return false }
            throw error
        }
        if flock(file.raw, LOCK_SH | LOCK_NB) == 0 { return false }
        return errno == EWOULDBLOCK
    }
}
