package import BackupModel
import BackupSystem
import Glibc

extension DefaultFileStorage {
    package func openPartial(_ key: PartialKey) throws(BackupError) -> PartialFile {
        try PartialFile.open(key, in: try partialPlace.directory(), isDurable: durability != .none)
    }

    /// Whether partial files can lie in the directory that was configured for them. Makes nothing that stays; a
    /// directory that is missing is judged by the one it would be made in.
    ///
    /// - Throws: `configuration` when it is not on the storage's file system; what opening it meets.
    package func checkPartialDirectory() throws(BackupError) { try partialPlace.check() }

    /// The bytes of all partial files.
    package func partialBytes() throws(BackupError) -> Int64 {
        var bytes: Int64 = 0
        for directory in partialPlace.existing() {
            try directory.forEachEntry { entry throws(BackupError) in
                guard entry.name.hasSuffix(PartialKey.dataSuffix) else { return }
                bytes += try directory.status(entry.name)?.size ?? 0
            }
        }
        return bytes
    }

    package func room() throws(BackupError) -> Int64? {
        var status = statvfs()
        let raw = root.descriptor.raw
        try systemCall("look at the file system of", root.path) { fstatvfs(raw, &status) }
        guard status.f_blocks > 0 else { return nil }
        let block = Int64(status.f_frsize)
        let (free, total) = (Int64(clamping: status.f_bavail) * block, Int64(clamping: status.f_blocks) * block)
        return max(0, free + (try partialBytes()) - min(64 << 20, total / 32))
    }

    package func removePartials(before date: Timestamp) throws(BackupError) -> Int {
        var count = 0
        for directory in partialPlace.existing() {
            count += try PartialCleanup(directory).run(before: date)
            try removeStaleArrivalLock(in: directory)
        }
        return count
    }

    package func removePartials(of owner: String, beyond allowance: PartialAllowance) throws(BackupError) -> Int {
        try PartialTrim(owner: owner, directories: partialPlace.existing()).run(beyond: allowance)
    }
}
