import BackupModel
import BackupSystem

/// Removes partial files that were given up.
struct PartialCleanup {
    let directory: Directory

    init(_ directory: Directory) { self.directory = directory }

    /// - Returns: The number of partial files that were removed because of their age. Those that are of no use to anybody
    ///   are removed whatever their age.
    func run(before date: Timestamp) throws(BackupError) -> Int {
        var data: [String] = []
        var notes: [String] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if entry.name.hasSuffix(PartialKey.dataSuffix) { data.append(entry.name) }
            if entry.name.hasSuffix(PartialKey.noteSuffix) || entry.name.hasSuffix(PartialKey.noteSuffix + ".tmp") {
                notes.append(entry.name)
            }
        }
        var count = 0
        for name in data where try remove(name, date) { count += 1 }
        // Notes whose bytes a crash took.
        for name in notes {
            let dataName = name.prefix { $0 != "." } + PartialKey.dataSuffix
            guard try directory.status(String(dataName)) == nil, try isOlder(name, date) else { continue }
            try directory.removeFile(name)
        }
        return count
    }

    private func remove(_ name: String, _ date: Timestamp) throws(BackupError) -> Bool {
        let noteName = String(name.dropLast(PartialKey.dataSuffix.count)) + PartialKey.noteSuffix
        guard let (file, status) = try lock(name) else { return false }
        defer { file.close() }
        // Bytes without a note are not gone on with; and with two names they are an element already, whose maker was killed
        // before it could take this one away.
        let hasNote = try directory.status(noteName) != nil
        let isUseful = hasNote && status.linkCount == 1
        if isUseful {
            guard status.modified < date, try isOlder(noteName, date) else { return false }
        }
        try removeNames(of: name)
        return isUseful
    }

    /// Locks the file with the bytes; `nil` when somebody holds it, it is gone, or it is nothing of ours.
    func lock(_ name: String) throws(BackupError) -> (descriptor: OwnedDescriptor, status: FileStatus)? {
        let file: OwnedDescriptor
        do throws(BackupError) { file = try directory.openFile(name) } catch {
            if [.notFound, .damaged, .untrusted].contains(error.code) { return nil }
            throw error
        }
        guard try file.tryLock(), let named = try directory.status(name) else { return nil }
        let status = try file.status()
        return named.inode == status.inode ? (file, status) : nil
    }

    /// Removes the note, then the bytes: alone they are of no harm.
    func removeNames(of name: String) throws(BackupError) {
        let noteName = String(name.dropLast(PartialKey.dataSuffix.count)) + PartialKey.noteSuffix
        try directory.removeFile(noteName)
        try directory.removeFile(noteName + ".tmp")
        try directory.removeFile(name)
    }

    private func isOlder(_ name: String, _ date: Timestamp) throws(BackupError) -> Bool {
        guard let status = try directory.status(name) else { return false }
        return status.modified < date
    }
}
