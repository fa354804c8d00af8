package import BackupModel
import CBackupShims
import Glibc

extension OwnedDescriptor {
    /// Runs `body` while nobody else has the file open: who wants to open it waits meanwhile. So a file can be looked at
    /// and changed with no other change between.
    ///
    /// This must be the only descriptor of the file, opened for writing by its owner or root.
    ///
    /// - Throws: `busy` when somebody has it open, if only for reading; `failed` where the file system or the permissions
    ///   do not allow leases.
    package func withWriteLease<Value>(
        _ body: () throws(BackupError) -> Value
    ) throws(BackupError) -> Value {
        let raw = self.raw
        guard backup_take_write_lease(raw) == 0 else {
            let number = errno
            if number == EAGAIN || number == EBUSY { throw .leaseBusy(name) }
            throw .noLease(name, .system(number, "take a lease on", name))
        }
        defer { _ = backup_drop_lease(raw) }
        return try body()
    }
}
