package import BackupModel
import BackupSystem
import Glibc

/// The directory that a restore writes to, checked before anything is written.
package struct RestoreTarget: Sendable {
    /// What the person on the command line has allowed.
    package struct Permissions: Sendable {
        /// Writing over what is there.
        package var intoExisting: Bool
        /// Deleting what the backup does not know.
        package var deleteUnknown: Bool
        /// Writing over the root of the running system.
        package var inPlace: Bool

        package init(intoExisting: Bool = false, deleteUnknown: Bool = false, inPlace: Bool = false) {
            self.intoExisting = intoExisting
            self.deleteUnknown = deleteUnknown
            self.inPlace = inPlace
        }
    }

    /// The real path, without symbolic links.
    package let path: String
    let isEmpty: Bool

    /// Opens or makes the directory.
    ///
    /// - Parameters:
    ///   - storagePath: the storage's directory, which must not be written into; `nil` if it has none.
    ///   - increments: how many increments will be applied.
    /// - Throws: `exists`, `usage`, or what the system says.
    package init(
        _ path: String, permissions: Permissions, storagePath: String?, increments: Int
    ) throws(BackupError) {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFDIR { throw .notDirectory(path) }
        let directory = try Directory(path: path, create: !exists)
        guard let resolved = realpath(path, nil) else { throw .system(errno, "resolve", path) }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        if let storagePath, let storage = realpath(storagePath, nil) {
            defer { free(storage) }
            let root = String(cString: storage)
            if self.path == root || self.path.hasPrefix(root + "/") { throw .insideStorage(path, storagePath) }
        }
        var isEmpty = true
        try directory.forEachEntry { entry throws(BackupError) in
            // A fresh file system has it.
            if entry.name != "lost+found" { isEmpty = false }
        }
        self.isEmpty = isEmpty
        if self.path == "/" {
            guard permissions.inPlace else { throw .rootTarget() }
        } else if !isEmpty {
            guard permissions.intoExisting || permissions.inPlace else { throw .notEmpty(path) }
        }
        if !isEmpty, increments > 0, !permissions.deleteUnknown { throw .wouldDelete(path, increments) }
    }
}
