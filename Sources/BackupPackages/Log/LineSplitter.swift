import Glibc

/// One whole line of a log. Valid only while it is handed over.
package struct LogLine {
    /// Without the newline; at most ``LineSplitter/maximumLength``.
    package let bytes: UnsafeRawBufferPointer
    /// Bytes from the beginning of the stream.
    package let offset: Int64
    /// Bytes of the line without its newline; more than `bytes` has when the line was too long.
    package let length: Int64

    package var isTooLong: Bool { length > bytes.count }
}

/// Cuts a stream that comes in pieces into whole lines. What stands behind the last newline is not taken: the stream is given
/// again from ``position`` on when there is more.
package struct LineSplitter: Sendable {
    /// Bytes. Arguments of a command that names thousands of packages fit; longer lines are handed over cut.
    package static let maximumLength = 1 << 20

    /// The offset of the first byte that belongs to no whole line yet.
    package private(set) var position: Int64
    /// What has come of the line at ``position``, cut.
    private var carry: [UInt8] = []
    /// All that has come of it.
    private var carryLength: Int64 = 0

    /// - Parameter position: the offset in the stream of the first byte that will be given.
    package init(position: Int64 = 0) { self.position = position }

    /// Takes the next piece and calls `body` for each line that ends in it.
    package mutating func take(_ piece: UnsafeRawBufferPointer, _ body: (LogLine) -> Void) {
        guard let base = piece.baseAddress else { return }
        var start = 0
        while start < piece.count, let newline = memchr(base + start, 0x0a, piece.count - start) {
            let end = base.distance(to: UnsafeRawPointer(newline))
            let part = UnsafeRawBufferPointer(start: base + start, count: end - start)
            if carryLength == 0 {
                let shown = UnsafeRawBufferPointer(start: part.baseAddress, count: min(part.count, Self.maximumLength))
                body(LogLine(bytes: shown, offset: position, length: Int64(part.count)))
                position += Int64(part.count) + 1
            } else {
                keep(part)
                let length = carryLength
                carry.withUnsafeBytes { body(LogLine(bytes: $0, offset: position, length: length)) }
                position += length + 1
                carry.removeAll(keepingCapacity: carry.count <= 4096)
                carryLength = 0
            }
            start = end + 1
        }
        if start < piece.count { keep(UnsafeRawBufferPointer(rebasing: piece[start...])) }
    }

    private mutating func keep(_ part: UnsafeRawBufferPointer) {
        carry.append(contentsOf: part.prefix(Self.maximumLength - carry.count))
        carryLength += Int64(part.count)
    }
}
