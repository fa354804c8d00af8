package import BackupModel
import CBackupShims
import Glibc
import Synchronization

/// A file descriptor that cannot leak: it is closed when its owner goes, at the latest.
///
/// A class, and not a noncopyable struct, because stages of a pipeline hand descriptors to threads in closures. Only the
/// thread that uses a descriptor closes it.
package final class OwnedDescriptor: Sendable {
    /// -1 once it is closed or given away.
    private let number: Mutex<CInt>
    /// What it is, for messages: a path, or "pipe to gpg".
    package let name: String

    /// Takes over `raw`, an open descriptor with the close-on-exec flag set.
    package init(_ raw: CInt, name: String) {
        precondition(raw >= 0, "not a descriptor")
        number = Mutex(raw)
        self.name = name
    }

    deinit { close() }

    /// The number, for system calls. Must not be asked for after ``close()``.
    package var raw: CInt {
        let raw = number.withLock { $0 }
        precondition(raw >= 0, "\(name) is closed already")
        return raw
    }

    package var isOpen: Bool { number.withLock { $0 >= 0 } }

    /// Closes the descriptor; does nothing if that was done before.
    package func close() {
        let raw = release()
        if raw >= 0 { _ = Glibc.close(raw) }
    }

    /// Gives the descriptor away: the caller closes it. Returns -1 if it was closed before.
    package func release() -> CInt {
        number.withLock { raw in
            defer { raw = -1 }
            return raw
        }
    }

    /// The same file under a number of its own; this number leads to nothing from then on. For standard input and output,
    /// whose numbers must not be given to other files.
    package func moved() throws(BackupError) -> OwnedDescriptor {
        let copy = try duplicate()
        let name = name
        let number = raw
        let empty = try systemCall("open", "/dev/null") { open("/dev/null", O_RDWR | O_CLOEXEC) }
        defer { Glibc.close(empty) }
        _ = try systemCall("move", name) { dup2(empty, number) }
        _ = release()
        return copy
    }

    /// A second descriptor for the same open file.
    package func duplicate() throws(BackupError) -> OwnedDescriptor {
        OwnedDescriptor(try systemCall("duplicate", name) { fcntl(raw, F_DUPFD_CLOEXEC, 3) }, name: name)
    }

    // MARK: - Bytes

    /// Reads at most `buffer.count` bytes; 0 means the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) -> Int {
        let raw = self.raw
        return try systemCall("read", name) { Glibc.read(raw, buffer.baseAddress, buffer.count) }
    }

    /// Writes all bytes of `buffer`.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(BackupError) {
        let raw = self.raw
        var rest = buffer
        while !rest.isEmpty {
            let count = try systemCall("write", name) { Glibc.write(raw, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    package func write(_ bytes: [UInt8]) throws(BackupError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, BackupError> in
            do throws(BackupError) { return .success(try write(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Reads the rest of the file.
    ///
    /// - Throws: `BackupError` with code `damaged` when that is more than `limit` bytes.
    package func readAll(limit: Int) throws(BackupError) -> [UInt8] {
        var bytes: [UInt8] = []
        let size = try status().size
        guard size <= limit else { throw .tooLarge(name, limit) }
        // One more than its size, so that the first read meets the end.
        var chunk = [UInt8](repeating: 0, count: max(Int(size), 4096) + 1)
        while true {
            let count = try readChunk(&chunk)
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else { throw .tooLarge(name, limit) }
            if bytes.isEmpty, count < chunk.count {
                bytes = Array(chunk[..<count])
            } else {
                bytes.append(contentsOf: chunk[..<count])
            }
        }
    }

    fileprivate func readChunk(_ chunk: inout [UInt8]) throws(BackupError) -> Int {
        let result = chunk.withUnsafeMutableBytes { buffer -> Result<Int, BackupError> in
            do throws(BackupError) { return .success(try read(into: buffer)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    // MARK: - State

    package func status() throws(BackupError) -> FileStatus {
        var status = stat()
        let raw = self.raw
        try systemCall("look at", name) { fstat(raw, &status) }
        return FileStatus(status)
    }

    /// Returns when the bytes and the size of the file are on stable storage.
    package func sync() throws(BackupError) {
        let raw = self.raw
        try systemCall("sync", name) { fsync(raw) }
    }

    /// Asks the kernel to begin writing out these bytes now, so that a later ``sync()`` has little left to do.
    package func startWriteback(offset: Int64, count: Int64) {
        _ = backup_start_writeback(raw, offset, count)
    }

    package var isTerminal: Bool { isatty(raw) == 1 }
}

/// What the kernel says about a file.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case regular, directory, symbolicLink, other
    }

    package let kind: Kind
    /// Bytes.
    package let size: Int64
    package let inode: UInt64
    package let device: UInt64
    package let linkCount: UInt64
    /// Permission bits.
    package let mode: UInt32
    package let owner: UInt32
    /// Seconds since 1970.
    package let modified: Timestamp
    /// What ``modified`` leaves out, in nanoseconds: 0 to 999,999,999.
    package let modifiedFraction: Int64
    /// When contents, names, owner or permissions were changed last, by the clock of the machine: nobody can set it.
    package let changed: Timestamp
    /// What ``changed`` leaves out, in nanoseconds: 0 to 999,999,999.
    package let changedFraction: Int64

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        size = Int64(status.st_size)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        linkCount = UInt64(status.st_nlink)
        mode = UInt32(status.st_mode & 0o7777)
        owner = UInt32(status.st_uid)
        modified = Timestamp(Int64(status.st_mtim.tv_sec))
        modifiedFraction = Int64(status.st_mtim.tv_nsec)
        changed = Timestamp(Int64(status.st_ctim.tv_sec))
        changedFraction = Int64(status.st_ctim.tv_nsec)
    }

    /// In words, for messages.
    package var kindName: String {
        switch kind {
        case .regular: "a plain file"
        case .directory: "a directory"
        case .symbolicLink: "a symbolic link"
        case .other: "a device, FIFO or socket"
        }
    }
}

extension OwnedDescriptor {
    /// At most the first `limit` bytes from the current position.
    package func readPrefix(_ limit: Int) throws(BackupError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: limit)
        while bytes.count < limit {
            let count = try readChunk(&chunk)
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<min(count, limit - bytes.count)])
        }
        return bytes
    }
}
