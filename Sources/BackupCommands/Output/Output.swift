import BackupModel
import Glibc
import Synchronization

/// Standard output, gathered into large writes, so that long listings are quick.
final class Output: Sendable {
    static let standard = Output()

    private struct State {
        var buffer: [UInt8] = []
        var outlivesReader = false
        var failure: String?
        var isClosed = false
    }

    private let state = Mutex(State())
    private static let limit = 64 << 10
    /// What a shell says of a program that SIGPIPE has ended.
    private static let brokenPipe: Int32 = 128 + SIGPIPE

    /// Goes on without output when it cannot be written, and keeps the reason in ``failure``: for commands whose work
    /// matters more than what they say of it. Other commands end at once.
    func outliveReader() { state.withLock { $0.outlivesReader = true } }

    /// Why output was lost, if it was, as the system says it.
    var failure: String? { state.withLock { $0.failure } }

    /// Writes a line.
    func line(_ text: String) { append(text + "\n") }

    /// Writes an object as one line.
    func json(_ object: JSONObject) { line(JSONValue.object(object).compactText) }

    private func append(_ text: String) {
        state.withLock { state in
            state.buffer.append(contentsOf: text.utf8)
            if state.buffer.count >= Self.limit { Self.write(&state) }
        }
    }

    func flush() { state.withLock { Self.write(&$0) } }

    private static func write(_ state: inout State) {
        var offset = 0
        while offset < state.buffer.count, state.failure == nil {
            let count = state.buffer.withUnsafeBytes { bytes in
                let rest = bytes[offset...]
                return Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            }
            if count > 0 {
                offset += count
            } else if errno != EINTR {
                fail(errno, &state)
            }
        }
        state.buffer.removeAll(keepingCapacity: true)
    }

    /// Keeps the numbers of the standard descriptors from being given to files: what is printed must not get into what
    /// is stored. To be called before anything is opened.
    static func occupyStandardDescriptors() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) == -1 {
            // Standard output cannot be written then, as it should be; what is said to nobody may vanish.
            let mode = number == STDERR_FILENO ? O_WRONLY : O_RDONLY
            // The lowest free number is taken, which is this one.
            _ = open("/dev/null", mode)
            if number == STDOUT_FILENO { standard.state.withLock { $0.isClosed = true } }
        }
    }

    /// Whether the process was started without standard output.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// What a closed standard output is called in messages.
    static let closed = "it is closed"

    private static func fail(_ number: Int32, _ state: inout State) {
        let reason = state.isClosed ? closed : String(cString: strerror(number))
        guard !state.outlivesReader else {
            state.failure = reason
            return
        }
        // `gb storage list | head` has what it wants. A full disk under a redirection is another thing: a listing that
        // is cut off must not look like success.
        if number == EPIPE { exit(brokenPipe) }
        error("gb: error: \(BackupError.outputLost(reason))")
        exit(ExitStatus.failed)
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
