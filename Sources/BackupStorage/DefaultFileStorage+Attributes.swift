package import BackupModel
import BackupSystem

/// Facts beside elements, and the removal of elements.
extension DefaultFileStorage {
    /// The largest attribute that is kept, in bytes.
    static let maximumAttributeSize = 1 << 20
    /// The suffix that a new value has until it replaces the old one; no attribute has this name.
    static let newValueSuffix = "newvalue"

    package func attributes(of id: ElementID) throws(BackupError) -> [AttributeName] {
        try suffixes(of: id, in: try existing(id)).filter { $0.description != Self.newValueSuffix }
    }

    /// The suffixes of all files beside `.data`, `.info` and `.lock` that belong to the element, sorted.
    func suffixes(of id: ElementID, in directory: Directory) throws(BackupError) -> [AttributeName] {
        // The whole name up to the dot must match: "…-full" must never take "…-full2" for its own.
        let prefix = id.baseName + "."
        var names: [AttributeName] = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard entry.name.hasPrefix(prefix),
                let name = try? AttributeName(String(entry.name.dropFirst(prefix.count))),
                // A source may be called like that.
                try Self.kind(entry, in: directory) != .directory
            else { return }
            names.append(name)
        }
        return names.sorted { $0.description < $1.description }
    }

    /// As ``suffixes(of:in:)`` for many elements of the directory, by the names of their files without suffix; read once.
    func suffixes(of ids: [ElementID], in directory: Directory) throws(BackupError) -> [String: [String]] {
        let names = Set(ids.map(\.baseName))
        var found: [String: [String]] = [:]
        try directory.forEachEntry { entry throws(BackupError) in
            guard !entry.name.hasSuffix(".data"), !entry.name.hasSuffix(".info"), !entry.name.hasSuffix(".lock"),
                let dot = entry.name.lastIndex(of: "."), names.contains(String(entry.name[..<dot])),
                let name = try? AttributeName(String(entry.name[entry.name.index(after: dot)...])),
                try Self.kind(entry, in: directory) != .directory
            else { return }
            found[String(entry.name[..<dot]), default: []].append(name.description)
        }
        return found
    }

    package func attribute(_ name: AttributeName, of id: ElementID) throws(BackupError) -> [UInt8]? {
        try existing(id).readFileIfPresent(id.fileName(name.description), limit: Self.maximumAttributeSize)
    }

    package func setAttribute(_ name: AttributeName, of id: ElementID, to value: [UInt8]?) throws(BackupError) {
        try check(name, of: id, value)
        let directory = try existing(id)
        let lock = try FileLock.acquire(id.fileName("lock"), in: directory, note: LockNote.change.text)
        defer { lock.release() }
        // Deleted between the look and the lock: the attribute must not outlive its element.
        guard try isListed(id, in: directory) else { throw .noElement(id) }
        if let value {
            let file = try UnnamedFile(
                in: directory, fallbackName: StorageRecovery.temporaryName(for: id.source, Randomness.token()))
            defer { file.discard() }
            try file.descriptor.write(value)
            if durability != .none { try file.descriptor.sync() }
            // An unnamed file cannot replace a name, and the original stops at names that it does not know: so the new
            // value is an attribute of its own for a moment.
            let newName = id.fileName(Self.newValueSuffix)
            try directory.removeFile(newName)
            guard try file.link(as: newName) else { throw .nameTaken(directory.path + "/" + newName) }
            try directory.rename(newName, to: id.fileName(name.description))
        } else {
            try directory.removeFile(id.fileName(name.description))
        }
        if durability != .none { try directory.sync() }
    }

    /// Refuses what no attribute can be.
    func check(_ name: AttributeName, of id: ElementID, _ value: [UInt8]?) throws(BackupError) {
        guard name.description != Self.newValueSuffix else { throw .attributeReserved(name) }
        if let value, value.count > Self.maximumAttributeSize {
            throw .attributeTooLarge(name, id, value.count, Self.maximumAttributeSize)
        }
    }

    package func delete(_ id: ElementID) throws(BackupError) {
        let directory = try existing(id)
        let lock = try FileLock.acquire(id.fileName("lock"), in: directory, note: LockNote.delete.text)
        defer { lock.release() }
        if durability != .none { try lock.sync() }
        guard try isListed(id, in: directory) else { throw .noElement(id) }
        do throws(BackupError) { try removeFiles(of: id, in: directory) } catch {
            // Half-way: the lock file stays, and the next recovery finishes what it says.
            if (try? isListed(id, in: directory)) == false { lock.abandon() }
            throw error
        }
    }

    /// Removes what there is of an element, in the order that makes it vanish as a whole. The caller holds the lock.
    func removeFiles(of id: ElementID, in directory: Directory) throws(BackupError) {
        try directory.removeFile(id.fileName("info"))
        if durability != .none { try directory.sync() }
        for name in try suffixes(of: id, in: directory) {
            try directory.removeFile(id.fileName(name.description))
        }
        try directory.removeFile(id.fileName("data"))
        if durability != .none { try directory.sync() }
    }

    private func existing(_ id: ElementID) throws(BackupError) -> Directory {
        guard let directory = try directory(of: id.source), try isListed(id, in: directory) else {
            throw .noElement(id)
        }
        return directory
    }

    func isListed(_ id: ElementID, in directory: Directory) throws(BackupError) -> Bool {
        try directory.status(id.fileName("info")) != nil
    }
}
