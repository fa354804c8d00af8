package import BackupModel
import BackupSystem
import Synchronization

/// Writes one new element into a ``DefaultFileStorage``.
///
/// The order of a commit, so that a crash at any point leaves the whole element or rubbish that ``StorageRecovery`` removes:
/// bytes and metadata are durable in files without a name; a lock file says which file is about to get which name; `.data`
/// gets its name, then `.info`, by which the element becomes visible; the directory is synced; the lock goes.
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
        directory = try storage.root.directory(holding: source, create: true)
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
        switch storage.durability {
        case .none: break
        case .filesystem: try directory.syncFileSystem()
        case .element:
            try data.descriptor.sync()
            try info.descriptor.sync()
        }
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
        let digits =
            switch storage.nameZone {
            case .utc: metadata.timestamp.digits
            case .local:
                Timestamp(metadata.timestamp.seconds + SystemClock.localOffset(at: metadata.timestamp)).digits
            }
        for serial in -1..<100_000 {
            let id = ElementID(
                source: source, digits: digits, serial: serial < 0 ? nil : serial, type: metadata.type)
            guard try isFree(id) else { continue }
            let lock: FileLock
            do throws(BackupError) {
                lock = try FileLock.acquire(
                    id.fileName("lock"), in: directory, note: LockNote.commit(inode: inode).text)
            } catch {
                if error.code == .busy { continue }
                throw error
            }
            // Again, now that nobody else can take it. An attribute left alone must not become ours either.
            guard try isFree(id), try storage.suffixes(of: id, in: directory).isEmpty else {
                lock.release()
                continue
            }
            if storage.durability != .none { try lock.sync() }
            guard try data.link(as: id.fileName("data")) else {
                lock.release()
                continue
            }
            do throws(BackupError) {
                // A file that loses its only name cannot get another: so there is no second try.
                guard try info.link(as: id.fileName("info")) else {
                    throw BackupError.nameTaken(directory.path + "/" + id.fileName("info"))
                }
            } catch {
                try? directory.removeFile(id.fileName("data"))
                throw error
            }
            return (id, lock)
        }
        throw .noFreeName(source, digits)
    }

    private func isFree(_ id: ElementID) throws(BackupError) -> Bool {
        if try directory.status(id.fileName("data")) != nil { return false }
        if try directory.status(id.fileName("info")) != nil { return false }
        // A source may be called like a lock: its directory is in the way.
        return try directory.status(id.fileName("lock"))?.kind != .directory
    }
}

extension DefaultFileStorage {
    package func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink {
        try FileElementSink(storage: self, source: source)
    }
}
