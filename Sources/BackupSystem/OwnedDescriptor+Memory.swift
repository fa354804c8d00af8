package import BackupModel
import CBackupShims
import Glibc

extension OwnedDescriptor {
    /// A file in memory that holds `bytes` and stands at its beginning: what is read from a pipe must be read to the end
    /// by somebody, this need not.
    package static func memoryFile(_ bytes: [UInt8], name: String) throws(BackupError) -> OwnedDescriptor {
        let file = OwnedDescriptor(try systemCall("make", name) { backup_memory_file("input") }, name: name)
        try file.write(bytes)
        lseek(file.raw, 0, SEEK_SET)
        return file
    }
}
