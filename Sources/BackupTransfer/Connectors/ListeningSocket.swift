import BackupModel
import BackupSystem
import Glibc

/// Makes the file of a listening UNIX socket with the rights it must have from the first moment.
enum ListeningSocket {
    static func open(_ listener: SocketConnectorService.Listener) throws(BackupError) -> OwnedDescriptor {
        let path = listener.path
        try removeStale(path)
        let descriptor = try newSocket(path)
        let raw = descriptor.raw
        // Under another name until its owner and mode are right: nobody can connect before that.
        let temporary = path + SocketPath.temporarySuffix
        unlink(temporary)
        guard let result = withAddress(temporary, { bind(raw, $0, $1) }) else {
            throw .socketPathTooLong(path, SocketPath.maximumListenerLength)
        }
        guard result == 0 else { throw .cannotListen(path, BackupError.system(errno, "create", temporary)) }
        do throws(BackupError) {
            _ = try systemCall("set the mode of", temporary) { chmod(temporary, listener.mode) }
            if listener.owner != nil || listener.group != nil {
                _ = try systemCall("set the owner of", temporary) {
                    chown(temporary, listener.owner ?? uid_t.max, listener.group ?? gid_t.max)
                }
            }
            _ = try systemCall("listen on", path) { listen(raw, 64) }
            _ = try systemCall("rename", temporary) { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw .cannotListen(path, error)
        }
        return descriptor
    }

    private static func newSocket(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        return OwnedDescriptor(try systemCall("create", "a socket") { socket(AF_UNIX, type, 0) }, name: name)
    }

    /// Removes the socket that a service left which is no more.
    ///
    /// - Throws: `busy` when somebody answers there, `exists` when it is no socket.
    private static func removeStale(_ path: String) throws(BackupError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        let probe = try newSocket(path)
        defer { probe.close() }
        if let result = withAddress(path, { connect(probe.raw, $0, $1) }), result == 0 {
            throw .alreadyListening(path)
        }
        guard errno == ECONNREFUSED else { throw .cannotListen(path, BackupError.system(errno, "connect to", path)) }
        unlink(path)
    }

    static func inode(_ path: String) -> UInt64 {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    /// Removes the socket if it is still ours.
    static func remove(_ path: String, of inode: UInt64) {
        if inode != 0, self.inode(path) == inode { unlink(path) }
    }

    /// `nil` when the path is too long for a socket.
    private static func withAddress<Value>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value? {
        guard var address = SocketPath.address(path) else { return nil }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
