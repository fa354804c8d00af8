package import BackupModel
package import BackupSystem

/// Keeps each element as plain files in a directory tree: the source `/host1/root` has its elements in `/host1`, as
/// `<time><serial>-root-<type>.data` and `.info`, attributes beside them. Sources whose URLs differ only in the last part
/// share a directory. Readable without this program, and shared with the Python original.
package struct DefaultFileStorage: ElementStorage {
    /// What must be on stable storage before an element counts as stored.
    package enum Durability: Sendable {
        /// Nothing: the kernel writes when it likes. For tests and for storages that can be made again.
        case none
        /// The whole file system at once (`syncfs`).
        case filesystem
        /// The element's own files and directory (`fsync`).
        case element
    }

    /// The zone of the time in file names. Reading never depends on it.
    package enum NameZone: Sendable {
        case utc, local
    }

    package let root: Directory
    package let durability: Durability
    package let nameZone: NameZone

    let partialPlace: PartialPlace
    let names = StorageNames()
    let spareNotes = SpareNotes()

    /// - Parameters:
    ///   - partialDirectory: an absolute path for partial files, on the storage's file system and outside of the storage;
    ///     made when it is needed. `nil`: `<path>.partial` if that can be, else `.partial` in the storage.
    ///   - create: make the storage's directory if it is missing.
    package init(
        path: String, durability: Durability = .element, nameZone: NameZone = .utc, partialDirectory: String? = nil,
        create: Bool = false
    ) throws(BackupError) {
        do throws(BackupError) { root = try Directory(path: path, create: create) } catch {
            throw .storageMissing(path, error)
        }
        self.durability = durability
        self.nameZone = nameZone
        partialPlace = PartialPlace(root: root, configured: partialDirectory)
    }

    /// The storage `name` in `parent`, which may be in the hands of others: no symbolic link is followed to the storage, nor
    /// to its partial files, which lie in `<name>.partial` in `parent` or, where that cannot be, in `.partial` in the storage.
    ///
    /// - Parameter create: make the storage's directory if it is missing.
    package init(
        in parent: Directory, name: String, durability: Durability = .element, create: Bool = false
    ) throws(BackupError) {
        root = try parent.directory(name, create: create)
        self.durability = durability
        nameZone = .utc
        partialPlace = PartialPlace(root: root, parent: parent, name: name + ".partial")
    }

    /// The directory that holds the elements of a source, with those of its sisters; `nil` if there is none.
    func directory(of source: SourceURL) throws(BackupError) -> Directory? {
        do throws(BackupError) { return try root.directory(holding: source) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// As ``directory(of:)``, made if it is missing.
    ///
    /// - Throws: `invalidValue` for sources below the directory of partial files.
    func directory(creatingFor source: SourceURL) throws(BackupError) -> Directory {
        let path = source.directory
        guard path != PartialPlace.nameInStorage, !path.hasPrefix(PartialPlace.nameInStorage + "/") else {
            throw .sourceReserved(source)
        }
        return try root.directory(holding: source, create: true)
    }

    // MARK: - Reading

    package func element(_ id: ElementID) throws(BackupError) -> StoredElement {
        guard let directory = try directory(of: id.source) else { throw .noElement(id) }
        return try Self.read(id, in: directory)
    }

    static func read(_ id: ElementID, in directory: Directory) throws(BackupError) -> StoredElement {
        let name = id.fileName("info")
        let metadata: ElementMetadata
        do throws(BackupError) {
            let bytes = try directory.readFile(name, limit: ElementMetadata.maximumSize)
            metadata = try ElementMetadata(parsing: bytes)
            guard metadata.type == id.type else { throw .otherType(id, metadata.type) }
        } catch {
            switch error.code {
            case .notFound: throw .noElement(id)
            case .damaged, .untrusted: throw .damagedInfo(directory.path + "/" + name, error)
            default: throw error
            }
        }
        let dataName = id.fileName("data")
        guard let status = try directory.status(dataName) else { throw .missingData(id) }
        guard status.kind == .regular else {
            throw .damagedInfo(
                directory.path + "/" + name,
                BackupError(.damaged, "the .data beside it is \(status.kindName) where a plain file should be"))
        }
        return StoredElement(id: id, metadata: metadata, size: status.size)
    }

    package func openData(_ id: ElementID) throws(BackupError) -> OwnedDescriptor {
        guard let directory = try directory(of: id.source) else { throw .noElement(id) }
        do throws(BackupError) { return try directory.openFile(id.fileName("data")) } catch {
            if error.code == .notFound { throw .noElement(id) }
            throw error
        }
    }

    /// The time as it stands in the names of files.
    func fileNameDigits(of time: Timestamp) -> String {
        switch nameZone {
        case .utc: time.digits
        case .local: Timestamp(time.seconds + SystemClock.localOffset(at: time)).digits
        }
    }

    package func localPath(of id: ElementID) -> String? {
        root.path + id.source.holdingPath + "/" + id.fileName("data")
    }

    /// Whether the storage's file system has some space and lets us write: made and forgotten without a trace.
    package func checkWritable() throws(BackupError) {
        let file = try UnnamedFile(in: root, fallbackName: "tmp-check-\(Randomness.token())")
        defer { file.discard() }
        try file.descriptor.write([UInt8](repeating: 0x20, count: 64 << 10))
    }
}
