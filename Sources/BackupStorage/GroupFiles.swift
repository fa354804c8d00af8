import BackupModel
import BackupSystem

/// The files that one element of a group is made from: written in the directory for partial files, then given the element's
/// names as further ones, so that nothing is lost when a name cannot be had.
struct GroupFiles {
    let element: PendingElement
    private let place: Directory
    private let dataName: String
    private let infoName: String
    /// Of the file with the bytes; 0 before ``write()``.
    private(set) var inode: UInt64 = 0
    /// Whether a partial file is reserved for this element.
    private var hasTaken = false
    /// Whether the files stay open until they are synced: not those of a large group.
    private let staysOpen: Bool
    private var opened: (data: OwnedDescriptor?, info: OwnedDescriptor?)

    /// - Parameters:
    ///   - note: the name of the group's note.
    ///   - number: of the element in the group.
    ///   - staysOpen: the group has few elements: their files are kept open until they are synced.
    init(_ element: PendingElement, in place: Directory, note: String, _ number: Int, staysOpen: Bool) {
        self.element = element
        self.staysOpen = staysOpen
        infoName = GroupNote.temporaryName(note, number, "info")
        self.place = place
        dataName =
            switch element.content {
            case .bytes: GroupNote.temporaryName(note, number, "data")
            case .partial(let file): file.key.dataName
            }
    }

    /// Whether both files were made beside the note, for this group alone; no partial file is.
    var isBesideNote: Bool {
        if case .bytes = element.content { true } else { false }
    }

    private var dataPlace: Directory {
        if case .partial(let file) = element.content { file.directory } else { place }
    }

    mutating func write() throws(BackupError) {
        let text = Array(element.metadata.text.utf8)
        guard text.count <= ElementMetadata.maximumSize else {
            throw .metadataTooLarge(element.source, text.count)
        }
        switch element.content {
        case .bytes(let bytes):
            let file = try Self.create(dataName, bytes, in: place)
            inode = try file.status().inode
            if staysOpen {
                // On its way while the rest is made ready.
                file.startWriteback(offset: 0, count: 0)
                opened.data = file
            }
        case .partial(let file):
            guard file.take() else { throw .partialTaken(element.source) }
            hasTaken = true
            inode = try file.descriptor.status().inode
            // It gets its name by the one it has: that must be this very file.
            guard try file.directory.status(dataName)?.inode == inode else { throw .partialTaken(element.source) }
        }
        try GroupSteps.passed("data written")
        let info = try Self.create(infoName, text, in: place)
        if staysOpen {
            info.startWriteback(offset: 0, count: 0)
            opened.info = info
        }
        try GroupSteps.passed("info written")
    }

    private static func create(
        _ name: String, _ bytes: [UInt8], in place: Directory
    ) throws(BackupError) -> OwnedDescriptor {
        let file = try place.createFile(name)
        try file.write(bytes)
        return file
    }

    /// Makes both files durable, and closes what was kept open for that.
    mutating func sync() throws(BackupError) {
        defer { opened = (nil, nil) }
        let info = try open(opened.info, infoName)
        if !staysOpen { info.startWriteback(offset: 0, count: 0) }
        if case .partial(let file) = element.content {
            try file.descriptor.sync()
        } else {
            try open(opened.data, dataName).sync()
        }
        try info.sync()
    }

    private func open(_ file: OwnedDescriptor?, _ name: String) throws(BackupError) -> OwnedDescriptor {
        if let file { return file }
        return try place.openFile(name)
    }

    /// What became of an attempt to give both files their names.
    enum LinkOutcome {
        case done
        /// Somebody else has taken one of the names meanwhile.
        case taken
        case otherFileSystem
    }

    /// Gives both files the names of `id`. When it does not succeed, neither has one, if the file system lets us take it
    /// back.
    func link(as id: ElementID, in directory: Directory) throws(BackupError) -> LinkOutcome {
        switch try dataPlace.link(dataName, to: directory, as: id.fileName("data")) {
        case .done: break
        case .taken: return .taken
        case .otherFileSystem: return .otherFileSystem
        }
        do throws(BackupError) {
            try GroupSteps.passed("data linked")
            // A lock that a crashed deletion has left speaks of the one that had this name before. Seen after our .data is
            // there: a deletion that begins now would find no element.
            if try directory.status(id.fileName("lock")) == nil,
                try place.link(infoName, to: directory, as: id.fileName("info")) == .done
            {
                try? GroupSteps.passed("info linked")
                return .done
            }
        } catch {
            try? directory.removeFile(id.fileName("data"))
            throw error
        }
        try directory.removeFile(id.fileName("data"))
        return .taken
    }

    /// Removes the names that the files had before they were an element's, or that of the failure.
    ///
    /// - Parameter isStored: whether a partial file has become an element; else it stays as it was.
    mutating func tidy(isStored: Bool) {
        try? place.removeFile(infoName)
        switch element.content {
        case .bytes: try? place.removeFile(dataName)
        case .partial(let file):
            guard hasTaken else { return }
            hasTaken = false
            if isStored {
                file.removeNames()
                file.close()
            } else {
                file.giveBack()
            }
        }
    }
}

/// Lets tests look, and fail, between the steps of a group. Nobody else binds it.
enum GroupSteps {
    @TaskLocal static var observer: (@Sendable (_ step: String) throws(BackupError) -> Void)?

    static func passed(_ step: String) throws(BackupError) { try observer?(step) }
}
