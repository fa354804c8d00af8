import BackupModel
import BackupStorage
import BackupSystem
import Glibc
import NIOCore

/// Reads the data of an element from an offset, exactly as many bytes as the element has. Blocking.
final class ElementReader: Sendable {
    private let file: OwnedDescriptor
    private let id: ElementID
    private let size: Int64
    // One caller at a time; the descriptor's own position is where it stands.
    private let start: Int64

    init(_ storage: any ElementStorage, _ element: StoredElement, offset: Int64) throws(BackupError) {
        id = element.id
        size = element.size
        start = offset
        file = try storage.openData(element.id)
        let found = try file.status().size
        guard found == size else { throw .sizeChanged(element.id, found, size) }
        if offset > 0 {
            let raw = file.raw
            _ = try systemCall("seek in", file.name) { Int(lseek(raw, off_t(offset), SEEK_SET)) }
        }
        posix_fadvise(file.raw, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// The next bytes, at most `length`; empty at the end.
    ///
    /// - Throws: also when the file ends before its size.
    func read(_ length: Int) throws(BackupError) -> ByteBuffer {
        let position = Int64(lseek(file.raw, 0, SEEK_CUR))
        let wanted = Int(min(Int64(length), size - position))
        guard wanted > 0 else { return ByteBuffer() }
        var buffer = ByteBufferAllocator().buffer(capacity: wanted)
        var failure: BackupError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { raw in
            do throws(BackupError) {
                return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[..<wanted]))
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard buffer.readableBytes > 0 else { throw .sizeChanged(id, position, size) }
        return buffer
    }

    /// All that is left, as one buffer: for what is known to be short.
    ///
    /// - Throws: as ``read(_:)``.
    func readAll() throws(BackupError) -> ByteBuffer {
        var all = try read(Int(size - start))
        while all.readableBytes < Int(size - start) { all.writeImmutableBuffer(try read(Int(size - start))) }
        return all
    }

    func close() { file.close() }
}
