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
        /// What was wrong with what it said on descriptor 3.
        var messageFailure: BackupError?
    }

    let pid: pid_t
    /// A pidfd; -1 where the kernel has none.
    let descriptor: CInt
    let standardError: OwnedDescriptor
    /// Descriptor 3 of the process, and who takes what comes from there.
    var messages: (pipe: OwnedDescriptor, sink: MessageSink)?
    /// Is called when something has come from descriptor 3.
    var onMessage: @Sendable () -> Void = {}
    /// Is called when the process has ended, which may be before all that it has started has said what it has to say.
    var onExit: @Sendable () -> Void = {}
    /// How long something that it has started may hold descriptor 3 open after it, in seconds.
    var heldGrace = 10.0
    /// Becomes readable when nobody wants to wait any more; -1 for never.
    var stop: CInt = -1

    /// What may lie in a pipe at the end of a process; whoever writes more than that is not the process.
    private static let finalBytes = 2 << 20

    /// Blocks the calling thread.
    func waitForEnd() -> End {
        var end = End()
        setNonblocking(standardError)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var isOpen = true
        var reader = messages.map { MessageReader($0.sink) }
        if let messages { setNonblocking(messages.pipe) }
        while !hasEnded(&end) {
            var pollers = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
            if isOpen { pollers.append(pollfd(fd: standardError.raw, events: Int16(POLLIN), revents: 0)) }
            let listens = reader != nil
            if listens, let messages {
                pollers.append(pollfd(fd: messages.pipe.raw, events: Int16(POLLIN), revents: 0))
            }
            _ = poll(&pollers, UInt(pollers.count), descriptor < 0 ? 20 : -1)
            if isOpen, pollers[1].revents != 0 { isOpen = take(buffer, into: &end.log) != 0 }
            if listens, pollers.last?.revents != 0 {
                hear(buffer, &reader, &end)
                // Whoever does that is not to be trusted with the rest either.
                if end.messageFailure != nil { kill(-pid, SIGKILL) }
            }
        }
        onExit()
        // What it has started may go on to make data as long as it has standard output; what that says counts as well.
        if end.signal == nil, end.status == 0 { hearRest(buffer, isOpen: &isOpen, &reader, &end) }
        // Something that it has started may hold the pipe open: take what is there, and do not wait for the end.
        var rest = Self.finalBytes
        while isOpen, rest > 0 {
            let count = take(buffer, into: &end.log)
            if count <= 0 { break }
            rest -= count
        }
        while reader != nil, hear(buffer, &reader, &end) {}
        if end.messageFailure == nil {
            do throws(BackupError) { try reader?.finish() } catch { end.messageFailure = error }
        }
        return end
    }

    /// Listens to descriptor 3 until nobody has it open any more.
    private func hearRest(
        _ buffer: UnsafeMutableRawBufferPointer, isOpen: inout Bool, _ reader: inout MessageReader?, _ end: inout End
    ) {
        guard let messages else { return }
        let deadline = SystemClock.monotonic() + heldGrace
        while reader != nil {
            let left = deadline - SystemClock.monotonic()
            guard left > 0 else {
                end.messageFailure = .messagesHeldOpen(seconds: heldGrace)
                reader = nil
                return
            }
            var pollers = [
                pollfd(fd: messages.pipe.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? standardError.raw : -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&pollers, UInt(pollers.count), CInt(max(1, min(left, 60) * 1000)))
            if pollers[0].revents != 0 { hear(buffer, &reader, &end) }
            if pollers[1].revents != 0 { return }
            if pollers[2].revents != 0 { isOpen = take(buffer, into: &end.log) != 0 }
        }
    }

    /// Reads once from descriptor 3. `reader` is `nil` when nothing more will come.
    ///
    /// - Returns: whether anything came.
    @discardableResult
    private func hear(
        _ buffer: UnsafeMutableRawBufferPointer, _ reader: inout MessageReader?, _ end: inout End
    ) -> Bool {
        guard let messages, var current = reader else { return false }
        var count = -1
        repeat { count = read(messages.pipe.raw, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
        if count > 0 {
            onMessage()
            do throws(BackupError) {
                try current.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                reader = current
            } catch {
                end.messageFailure = error
                reader = nil
            }
            return true
        }
        if count < 0, errno == EAGAIN { return false }
        do throws(BackupError) { try current.finish() } catch { end.messageFailure = error }
        reader = nil
        return false
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
