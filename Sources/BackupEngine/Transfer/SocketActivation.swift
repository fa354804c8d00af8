import BackupModel
import BackupSystem
import Glibc

/// Sockets that systemd has opened for this process (sd_listen_fds(3)), by their paths.
enum SocketActivation {
    private static let firstDescriptor: CInt = 3

    static func sockets() throws(BackupError) -> [String: OwnedDescriptor] {
        guard let process = text("LISTEN_PID"), Int32(process) == getpid(),
            let count = text("LISTEN_FDS").flatMap({ CInt($0) }),
            (1...1000).contains(count)
        else { return [:] }
        // Not for the programs that we start.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        var sockets: [String: OwnedDescriptor] = [:]
        for raw in firstDescriptor..<firstDescriptor + count {
            _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
            guard let path = path(raw) else { throw .inheritedNoSocket(raw) }
            sockets[path] = OwnedDescriptor(raw, name: path)
        }
        return sockets
    }

    private static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func path(_ raw: CInt) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        let bytes = withUnsafeBytes(of: address.sun_path) { Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
