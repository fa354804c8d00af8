import BackupModel
import BackupStorage
import BackupSystem
import Glibc
import NIOCore
import Synchronization

/// Reads the data of an element from an offset, exactly as many bytes as the element has. Blocking, but for
/// ``readCached(_:)``.
final class ElementReader: Sendable {
    private let file: OwnedDescriptor
    private let id: ElementID
    private let size: Int64
    /// Of the next byte in the file. One caller at a time.
    private let position: Atomic<Int64>

    /// Whether all bytes were read.
    var isAtEnd: Bool { position.load(ordering: .relaxed) >= size }

    init(_ storage: any ElementStorage, _ element: StoredElement, offset: Int64) throws(BackupError) {
        id = element.id
        size = element.size
        position = Atomic(offset)
        file = try storage.openData(element.id)
        let found = try file.status().size
        guard found == size else { throw .sizeChanged(element.id, found, size) }
        posix_fadvise(file.raw, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// The next bytes, at most `length`; empty at the end.
    ///
    /// - Throws: also when the file ends before its size.
    func read(_ length: Int) throws(BackupError) -> ByteBuffer {
        var failure: BackupError?
        let buffer = read(length) { [file] raw, start in
            do throws(BackupError) { return try file.read(into: raw, at: start) } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard buffer.readableBytes > 0 || isAtEnd else {
            throw .sizeChanged(id, position.load(ordering: .relaxed), size)
        }
        return buffer
    }

    /// The next bytes, at most `length`, as far as they lie in memory: for who must not wait for the disk.
    func readCached(_ length: Int) -> ByteBuffer { read(length) { [file] in file.readCached(into: $0, at: $1) } }

    private func read(_ length: Int, _ body: (UnsafeMutableRawBufferPointer, Int64) -> Int) -> ByteBuffer {
        let start = position.load(ordering: .relaxed)
        let wanted = Int(min(Int64(length), size - start))
        guard wanted > 0 else { return ByteBuffer() }
        var buffer = ByteBufferAllocator().buffer(capacity: wanted)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { raw in
            body(UnsafeMutableRawBufferPointer(rebasing: raw[..<wanted]), start)
        }
        position.store(start + Int64(buffer.readableBytes), ordering: .relaxed)
        return buffer
    }

    /// All that is left, as one buffer: for what is known to be short.
    ///
    /// - Throws: as ``read(_:)``.
    func readAll() throws(BackupError) -> ByteBuffer {
        let length = Int(size - position.load(ordering: .relaxed))
        var all = try read(length)
        while !isAtEnd { all.writeImmutableBuffer(try read(length)) }
        return all
    }

    func close() { file.close() }
}
