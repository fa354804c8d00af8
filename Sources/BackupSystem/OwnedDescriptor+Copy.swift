package import BackupModel
import CBackupShims
import Glibc

extension OwnedDescriptor {
    /// Copies the bytes from here to the end, by the kernel: a file system that can shares the blocks instead.
    package func copyRest(to target: OwnedDescriptor) throws(BackupError) {
        while true {
            let count = backup_copy_range(raw, target.raw, 1 << 30)
            if count > 0 { continue }
            if count == 0 { return }
            if errno == EINTR { continue }
            // Different file systems, or one that cannot: by hand.
            guard [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else { throw .system(errno, "copy", name) }
            break
        }
        let result = withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 4096) {
            buffer -> Result<Void, BackupError> in
            do throws(BackupError) {
                while true {
                    let count = try read(into: buffer)
                    if count == 0 { return .success(()) }
                    try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// The user id at the other end of a connected UNIX socket; `nil` when the kernel does not tell.
    package static func peerUser(ofSocket raw: CInt) -> UInt32? { UInt32(exactly: backup_peer_user(raw)) }
}
