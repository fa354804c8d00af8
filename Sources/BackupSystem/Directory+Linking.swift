package import BackupModel
import CBackupShims
import Glibc

extension Directory {
    /// What became of an attempt to give a file a further name.
    package enum LinkOutcome: Sendable {
        case done
        /// The name is taken: nothing has happened.
        case taken
        /// The other directory is not on the same file system, or the kernel treats it so: nothing has happened.
        case otherFileSystem
    }

    /// Gives the file `name` of this directory the further name `newName` in `other`; never replaces anything.
    package func link(
        _ name: String, to other: Directory, as newName: String
    ) throws(BackupError) -> LinkOutcome {
        try checkPlain(name)
        try other.checkPlain(newName)
        // Without AT_SYMLINK_FOLLOW: a link in the place of the file gets the name itself, and leads nowhere new.
        if linkat(descriptor.raw, name, other.descriptor.raw, newName, 0) == 0 { return .done }
        switch errno {
        case EEXIST: return .taken
        case EXDEV: return .otherFileSystem
        default: throw .system(errno, "create", other.path + "/" + newName)
        }
    }

    /// Opens the plain file `name` for reading and writing, and makes it, mode 0600, if it is missing. Never waits,
    /// whatever lies there.
    ///
    /// - Throws: `damaged` when it is no plain file; `untrusted` for a symbolic link.
    package func openOrCreateFile(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let full = path + "/" + name
        let raw = try systemCall("open", full) {
            backup_open_beneath(descriptor.raw, name, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
        }
        let file = OwnedDescriptor(raw, name: full)
        let status = try file.status()
        guard status.kind == .regular else { throw .notRegular(full, status.kindName) }
        return file
    }
}
