package import BackupModel
import BackupSystem
import Glibc

/// Removes what a crash left in a storage, and nothing else.
///
/// Only two things are taken for rubbish: what a lock file or the note of a group, held by nobody, says its holder was about
/// to do; and temporary files of our own naming that nobody locks and that are older than a day. A `.data` without `.info`
/// that none of these speaks of may be somebody's only copy: it is reported by `verify` and stays.
package struct StorageRecovery {
    private let storage: DefaultFileStorage
    /// What was done, one sentence each.
    package private(set) var actions: [String] = []

    package init(_ storage: DefaultFileStorage) { self.storage = storage }

    /// How long a temporary file may lie before it is rubbish: the original does not lock its own.
    private static let temporaryAge: Int64 = 86400

    static func temporaryName(for source: SourceURL, _ token: String) -> String { "tmp-\(source.lastPart)-\(token)" }

    /// Whether `name` is that of a temporary file: `tmp-<last part of a source URL>-<anything>`.
    static func isTemporary(_ name: String) -> Bool {
        guard name.hasPrefix("tmp-"), let end = name.lastIndex(of: "-") else { return false }
        let start = name.index(name.startIndex, offsetBy: 4)
        return start < end && (try? SourceURL("/" + name[start..<end])) != nil
    }

    /// Goes through all names of the storage. Running it twice does nothing more.
    package mutating func run(now: Timestamp) throws(BackupError) {
        for place in storage.partialPlace.existing() {
            actions += try GroupRecovery(storage: storage, place: place).run()
        }
        try visit(storage.root, below: "", now)
    }

    private mutating func visit(_ directory: Directory, below path: String, _ now: Timestamp) throws(BackupError) {
        var children: [String] = []
        var locks: [String] = []
        var temporaries: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            switch try DefaultFileStorage.kind(entry, in: directory) {
            case .directory: if !PartialPlace.isIn(path, entry.name) { children.append(entry.name) }
            case .regular:
                if entry.name.hasSuffix(".lock") { locks.append(entry.name) }
                if Self.isTemporary(entry.name) { temporaries.append(entry.name) }
            // Not ours, whatever it is called; `verify` names it.
            case .symbolicLink, .other: break
            }
        }
        for name in locks { try recover(name, path, directory) }
        for name in temporaries { try removeTemporary(name, directory, now) }
        for child in children where (try? SourceURL(path + "/" + child)) != nil {
            let next: Directory
            do throws(BackupError) { next = try directory.directory(child) } catch {
                // Removed meanwhile.
                if error.code == .notFound { continue }
                throw error
            }
            try visit(next, below: path + "/" + child, now)
        }
    }

    private mutating func recover(_ name: String, _ path: String, _ directory: Directory) throws(BackupError) {
        guard let id = ElementID.split(name, in: path)?.id,
            let (lock, text) = try FileLock.takeOver(name, in: directory)
        else { return }
        do throws(BackupError) { try undo(LockNote(text), id, directory) } catch {
            // The note must outlive a recovery that fails half-way.
            lock.abandon()
            throw error
        }
        lock.release()
    }

    private mutating func undo(_ note: LockNote?, _ id: ElementID, _ directory: Directory) throws(BackupError) {
        switch note {
        case .commit(let inode):
            guard try directory.status(id.fileName("info")) == nil,
                let data = try directory.status(id.fileName("data")), data.inode == inode
            else { break }
            try directory.removeFile(id.fileName("data"))
            if storage.durability != .none { try directory.sync() }
            actions.append("removed the unfinished element \(id): its writer ended before it was whole")
        case .delete:
            try storage.removeFiles(of: id, in: directory)
            actions.append("finished the deletion of \(id)")
        case .change: try directory.removeFile(id.fileName(DefaultFileStorage.newValueSuffix))
        case nil: break
        }
    }

    private mutating func removeTemporary(
        _ name: String, _ directory: Directory, _ now: Timestamp
    ) throws(BackupError) {
        guard let status = try directory.status(name), status.kind == .regular,
            (now - status.modified).seconds > Self.temporaryAge
        else { return }
        let file = try directory.openFile(name)
        guard flock(file.raw, LOCK_EX | LOCK_NB) == 0 else { return }
        try directory.removeFile(name)
        actions.append("removed the temporary file \(directory.path.escapedForMessage)/\(name.escapedForMessage)")
    }
}
