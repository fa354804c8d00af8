import BackupModel
import BackupSystem

/// Reads a file line by line. What it needs of memory and time does not depend on what somebody has put into the file.
struct LineReader {
    struct Line {
        /// Bytes from the start of the file.
        let offset: Int64
        /// Where the next line begins.
        let end: Int64
        /// Without the newline; `nil` when it is longer than the limit.
        let bytes: [UInt8]?
        /// `false` for a last line without a newline.
        let hasNewline: Bool
    }

    private static let chunk = 64 << 10

    private let file: OwnedDescriptor
    private let limit: Int
    private let patience: Int64
    private var buffer: [UInt8] = []
    /// Where in the buffer the next line begins.
    private var start = 0
    /// Where in the file the buffer ends.
    private var position: Int64 = 0
    /// Whether a line was so long that nothing behind it is read.
    private(set) var hasGivenUp = false

    /// - Parameters:
    ///   - limit: the bytes that a line may have.
    ///   - patience: the bytes that are read of one line before the file is given up.
    init(_ file: OwnedDescriptor, limit: Int, patience: Int64) {
        self.file = file
        self.limit = limit
        self.patience = patience
    }

    /// The next line; `nil` at the end, or where the file is given up.
    mutating func next() throws(BackupError) -> Line? {
        guard !hasGivenUp else { return nil }
        let offset = position - Int64(buffer.count - start)
        var bytes: [UInt8]? = []
        while true {
            if start == buffer.count {
                buffer = try file.read(Self.chunk, at: position)
                start = 0
                position += Int64(buffer.count)
                if buffer.isEmpty {
                    guard position > offset else { return nil }
                    return Line(offset: offset, end: position, bytes: bytes, hasNewline: false)
                }
            }
            let newline = buffer[start...].firstIndex(of: UInt8(ascii: "\n"))
            let part = buffer[start..<(newline ?? buffer.count)]
            if let before = bytes, before.count + part.count <= limit {
                bytes?.append(contentsOf: part)
            } else {
                bytes = nil
            }
            start = newline.map { $0 + 1 } ?? buffer.count
            let end = position - Int64(buffer.count - start)
            if newline != nil { return Line(offset: offset, end: end, bytes: bytes, hasNewline: true) }
            if end - offset > patience {
                hasGivenUp = true
                return nil
            }
        }
    }
}
