package import BackupModel
import CBackupShims
import Glibc

/// An open directory. Everything is done relative to it and beneath it: no path that is given here can lead out of it,
/// and no symbolic link is followed, whoever put it there.
package final class Directory: Sendable {
    package let descriptor: OwnedDescriptor
    /// The path it was opened by, for messages.
    package let path: String

    private init(_ descriptor: OwnedDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Opens the directory at `path`; here symbolic links are followed, since the path is the administrator's.
    ///
    /// - Parameters:
    ///   - create: make it and its parents if they are missing.
    ///   - mode: that of those that are made, whatever the umask is.
    package init(path: String, create: Bool = false, mode: UInt32 = 0o700) throws(BackupError) {
        if create { try Self.make(path, mode) }
        let raw = try systemCall("open the directory", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        descriptor = OwnedDescriptor(raw, name: path)
        self.path = path
    }

    private static func make(_ path: String, _ mode: UInt32) throws(BackupError) {
        if try makeOne(path, mode) { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { break }
            try make(String(path[..<slash]), mode)
            if try makeOne(path, mode) { return }
            if errno == EEXIST { return }
        default: break
        }
        throw .system(errno, "make the directory", path)
    }

    /// `false`, with `errno`, when the system does not make it.
    private static func makeOne(_ path: String, _ mode: UInt32) throws(BackupError) -> Bool {
        guard mkdir(path, 0o700) == 0 else { return false }
        if mode != 0o700 { try systemCall("set the mode of", path) { chmod(path, mode) } }
        try syncParent(of: path)
        return true
    }

    private static func syncParent(of path: String) throws(BackupError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        try Directory(path: String(path[..<slash])).sync()
    }

    // MARK: - Below

    /// For messages.
    private func fullPath(_ below: String) -> String { path == "/" ? "/" + below : path + "/" + below }

    /// The directory at the relative path `below`; with `create`, missing ones are made with mode 0700 and are durable
    /// before this returns.
    package func directory(_ below: String, create: Bool = false) throws(BackupError) -> Directory {
        let full = fullPath(below)
        let flags = O_RDONLY | O_DIRECTORY
        let raw = backup_open_beneath(descriptor.raw, below, flags, 0)
        if raw >= 0 { return Directory(OwnedDescriptor(raw, name: full), path: full) }
        guard create, errno == ENOENT else { throw .system(errno, "open the directory", full) }
        var current = self
        for part in below.split(separator: "/") {
            if mkdirat(current.descriptor.raw, String(part), 0o700) == 0 {
                try current.sync()
            } else if errno != EEXIST {
                throw .system(errno, "make the directory", current.path + "/" + part)
            }
            let next = current.path + "/" + part
            let raw = try systemCall("open the directory", next) {
                backup_open_beneath(current.descriptor.raw, String(part), flags, 0)
            }
            current = Directory(OwnedDescriptor(raw, name: next), path: next)
        }
        return current
    }

    /// Opens the plain file at the relative path `name` for reading. Never waits, whatever lies there.
    ///
    /// - Throws: `notFound`; `damaged` when it is no plain file; `untrusted` for a symbolic link on the way.
    package func openFile(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let full = fullPath(name)
        let raw = try systemCall("open", full) {
            backup_open_beneath(descriptor.raw, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
        }
        let file = OwnedDescriptor(raw, name: full)
        let status = try file.status()
        guard status.kind == .regular else { throw .notRegular(full, status.kindName) }
        return file
    }

    /// Opens the plain file at the relative path `name` for writing as well. Never waits, whatever lies there.
    ///
    /// - Throws: as ``openFile(_:)``.
    package func openFileForWriting(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let full = path + "/" + name
        let raw = try systemCall("open for writing", full) {
            backup_open_beneath(descriptor.raw, name, O_RDWR | O_NONBLOCK | O_NOCTTY, 0)
        }
        let file = OwnedDescriptor(raw, name: full)
        let status = try file.status()
        guard status.kind == .regular else { throw .notRegular(full, status.kindName) }
        return file
    }

    /// The bytes of the plain file `name`, at most `limit`.
    package func readFile(_ name: String, limit: Int) throws(BackupError) -> [UInt8] {
        try openFile(name).readAll(limit: limit)
    }

    /// As ``readFile(_:limit:)``, `nil` when there is no such file.
    package func readFileIfPresent(_ name: String, limit: Int) throws(BackupError) -> [UInt8]? {
        do throws(BackupError) { return try readFile(name, limit: limit) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// What lies at `name`, a single name, itself, not what it points to; `nil` for nothing.
    package func status(_ name: String) throws(BackupError) -> FileStatus? {
        try checkPlain(name)
        var status = stat()
        while fstatat(descriptor.raw, name, &status, AT_SYMLINK_NOFOLLOW) == -1 {
            switch errno {
            case EINTR: continue
            // Asked for new names all the time: no reason to word an error that nobody reads.
            case ENOENT, ENOTDIR: return nil
            case let error: throw .system(error, "look at", path + "/" + name)
            }
        }
        return FileStatus(status)
    }

    /// Creates the file `name` for writing, mode 0600.
    ///
    /// - Throws: `exists` when it is there already.
    package func createFile(_ name: String) throws(BackupError) -> OwnedDescriptor {
        let full = path + "/" + name
        let raw = try systemCall("create", full) {
            backup_open_beneath(descriptor.raw, name, O_RDWR | O_CREAT | O_EXCL, 0o600)
        }
        return OwnedDescriptor(raw, name: full)
    }

    /// The calls that `openat2` does not do for us take single names only, and so cannot lead out of here.
    func checkPlain(_ name: String) throws(BackupError) {
        if name.isEmpty || name == "." || name == ".." || name.utf8.contains(where: { $0 == 0x2f || $0 == 0 }) {
            throw .noPlainName(path, name)
        }
    }

    // MARK: - Changing

    /// Removes the file `name`; nothing happens if it is not there.
    package func removeFile(_ name: String) throws(BackupError) {
        try checkPlain(name)
        do throws(BackupError) {
            try systemCall("remove", path + "/" + name) { unlinkat(descriptor.raw, name, 0) }
        } catch {
            if error.code != .notFound { throw error }
        }
    }

    /// Gives `old` the name `new`, replacing what had it.
    package func rename(_ old: String, to new: String) throws(BackupError) {
        try checkPlain(old)
        try checkPlain(new)
        try systemCall("rename", path + "/" + old) { renameat(descriptor.raw, old, descriptor.raw, new) }
    }

    /// Gives the file `old` the name `new` as well, replacing what had it. Nothing is written: what is durable stays so, and
    /// the name is with the next ``sync()``.
    ///
    /// - Throws: also where the file system has no second names.
    package func addName(_ new: String, to old: String) throws(BackupError) {
        try checkPlain(old)
        try checkPlain(new)
        let temporary = new + ".tmp"
        try removeFile(temporary)
        try systemCall("link", path + "/" + old) { linkat(descriptor.raw, old, descriptor.raw, temporary, 0) }
        // Where both are names of the same file already, renaming does nothing and leaves the temporary one.
        defer { unlinkat(descriptor.raw, temporary, 0) }
        try rename(temporary, to: new)
    }

    /// What is on stable storage when a file has been replaced.
    package enum Durability: Sendable {
        /// Nothing for sure.
        case none
        /// The contents: after a crash the file is the old or the new one, and the new one after the next ``Directory/sync()``.
        case contents
        /// That it is the new one.
        case name
    }

    /// Replaces the contents of the file `name` as a whole: whoever looks sees the old or the new contents. Mode 0600.
    package func replaceFile(
        _ name: String, with bytes: [UInt8], durability: Durability = .name
    ) throws(BackupError) {
        let temporary = name + ".tmp"
        try removeFile(temporary)
        let file = try createFile(temporary)
        do throws(BackupError) {
            try file.write(bytes)
            if durability != .none { try file.sync() }
            try rename(temporary, to: name)
        } catch {
            unlinkat(descriptor.raw, temporary, 0)
            throw error
        }
        if durability == .name { try sync() }
    }

    /// Returns when all names in this directory are on stable storage.
    package func sync() throws(BackupError) { try descriptor.sync() }

    /// Returns when everything on the file system of this directory is on stable storage.
    package func syncFileSystem() throws(BackupError) {
        try systemCall("sync the file system of", path) { backup_sync_filesystem(descriptor.raw) }
    }

    // MARK: - Listing

    /// One name in a directory.
    package struct Entry: Sendable {
        package let name: String
        /// Whether ``name`` leads to it: `false` for bytes that are no UTF-8, which are repaired for messages.
        package let isExact: Bool
        /// `nil` when the file system does not tell without a further call.
        package let kind: FileStatus.Kind?
    }

    /// Calls `body` for each name but `.` and `..`, in the order of the file system, without keeping them.
    package func forEachEntry(_ body: (Entry) throws(BackupError) -> Void) throws(BackupError) {
        let raw = try systemCall("open the directory", path) {
            openat(descriptor.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let stream = fdopendir(raw) else {
            let error = errno
            _ = close(raw)
            throw .system(error, "list", path)
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .system(errno, "list", path) }
                return
            }
            let (name, isExact) = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                let name = bytes.prefix { $0 != 0 }
                let text = String(decoding: name, as: UTF8.self)
                return (text, text.utf8.elementsEqual(name))
            }
            if name == "." || name == ".." { continue }
            let kind: FileStatus.Kind? =
                switch CInt(entry.pointee.d_type) {
                case CInt(DT_REG): .regular
                case CInt(DT_DIR): .directory
                case CInt(DT_LNK): .symbolicLink
                case CInt(DT_UNKNOWN): nil
                default: .other
                }
            try body(Entry(name: name, isExact: isExact, kind: kind))
        }
    }
}
