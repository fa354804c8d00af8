package import BackupModel
import CBackupShims
import Glibc

/// A pipe between two stages.
package struct Pipe: Sendable {
    /// Bytes a pipe should hold: with the kernel's default of 64 KiB, stages wake each other far more often.
    package static let wantedCapacity = 1 << 20

    package let readEnd: OwnedDescriptor
    package let writeEnd: OwnedDescriptor

    /// - Parameter name: for messages, for example "pipe from tar to zstd".
    package init(name: String) throws(BackupError) {
        var ends: (CInt, CInt) = (-1, -1)
        try systemCall("create", name) {
            withUnsafeMutablePointer(to: &ends) {
                $0.withMemoryRebound(to: CInt.self, capacity: 2) { backup_pipe($0) }
            }
        }
        readEnd = OwnedDescriptor(ends.0, name: name)
        writeEnd = OwnedDescriptor(ends.1, name: name)
        // Without privilege there is a limit for all pipes of a user together; a smaller pipe works too.
        var size = Self.wantedCapacity
        while size > 65536, backup_set_pipe_size(ends.1, CInt(size)) == -1 { size /= 2 }
    }
}

extension OwnedDescriptor {
    /// Bytes that lie unread in the pipe; 0 when it cannot be told.
    package var bytesWaiting: Int { max(0, Int(backup_bytes_waiting(raw))) }

    /// Whether the pipe has nothing unread and no writer any more: its reader met the end.
    package var isAtEnd: Bool {
        var poller = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, 0) == 1 else { return false }
        return poller.revents & Int16(POLLHUP) != 0 && poller.revents & Int16(POLLIN) == 0
    }
}
