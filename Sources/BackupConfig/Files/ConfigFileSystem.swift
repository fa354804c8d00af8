import BackupModel
import Glibc

/// The few calls by which configuration files are found and read. Nothing is written, nothing is waited for.
enum ConfigFileSystem {
    /// What a path leads to.
    enum Kind {
        case symlink, regular, directory, other
    }

    /// A failed call, as the system names it.
    struct Failure: Error {
        let number: Int32

        var reason: String { String(cString: strerror(number)) }
        /// Nothing is there, or a symlink leads nowhere.
        var isMissing: Bool { number == ENOENT || number == ENOTDIR || number == ELOOP }
    }

    /// The names in the directory at `path`, sorted, without `.` and `..`.
    static func list(_ path: String) throws(Failure) -> [String] {
        guard let directory = opendir(path) else { throw Failure(number: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                let number = errno
                if number != 0 { throw Failure(number: number) }
                return names.sorted()
            }
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// What `path` is, and whether anybody may execute it.
    static func kind(_ path: String, followingLinks: Bool) throws(Failure) -> (kind: Kind, executable: Bool) {
        var information = stat()
        let result = followingLinks ? stat(path, &information) : lstat(path, &information)
        guard result == 0 else { throw Failure(number: errno) }
        let executable = information.st_mode & 0o111 != 0
        switch information.st_mode & S_IFMT {
        case S_IFLNK: return (.symlink, executable)
        case S_IFREG: return (.regular, executable)
        case S_IFDIR: return (.directory, executable)
        default: return (.other, executable)
        }
    }

    /// The text of the symlink at `path`.
    static func linkText(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(path, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path with all symlinks resolved.
    static func resolve(_ path: String) throws(Failure) -> String {
        guard let resolved = realpath(path, nil) else { throw Failure(number: errno) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The bytes of a regular file; nil where nothing has this name.
    ///
    /// - Throws: `BackupError` with code `configuration` where it is no regular file, cannot be read, or is larger
    ///   than a configuration may be.
    static func read(_ path: String) throws(BackupError) -> [UInt8]? {
        // Without O_NONBLOCK a pipe put in the place of the file would stop the program here.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let failure = Failure(number: errno)
            if failure.number == ENOENT, (try? kind(path, followingLinks: false)) == nil { return nil }
            throw .configUnreadable(path, failure.reason, remedy: remedy(for: failure))
        }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else {
            throw .configUnreadable(path, Failure(number: errno).reason)
        }
        guard information.st_mode & S_IFMT == S_IFREG else { throw .configUnreadable(path, "it is no regular file") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw .configUnreadable(path, Failure(number: errno).reason)
            }
            bytes += buffer[..<count]
            guard bytes.count <= YAMLText.maximumSize else { throw .configTooLarge(path) }
        }
    }

    /// Whether the file begins like a program: `#!` of a script, or the magic of an ELF file.
    static func isProgram(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var start = [UInt8](repeating: 0, count: 4)
        let count = start.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return start.prefix(max(0, count)).starts(with: Array("#!".utf8)) || start == [0x7f] + Array("ELF".utf8)
    }

    private static func remedy(for failure: Failure) -> String {
        switch failure.number {
        case EACCES, EPERM: "run the program as root, or let its user read the file"
        case ENOENT, ELOOP: "the symlink leads nowhere: correct or remove it"
        default: ""
        }
    }
}
