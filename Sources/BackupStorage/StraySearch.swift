import BackupModel
import BackupSystem

/// Finds what belongs to no whole element. Directories are shared by sources, so each file is named once: with its source,
/// if a listing shows that, else with the storage as a whole.
struct StraySearch {
    let storage: DefaultFileStorage

    init(_ storage: DefaultFileStorage) { self.storage = storage }

    /// Files of elements of `source` that are not whole; one sentence each, sorted.
    func strays(of source: SourceURL) throws(BackupError) -> [String] {
        guard let directory = try storage.directory(of: source) else { return [] }
        var strays: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard let (id, suffix) = ElementID.split(entry.name, in: source.holdingPath), id.source == source,
                let stray = try judge(entry, id, suffix, directory)
            else { return }
            strays.append(stray)
        }
        return strays.sorted()
    }

    /// All others.
    func straysOfNoSource() throws(BackupError) -> [String] {
        var strays: [String] = []
        try visit(storage.root, below: "", &strays)
        return strays.sorted()
    }

    private func visit(_ directory: Directory, below path: String, _ strays: inout [String]) throws(BackupError) {
        var listed: Set<SourceURL> = []
        try directory.forEachEntry { entry throws(BackupError) in
            if let (id, suffix) = ElementID.split(entry.name, in: path), suffix == "info",
                try DefaultFileStorage.kind(entry, in: directory) != .directory
            {
                listed.insert(id.source)
            }
        }
        var children: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            let full = (directory.path + "/" + entry.name).escapedForMessage
            let kind = try DefaultFileStorage.kind(entry, in: directory)
            if kind == .directory {
                if PartialPlace.isIn(path, entry.name) { return }
                if (try? SourceURL(path + "/" + entry.name)) != nil {
                    children.append(entry.name)
                } else if !path.isEmpty || entry.name != "lost+found" {
                    strays.append("\(full) is a directory that cannot be part of a source URL")
                }
            } else if let (id, suffix) = ElementID.split(entry.name, in: path) {
                if !listed.contains(id.source), let stray = try judge(entry, id, suffix, directory) {
                    strays.append(stray)
                }
            } else if kind == .symbolicLink, DefaultFileStorage.hidden(by: entry.name, in: path) != nil {
                strays.append(DefaultFileStorage.linkedDirectory(directory.path + "/" + entry.name))
            } else if StorageRecovery.isTemporary(entry.name), kind == .regular {
                if try !FileLock.isHeld(entry.name, in: directory) {
                    strays.append("\(full) is a temporary file that nobody writes; a day later a backup removes it")
                }
            } else {
                strays.append("\(full) belongs to no element\(kind == .regular ? "" : " and is no plain file")")
            }
        }
        for child in children {
            let next: Directory
            do throws(BackupError) { next = try directory.directory(child) } catch {
                // Removed meanwhile.
                if error.code == .notFound { continue }
                throw error
            }
            try visit(next, below: path + "/" + child, &strays)
        }
    }

    /// What is wrong with a file that has the name of an element's; `nil` for nothing.
    private func judge(
        _ entry: Directory.Entry, _ id: ElementID, _ suffix: String, _ directory: Directory
    ) throws(BackupError) -> String? {
        let kind = try DefaultFileStorage.kind(entry, in: directory)
        // Part of the path of another source, by name only; in place of .info or .data it makes the element a damaged one.
        if kind == .directory { return nil }
        let full = (directory.path + "/" + entry.name).escapedForMessage
        let infoName = id.fileName("info")
        if suffix == "info" { return nil }
        let hasInfo = try directory.status(infoName) != nil
        if kind != .regular, suffix != "data" || !hasInfo { return "\(full) is no plain file" }
        if suffix == "lock" {
            if try FileLock.isHeld(entry.name, in: directory) { return nil }
            return "\(full) is a lock that nobody holds; the next backup clears it"
        }
        if hasInfo { return nil }
        // Between the two steps of a commit that goes on right now, or that has ended since the first look.
        if try FileLock.isHeld(id.fileName("lock"), in: directory) { return nil }
        if try GroupRecovery.isBeingStored(id, in: storage) { return nil }
        if try directory.status(infoName) != nil { return nil }
        return suffix == "data"
            ? "\(full) has no .info: an unfinished element" : "\(full) is an attribute without an element"
    }
}
