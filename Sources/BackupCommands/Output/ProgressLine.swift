import BackupModel
import BackupSystem
import CBackupShims
import Glibc
import Synchronization

/// One line on the terminal that tells how far long work is; nothing in a pipe.
final class ProgressLine: Sendable {
    private struct State {
        var label = ""
        var started = SystemClock.monotonic()
        var isShown = false
        /// What was done when the part began that is under way.
        var base: Int64 = 0
    }

    /// More than what lies in pipes and buffers before a program that has not begun to write: as long as less is read,
    /// it may be asking for a passphrase on the same terminal.
    static let readAhead: Int64 = 4 << 20

    private let state = Mutex(State())
    private let total: Int64?
    private let quiet: Int64
    private let bytes: @Sendable () -> Int64
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - total: bytes of the whole work; `nil` where nobody knows.
    ///   - quiet: the line appears when more bytes than these are done.
    ///   - bytes: how many are done.
    init(_ label: String, total: Int64?, quiet: Int64 = -1, bytes: @escaping @Sendable () -> Int64) {
        self.total = total
        self.quiet = quiet
        self.bytes = bytes
        state.withLock { $0.label = label }
        guard Output.errorIsTerminal else { return }
        task.withLock {
            $0 = Task { [weak self] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(300))
                    if !Task.isCancelled { self?.show() }
                }
            }
        }
    }

    var label: String {
        get { state.withLock { $0.label } }
        set { state.withLock { $0.label = newValue } }
    }

    /// The next part of the work begins: the line goes until enough of it is done.
    func begin(_ label: String) {
        clear()
        let done = bytes()
        state.withLock { state in
            state.label = label
            state.base = done
        }
    }

    private func show() {
        let done = bytes()
        state.withLock { state in
            guard done - state.base > quiet else { return }
            let seconds = max(SystemClock.monotonic() - state.started, 0.001)
            let rate = Double(done) / seconds
            var text = "\(state.label)  \(ByteCount(done))"
            if let total, total > 0 {
                text += " of \(ByteCount(total)) (\(min(100, done * 100 / total)) %)"
            }
            text += "  \(ByteCount(Int64(rate)))/s"
            if let total, rate > 0, done < total {
                text += "  \(TimeSpan(seconds: Int64(Double(total - done) / rate)).rounded) left"
            }
            let columns = Int(backup_terminal_columns(STDERR_FILENO))
            if columns > 1 { text = String(text.prefix(columns - 1)) }
            let bytes = Array("\r\u{1b}[K\(text)".utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
            state.isShown = true
        }
    }

    /// Takes the line away for good.
    func end() {
        task.withLock {
            $0?.cancel()
            $0 = nil
        }
        clear()
    }

    /// Takes the line away until it is drawn again, so that something else can be printed.
    func clear() {
        state.withLock { state in
            guard state.isShown else { return }
            let bytes = Array("\r\u{1b}[K".utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
            state.isShown = false
        }
    }
}
