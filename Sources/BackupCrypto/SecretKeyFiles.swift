import Glibc

/// The files in which gpg's agent keeps secret keys.
enum SecretKeyFiles {
    /// Enough for the words in front of the numbers.
    private static let prefixSize = 512
    private static let mark = Array("protected-private-key".utf8)

    /// Whether a passphrase protects any secret key of a GnuPG home directory; `false` where that cannot be seen.
    /// Without asking for the passphrase gpg does not tell, and says only that no key fits.
    static func holdLockedKey(homeDirectory: String) -> Bool {
        guard let stream = opendir(homeDirectory + "/private-keys-v1.d") else { return false }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".key"), isLocked(name, in: dirfd(stream)) { return true }
        }
        return false
    }

    private static func isLocked(_ name: String, in directory: CInt) -> Bool {
        let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: prefixSize)
        let count = read(file, &bytes, prefixSize)
        return bytes.indices.prefix(max(0, count)).contains { bytes[$0...].starts(with: mark) }
    }
}
