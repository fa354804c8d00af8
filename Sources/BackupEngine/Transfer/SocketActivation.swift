import BackupModel
import BackupSystem
import Glibc

/// Sockets that systemd has opened for this process (sd_listen_fds(3)).
enum SocketActivation {
    private static let firstDescriptor: CInt = 3

    /// The sockets by the listeners that they belong to; none where the service manager has opened none.
    ///
    /// - Parameter paths: of all listeners, as they are configured.
    /// - Throws: `configuration` for a descriptor that is no listening UNIX socket, or that belongs to no listener: nobody
    ///   would answer who connects to it.
    static func sockets(for paths: [String]) throws(BackupError) -> [String: OwnedDescriptor] {
        guard let process = text("LISTEN_PID"), Int32(process) == getpid(),
            let count = text("LISTEN_FDS").flatMap({ CInt($0) }),
            (1...1000).contains(count)
        else { return [:] }
        // Not for the programs that we start.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        var sockets: [String: OwnedDescriptor] = [:]
        for raw in firstDescriptor..<firstDescriptor + count {
            _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
            if let problem = problem(raw) { throw .inheritedNoSocket(raw, problem) }
            guard let path = path(raw) else { throw .inheritedNoSocket(raw, "a socket without a path") }
            guard let listener = paths.first(where: { $0 == path }) ?? paths.first(where: { RealPath.isSame($0, path) })
            else { throw .inheritedUnknown(path, listeners: paths) }
            guard sockets[listener] == nil else { throw .inheritedTwice(listener) }
            sockets[listener] = OwnedDescriptor(raw, name: path)
        }
        return sockets
    }

    private static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// What the descriptor is, if nobody can be let in by it.
    private static func problem(_ raw: CInt) -> String? {
        var status = stat()
        guard fstat(raw, &status) == 0 else { return "not open" }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return "no socket" }
        guard option(SO_DOMAIN, raw) == AF_UNIX else { return "a socket of the network" }
        guard option(SO_TYPE, raw) == CInt(SOCK_STREAM.rawValue) else {
            return "a socket for messages, not for a stream"
        }
        return option(SO_ACCEPTCONN, raw) == 0 ? "a socket that does not listen" : nil
    }

    private static func option(_ name: CInt, _ raw: CInt) -> CInt {
        var value: CInt = -1
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(raw, SOL_SOCKET, name, &value, &length) == 0 ? value : -1
    }

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
