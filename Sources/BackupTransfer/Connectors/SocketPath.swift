import Glibc

/// Paths of UNIX sockets, as far as the kernel takes them.
package enum SocketPath {
    /// The longest that can be connected to, in bytes: the kernel's field has 108, the last one is zero.
    package static let maximumLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
    /// The longest that a listener can have, in bytes: for a moment its socket has a name that is one longer.
    package static let maximumListenerLength = maximumLength - temporarySuffix.utf8.count
    static let temporarySuffix = "~"

    /// `nil` when the path is too long.
    static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count <= maximumLength else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }
}
