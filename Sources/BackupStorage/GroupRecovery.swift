import BackupModel
import BackupSystem

/// Clears up after groups of new elements whose makers ended before they were done.
struct GroupRecovery {
    let storage: DefaultFileStorage
    /// A directory for partial files.
    let place: Directory

    /// - Returns: What was done, one sentence for each element.
    func run() throws(BackupError) -> [String] {
        var notes: Set<String> = []
        var temporaries: [String] = []
        try place.forEachEntry { entry throws(BackupError) in
            guard let note = GroupNote.note(of: entry.name) else { return }
            notes.insert(note)
            if entry.name != note { temporaries.append(entry.name) }
        }
        var actions: [String] = []
        for note in notes.sorted() {
            var lock: FileLock?
            if try place.status(note) != nil {
                guard let (found, _) = try FileLock.takeOver(note, in: place) else { continue }
                lock = found
            }
            // Made before the files beside it and removed after them: files without a note are nobody's.
            do throws(BackupError) {
                if lock != nil { actions += try undo(try place.readFile(note, limit: GroupNote.maximumSize)) }
                let files = temporaries.filter { GroupNote.note(of: $0) == note }
                // The note of small elements may be older than their names; the files beside it are not.
                actions += try undo(try named(files))
                for name in files { try place.removeFile(name) }
            } catch {
                // The note must outlive a recovery that fails half-way.
                lock?.abandon()
                throw error
            }
            lock?.release()
        }
        return actions
    }

    /// Removes each `.data` that the note speaks of and that has not become an element.
    private func undo(_ note: [UInt8]) throws(BackupError) -> [String] {
        var actions: [String] = []
        var touched: Set<String> = []
        try GroupNote.forEachLine(note) { inode, id throws(BackupError) in
            guard let directory = try storage.directory(of: id.source),
                try directory.status(id.fileName("info")) == nil,
                let data = try directory.status(id.fileName("data")), data.kind == .regular, data.inode == inode
            else { return }
            try directory.removeFile(id.fileName("data"))
            touched.insert(id.source.directory)
            actions.append("removed the unfinished element \(id): its writer ended before it was whole")
        }
        if storage.durability != .none {
            for path in touched.sorted() { try (path.isEmpty ? storage.root : storage.root.directory(path)).sync() }
        }
        return actions
    }

    /// The inodes of those files of a group that have one more name, and so may have got that of an element.
    private func named(_ files: [String]) throws(BackupError) -> Set<UInt64> {
        var inodes: Set<UInt64> = []
        for name in files where name.hasSuffix(".data") {
            if let status = try place.status(name), status.kind == .regular, status.linkCount > 1 {
                inodes.insert(status.inode)
            }
        }
        return inodes
    }

    /// Removes each `.data` that is one of these files and has not become an element, wherever it is: after a loss of power
    /// nothing else tells where.
    private func undo(_ inodes: Set<UInt64>) throws(BackupError) -> [String] {
        guard !inodes.isEmpty else { return [] }
        var note = ""
        try look(for: inodes, in: storage.root, below: "", &note)
        return try undo(Array(note.utf8))
    }

    /// Adds to `note` what it should have said of these files.
    private func look(
        for inodes: Set<UInt64>, in directory: Directory, below path: String, _ note: inout String
    ) throws(BackupError) {
        var children: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            switch try DefaultFileStorage.kind(entry, in: directory) {
            case .directory: if (try? SourceURL(path + "/" + entry.name)) != nil { children.append(entry.name) }
            case .regular:
                guard let (id, suffix) = ElementID.split(entry.name, in: path), suffix == "data",
                    let inode = try directory.status(entry.name)?.inode, inodes.contains(inode)
                else { return }
                note += GroupNote.line(inode: inode, id)
            case .symbolicLink, .other: break
            }
        }
        for child in children {
            let next: Directory
            do throws(BackupError) { next = try directory.directory(child) } catch {
                // Removed meanwhile.
                if error.code == .notFound { continue }
                throw error
            }
            try look(for: inodes, in: next, below: path + "/" + child, &note)
        }
    }

    /// Whether somebody is giving this element its names right now.
    static func isBeingStored(_ id: ElementID, in storage: DefaultFileStorage) throws(BackupError) -> Bool {
        for place in storage.partialPlace.existing() {
            var notes: [String] = []
            try place.forEachEntry { entry throws(BackupError) in
                if GroupNote.note(of: entry.name) == entry.name { notes.append(entry.name) }
            }
            for note in notes where try FileLock.isHeld(note, in: place) {
                guard let text = try place.readFileIfPresent(note, limit: GroupNote.maximumSize) else { continue }
                var isNamed = false
                try GroupNote.forEachLine(text) { _, other throws(BackupError) in if other == id { isNamed = true } }
                if isNamed { return true }
            }
        }
        return false
    }
}
