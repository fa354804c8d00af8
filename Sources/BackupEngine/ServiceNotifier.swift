import Glibc

/// Tells systemd how the service stands (sd_notify(3)): one datagram to the socket that `NOTIFY_SOCKET` names. Does nothing
/// where nobody asked for it.
struct ServiceNotifier: Sendable {
    private let path: String?

    init() { path = getenv("NOTIFY_SOCKET").map { String(cString: $0) } }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }

    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)")
    }

    func status(_ text: String) { send("STATUS=\(text)") }

    func stopping() { send("STOPPING=1") }

    private func send(_ message: String) {
        guard let path, !path.isEmpty, path.utf8.count < 108 else { return }
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path.utf8)
            // A leading '@' means the abstract name space, whose names begin with a zero byte.
            if path.hasPrefix("@") { target[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count + (path.hasPrefix("@") ? 0 : 1))
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, message, message.utf8.count, CInt(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
