package import BackupModel
import CBackupShims
import Glibc

/// Writes a file from some point to its end, in blocks, so that a sync at the end finds little to do.
///
/// The first megabytes go through the page cache, as those of most files do. What comes behind them goes past it where the
/// file system lets it (`O_DIRECT`): a copy less is a quarter less work for the processor, and what is stored and not read
/// soon does not push out what others on the machine need. Nobody else may change the flags of the descriptor meanwhile.
package struct StreamingFileWriter: Sendable {
    /// The offset up to which bytes go through the page cache.
    package static let cachedLength: Int64 = 8 << 20

    private let file: OwnedDescriptor
    private var isDirect = false
    private var isDirectRefused = false

    package init(_ file: OwnedDescriptor) { self.file = file }

    /// Writes all of `bytes` at `offset`, in bytes from the start of the file; behind what was written before.
    package mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(BackupError) {
        let direct = try writeDirectly(bytes, at: offset)
        let rest = UnsafeRawBufferPointer(rebasing: bytes[direct...])
        guard !rest.isEmpty else { return }
        useCache()
        let start = offset + Int64(direct)
        try file.write(rest, at: start)
        let end = start + Int64(rest.count)
        let (from, to) = (start / Self.cachedLength, end / Self.cachedLength)
        if to > from {
            file.startWriteback(offset: from * Self.cachedLength, count: (to - from) * Self.cachedLength)
        }
    }

    /// Has later writes to the descriptor go through the page cache again.
    package mutating func finish() { useCache() }

    /// - Returns: How many of the bytes were written past the cache: all, or as many as the file system takes in this way.
    private mutating func writeDirectly(
        _ bytes: UnsafeRawBufferPointer, at offset: Int64
    ) throws(BackupError) -> Int {
        guard offset >= Self.cachedLength, Self.isAligned(bytes, offset), turnDirect() else { return 0 }
        let raw = file.raw
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                raw, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
            guard count >= 0 else {
                switch errno {
                case EINTR: continue
                // Larger blocks than ours, or a file system that says so only now.
                case EINVAL, EOPNOTSUPP:
                    isDirectRefused = true
                    return done
                case let error: throw .system(error, "write", file.name)
                }
            }
            done += count
            // The rest would be refused.
            if count == 0 || count % AlignedMemory.alignment != 0 { return done }
        }
        return done
    }

    private static func isAligned(_ bytes: UnsafeRawBufferPointer, _ offset: Int64) -> Bool {
        let alignment = AlignedMemory.alignment
        return bytes.count % alignment == 0 && offset % Int64(alignment) == 0
            && Int(bitPattern: bytes.baseAddress) % alignment == 0
    }

    private mutating func turnDirect() -> Bool {
        guard !isDirect, !isDirectRefused else { return isDirect }
        isDirect = backup_set_direct(file.raw, 1) == 0
        isDirectRefused = !isDirect
        return isDirect
    }

    private mutating func useCache() {
        guard isDirect else { return }
        isDirect = false
        _ = backup_set_direct(file.raw, 0)
    }
}
