package import BackupModel
import CBackupShims
import Glibc

/// A file that nobody sees until it gets its name, and that vanishes with the process if it never does.
///
/// Where the file system cannot make unnamed files (`O_TMPFILE`), it has a temporary name and a lock: whoever cleans up
/// removes temporary files that nobody locks.
package final class UnnamedFile: Sendable {
    package let descriptor: OwnedDescriptor
    private let directory: Directory
    /// The name it has meanwhile; `nil` for a truly unnamed file.
    private let temporaryName: String?

    /// - Parameters:
    ///   - directory: where it will get its name.
    ///   - fallbackName: the name, unique in the directory, for file systems without unnamed files.
    package convenience init(in directory: Directory, fallbackName: @autoclosure () -> String) throws(BackupError) {
        try self.init(in: directory, fallbackName: fallbackName(), allowUnnamed: true)
    }

    /// - Parameter allowUnnamed: `false` does what file systems without unnamed files make necessary, on any.
    init(
        in directory: Directory, fallbackName: @autoclosure () -> String, allowUnnamed: Bool
    ) throws(BackupError) {
        self.directory = directory
        let raw = allowUnnamed ? backup_open_unnamed(directory.descriptor.raw, 0o600) : -1
        if raw >= 0 {
            descriptor = OwnedDescriptor(raw, name: "a new file in " + directory.path)
            temporaryName = nil
            return
        }
        // EOPNOTSUPP: the file system cannot; EISDIR and ENOENT: kernels and FUSE file systems that do not know it.
        guard !allowUnnamed || [EOPNOTSUPP, EISDIR, ENOENT, EINVAL].contains(errno) else {
            throw .system(errno, "create a file in", directory.path)
        }
        let name = fallbackName()
        descriptor = try directory.createFile(name)
        temporaryName = name
        _ = flock(descriptor.raw, LOCK_EX | LOCK_NB)
    }

    /// Gives the file its name.
    ///
    /// - Returns: `false` when the name is taken: nothing has happened then.
    package func link(as name: String) throws(BackupError) -> Bool {
        try directory.checkPlain(name)
        let result =
            if let temporaryName {
                linkat(directory.descriptor.raw, temporaryName, directory.descriptor.raw, name, 0)
            } else {
                backup_link_descriptor(descriptor.raw, directory.descriptor.raw, name)
            }
        if result == -1 {
            if errno == EEXIST { return false }
            throw .system(errno, "create", directory.path + "/" + name)
        }
        // The file has its name; if the other one stays, whoever cleans up removes it.
        if let temporaryName { unlinkat(directory.descriptor.raw, temporaryName, 0) }
        return true
    }

    /// Gives the file a name in `other`, where it stays: for finding out whether that can be done at all.
    package func link(to other: Directory, as name: String) throws(BackupError) -> Directory.LinkOutcome {
        if let temporaryName { return try directory.link(temporaryName, to: other, as: name) }
        try other.checkPlain(name)
        if backup_link_descriptor(descriptor.raw, other.descriptor.raw, name) == 0 { return .done }
        switch errno {
        case EEXIST: return .taken
        case EXDEV: return .otherFileSystem
        default: throw .system(errno, "create", other.path + "/" + name)
        }
    }

    /// Forgets the file: nothing of it stays. Does nothing to a file that has got its name.
    package func discard() {
        if let temporaryName { unlinkat(directory.descriptor.raw, temporaryName, 0) }
        descriptor.close()
    }
}
