package import BackupModel
import BackupSystem
import Synchronization

/// Writes one new element into a ``DefaultFileStorage``.
///
/// The order of a commit, so that a crash at any point leaves the whole element or rubbish that ``StorageRecovery`` removes:
/// bytes and metadata are in files without a name; a lock file says which file is about to get which name; all three are
/// made durable, together, which costs the disk little more than one of them; `.data` gets its name, then `.info`, by which
/// the element becomes visible; the directory is synced; the lock goes.
final class FileElementSink: ElementSink {
    private let storage: DefaultFileStorage
    private let source: SourceURL
    private let directory: Directory
    private let data: UnnamedFile
    private let isDone = Atomic<Bool>(false)

    var descriptor: OwnedDescriptor { data.descriptor }

    init(storage: DefaultFileStorage, source: SourceURL) throws(BackupError) {
        self.storage = storage
        self.source = source
        directory = try storage.directory(creatingFor: source)
        data = try UnnamedFile(
            in: directory, fallbackName: StorageRecovery.temporaryName(for: source, Randomness.token()))
    }

    deinit { discard() }

    func discard() {
        guard !isDone.exchange(true, ordering: .relaxed) else { return }
        data.discard()
    }

    func commit(_ metadata: ElementMetadata, size: Int64) throws(BackupError) -> ElementID {
        let status = try data.descriptor.status()
        guard status.size == size else { throw .shortData(source, status.size, size) }
        let text = Array(metadata.text.utf8)
        guard text.count <= ElementMetadata.maximumSize else { throw .metadataTooLarge(source, text.count) }
        let info = try UnnamedFile(
            in: directory, fallbackName: StorageRecovery.temporaryName(for: source, Randomness.token()))
        defer { info.discard() }
        try info.descriptor.write(text)
        let (id, lock) = try link(info, metadata, inode: status.inode)
        defer { lock.release() }
        do throws(BackupError) {
            switch storage.durability {
            case .none: break
            case .filesystem: try directory.syncFileSystem()
            case .element: try directory.sync()
            }
        } catch {
            // Visible, but not known to be durable: taken back, as whoever made it is told that it failed.
            try? storage.removeFiles(of: id, in: directory)
            throw error
        }
        isDone.store(true, ordering: .relaxed)
        data.descriptor.close()
        return id
    }

    /// Gives both files the first free name.
    ///
    /// - Returns: The name, and its lock.
    private func link(
        _ info: UnnamedFile, _ metadata: ElementMetadata, inode: UInt64
    ) throws(BackupError) -> (ElementID, FileLock) {
        let series = storage.series(source, metadata)
        var held: FileLock?
        let found = try storage.names.findFree(series, in: directory) { id throws(BackupError) in
            guard try storage.isFree(id, in: directory, lockCounts: false) else { return false }
            let lock: FileLock
            do throws(BackupError) {
                lock = try FileLock.acquire(
                    id.fileName("lock"), in: directory, note: LockNote.commit(inode: inode).text)
            } catch {
                if error.code == .busy { return false }
                throw error
            }
            defer { if held == nil { lock.release() } }
            // Again, now that nobody else can take it.
            guard try storage.isFree(id, in: directory, lockCounts: false) else { return false }
            try makeDurable(info, lock)
            guard try data.link(as: id.fileName("data")) else { return false }
            held = lock
            return true
        }
        guard let id = found, let lock = held else { throw .noFreeName(source, series.digits) }
        do throws(BackupError) {
            // A file that loses its only name cannot get another: so there is no second try.
            guard try info.link(as: id.fileName("info")) else {
                throw BackupError.nameTaken(directory.path + "/" + id.fileName("info"))
            }
        } catch {
            try? directory.removeFile(id.fileName("data"))
            lock.release()
            throw error
        }
        return (id, lock)
    }

    /// The order lets the file system put all of it into one transaction: the second and third sync find little to do.
    private func makeDurable(_ info: UnnamedFile, _ lock: FileLock) throws(BackupError) {
        switch storage.durability {
        case .none: break
        case .filesystem: try directory.syncFileSystem()
        case .element:
            info.descriptor.startWriteback(offset: 0, count: 0)
            lock.startWriteback()
            try data.descriptor.sync()
            try info.descriptor.sync()
            try lock.sync()
        }
    }
}

extension DefaultFileStorage {
    package func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink {
        try FileElementSink(storage: self, source: source)
    }
}
