package import BackupModel
import CBackupShims
import Glibc

/// Paths of bytes, for trees that people have made: their names need not be UTF-8.
extension Directory {
    /// What lies at the relative `path` itself; `nil` for nothing, also when a directory above is none.
    ///
    /// - Throws: `untrusted` for a symbolic link on the way.
    package func kind(at path: [UInt8]) throws(BackupError) -> FileStatus.Kind? {
        guard let (parent, name) = try parent(of: path) else { return nil }
        var status = stat()
        do throws(BackupError) {
            try systemCall("look at", shown(path)) { fstatat(parent.raw, name, &status, AT_SYMLINK_NOFOLLOW) }
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        return FileStatus(status).kind
    }

    /// Removes what lies at the relative `path` and is no directory; nothing happens if it is not there.
    ///
    /// - Throws: `untrusted` for a symbolic link on the way.
    package func removeFile(at path: [UInt8]) throws(BackupError) {
        guard let kind = try kind(at: path), kind != .directory, let (parent, name) = try parent(of: path) else {
            return
        }
        try systemCall("remove", shown(path)) { unlinkat(parent.raw, name, 0) }
    }

    /// The first symbolic link on the relative `path`, from here on; `nil` when there is none as far as the path is there.
    ///
    /// - Throws: what the system says when it cannot be told; `untrusted` for a path that leads out of here.
    package func firstSymbolicLink(on path: [UInt8]) throws(BackupError) -> [UInt8]? {
        guard !path.isEmpty else { return nil }
        let raw = openPath(path)
        if raw >= 0 {
            close(raw)
            return nil
        }
        switch errno {
        case ENOENT, ENOTDIR: return nil
        case ELOOP: break
        default: throw .system(errno, "look at", shown(path))
        }
        for end in path.indices where path[end] == UInt8(ascii: "/") {
            if try kind(at: Array(path[..<end])) == .symbolicLink { return Array(path[..<end]) }
        }
        // It may have gone since.
        return try kind(at: path) == .symbolicLink ? path : nil
    }

    // MARK: - Parts

    private func openPath(_ path: [UInt8]) -> CInt {
        Self.withCString(path) { backup_open_place_beneath(descriptor.raw, $0) }
    }

    /// The directory above and the last name, ended by a zero byte; `nil` when that directory is not there.
    private func parent(of path: [UInt8]) throws(BackupError) -> (OwnedDescriptor, [CChar])? {
        let slash = path.lastIndex(of: UInt8(ascii: "/"))
        let above = slash.map { Array(path[..<$0]) } ?? [UInt8(ascii: ".")]
        let name = path[(slash.map { $0 + 1 } ?? 0)...].map { CChar(bitPattern: $0) } + [0]
        let raw = openPath(above)
        if raw >= 0 { return (OwnedDescriptor(raw, name: shown(above)), name) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw .system(errno, "open the directory", shown(above))
    }

    private func shown(_ below: [UInt8]) -> String { path + "/" + String(decoding: below, as: UTF8.self) }

    private static func withCString<Value>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value {
        let characters = bytes.map { CChar(bitPattern: $0) } + [0]
        // An array is contiguous, so this always has a base.
        return characters.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map(body) ?? "".withCString(body)
        }
    }
}
