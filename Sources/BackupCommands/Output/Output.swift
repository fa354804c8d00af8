import BackupModel
import Glibc
import Synchronization

/// Standard output, gathered into large writes, so that long listings are quick.
final class Output: Sendable {
    static let standard = Output()

    private let buffer = Mutex<[UInt8]>([])
    private static let limit = 64 << 10

    /// Writes a line.
    func line(_ text: String) { append(text + "\n") }

    /// Writes an object as one line.
    func json(_ object: JSONObject) { line(JSONValue.object(object).compactText) }

    private func append(_ text: String) {
        buffer.withLock { buffer in
            buffer.append(contentsOf: text.utf8)
            if buffer.count >= Self.limit { Self.write(&buffer) }
        }
    }

    func flush() { buffer.withLock { Self.write(&$0) } }

    private static func write(_ buffer: inout [UInt8]) {
        var offset = 0
        while offset < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                let rest = bytes[offset...]
                return Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            }
            if count > 0 {
                offset += count
            } else if errno != EINTR {
                // Nobody reads any more, or the disk under a redirection is full: a listing that is cut off must not
                // look like success.
                error("gb: error: cannot write standard output: \(String(cString: strerror(errno)))")
                exit(ExitStatus.failed)
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes a line to standard error at once.
    static func error(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    static func warning(_ text: String) { error("gb: warning: \(text)") }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }
}
