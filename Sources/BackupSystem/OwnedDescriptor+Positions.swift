package import BackupModel
import CBackupShims
import Glibc

extension OwnedDescriptor {
    /// Writes all bytes of `buffer` at `offset` (bytes from the start of the file), wherever the file stands.
    package func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BackupError) {
        let raw = self.raw
        var rest = buffer
        var position = offset
        while !rest.isEmpty {
            let count = try systemCall("write", name) { pwrite(raw, rest.baseAddress, rest.count, off_t(position)) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += Int64(count)
        }
    }

    /// At most `count` bytes from `offset` (bytes from the start of the file) on, wherever the file stands; fewer only at its
    /// end.
    package func read(_ count: Int, at offset: Int64) throws(BackupError) -> [UInt8] {
        let raw = self.raw
        var failure: BackupError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            do throws(BackupError) {
                while done < count {
                    let position = off_t(offset) + off_t(done)
                    let read = try systemCall("read", name) {
                        pread(raw, buffer.baseAddress.map { $0 + done }, count - done, position)
                    }
                    if read == 0 { break }
                    done += read
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads at most `buffer.count` bytes from `offset` (bytes from the start of the file) on; 0 means the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BackupError) -> Int {
        let raw = self.raw
        return try systemCall("read", name) { pread(raw, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// As ``read(into:at:)``, but never waits for the disk: only what lies in memory.
    ///
    /// - Returns: 0 also where nothing can be had in this way, for whatever reason.
    package func readCached(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        return max(0, Int(backup_read_cached(raw, start, UInt64(buffer.count), offset)))
    }

    /// Makes the file `size` bytes long, 0 or more; what is missing is zeros.
    package func truncate(to size: Int64) throws(BackupError) {
        let raw = self.raw
        try systemCall("cut", name) { ftruncate(raw, off_t(size)) }
    }

    /// Takes the lock on the open file (`flock`) without waiting; it ends when the descriptor is closed.
    ///
    /// - Returns: `false` when somebody else has it.
    package func tryLock() throws(BackupError) -> Bool {
        let raw = self.raw
        while flock(raw, LOCK_EX | LOCK_NB) == -1 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw .system(errno, "lock", name)
            }
        }
        return true
    }
}

extension OwnedDescriptor {
    /// Appends all bytes of this file, wherever it stands, to what `other` stands before.
    ///
    /// - Returns: How many.
    package func copyAll(to other: OwnedDescriptor) throws(BackupError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        let raw = self.raw
        var position: Int64 = 0
        while true {
            let count = try systemCall("read", name) {
                pread(raw, buffer.baseAddress, buffer.count, off_t(position))
            }
            if count == 0 { return position }
            try other.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += Int64(count)
        }
    }
}
