import Foundation
import Testing

/// A program on a terminal of its own, with somebody who reads along and types.
final class Terminal {
    private let process: pid_t
    private let master: CInt
    /// All that was shown, as it came.
    private(set) var shown = ""

    init(_ words: [String], columns: UInt16 = 80, environment: [String: String] = [:]) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(master >= 0)
        // What unlockpt(3) and ptsname(3) do, which Swift does not import.
        var lock = CInt(0)
        try #require(ioctl(master, 0x4004_5431, &lock) == 0)
        var number = CInt(0)
        try #require(ioctl(master, 0x8004_5430, &number) == 0)
        let name = "/dev/pts/\(number)"
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
        try #require(fcntl(master, F_SETFL, O_NONBLOCK) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that the leader of a session opens becomes that of the session.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        let variables = GBProcess.variables(["TERM": "xterm"].merging(environment) { _, new in new })
        process = try spawnProgram(words, &actions, variables)
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = Glibc.read(master, &buffer, buffer.count), count > 0 {
            shown += String(decoding: buffer.prefix(count), as: UTF8.self)
        }
    }

    /// Reads along until `text` has been shown.
    func expect(_ text: String, limit: Double = 30) -> Bool {
        waitUntil(limit) {
            read()
            return shown.contains(text)
        }
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// Waits for the end, and returns the exit code; -1 when the program had to be killed.
    func wait(limit: Double = 30) -> Int {
        var status = CInt(0)
        let isOver = waitUntil(limit) {
            read()
            return waitpid(process, &status, WNOHANG) == process
        }
        if !isOver {
            kill(process, SIGKILL)
            waitpid(process, &status, 0)
        }
        read()
        close(master)
        return isOver ? exitCode(status) : -1
    }

    /// What a person sees in the end: lines after carriage returns and erasures.
    var screen: [String] {
        shown.replacingOccurrences(of: "\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
            .map { line in
                var text = ""
                for part in line.replacingOccurrences(of: "\r\u{1b}[K", with: "\r").split(
                    separator: "\r", omittingEmptySubsequences: false)
                {
                    text = String(part)
                }
                return text
            }
    }
}
