package import BackupModel
import CBackupShims
import Glibc

extension Directory {
    /// Opens the plain file `name`, a single name, so that whatever is written goes to its end, and can be read; made,
    /// mode 0600 and durable, if it is missing. Never waits, whatever lies there.
    ///
    /// - Throws: `damaged` when it is no plain file; `untrusted` for a symbolic link, and for a file that has further
    ///   names: what is written would be seen there too.
    package func openForAppending(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let full = path + "/" + name
        // Some devices act on being opened.
        let before = try status(name)
        if let before, before.kind == .directory || before.kind == .other {
            throw .notRegular(full, before.kindName)
        }
        let raw = try systemCall("open", full) {
            backup_open_beneath(
                descriptor.raw, name, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
        }
        let file = OwnedDescriptor(raw, name: full)
        let status = try file.status()
        guard status.kind == .regular else { throw .notRegular(full, status.kindName) }
        guard status.linkCount == 1 else { throw .furtherNames(full, status.linkCount) }
        if before == nil { try sync() }
        return file
    }
}
