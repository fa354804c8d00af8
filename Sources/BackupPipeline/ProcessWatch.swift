import BackupModel
import BackupSystem
import Glibc

/// Waits for the end of a process and takes what it writes to standard error meanwhile. It does not reap it.
struct ProcessWatch: Sendable {
    struct End: Sendable {
        /// The exit status; 0 when a signal ended it.
        var status: Int32 = 0
        var signal: Int32?
        var log = StandardErrorLog()
    }

    let pid: pid_t
    /// A pidfd; -1 where the kernel has none.
    let descriptor: CInt
    let standardError: OwnedDescriptor

    /// What may lie in a pipe at the end of a process; whoever writes more than that is not the process.
    private static let finalBytes = 2 << 20

    /// Blocks the calling thread.
    func waitForEnd() -> End {
        var end = End()
        setNonblocking(standardError)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var isOpen = true
        while !hasEnded(&end) {
            var pollers = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
            if isOpen { pollers.append(pollfd(fd: standardError.raw, events: Int16(POLLIN), revents: 0)) }
            _ = poll(&pollers, UInt(pollers.count), descriptor < 0 ? 20 : -1)
            if isOpen, pollers[1].revents != 0 { isOpen = take(buffer, into: &end.log) != 0 }
        }
        // Something that it has started may hold the pipe open: take what is there, and do not wait for the end.
        var rest = Self.finalBytes
        while isOpen, rest > 0 {
            let count = take(buffer, into: &end.log)
            if count <= 0 { break }
            rest -= count
        }
        return end
    }

    /// Reads once. Returns 0 at the end, -1 when there is nothing now.
    private func take(_ buffer: UnsafeMutableRawBufferPointer, into log: inout StandardErrorLog) -> Int {
        while true {
            let count = read(standardError.raw, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count > 0 { log.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count < 0 && errno != EAGAIN ? 0 : count
        }
    }

    private func hasEnded(_ end: inout End) -> Bool {
        var info = siginfo_t()
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return errno != EINTR }
        guard info._sifields._sigchld.si_pid != 0 else { return false }
        let value = info._sifields._sigchld.si_status
        if info.si_code == CInt(CLD_EXITED) { end.status = value } else { end.signal = value }
        return true
    }
}

extension StandardErrorLog {
    /// The last lines for a message, at most 200 characters, with control characters made visible.
    var lastLines: String { Self.lastLines(of: text) }

    /// As ``lastLines``, of any text.
    static func lastLines(of text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
        var result = ""
        for line in lines.suffix(3).reversed() {
            let longer = result.isEmpty ? String(line) : line + " / " + result
            if !result.isEmpty, longer.unicodeScalars.count > 200 { break }
            result = longer
        }
        return result.escapedForMessage
    }
}
