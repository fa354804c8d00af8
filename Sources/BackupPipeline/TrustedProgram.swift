package import BackupModel
import BackupSystem
import Glibc

/// Whether a program may be run by root: nobody but root, and no other file in its place, may be put there by others.
package enum TrustedProgram {
    /// Checks the file that `path` leads to, and every directory and link on the way. Only root has something to lose: for
    /// other users everything is good.
    ///
    /// - Throws: `permission`, naming what others can change, and what to do; `notFound` where nothing is there.
    package static func check(_ path: String) throws(BackupError) {
        guard geteuid() == 0 else { return }
        try check(path, user: 0)
    }

    /// - Parameter user: who is to run it; this user and root may change it.
    static func check(_ path: String, user: uid_t) throws(BackupError) {
        var place = ""
        var rest = (path.hasPrefix("/") ? path : try workingDirectory() + "/" + path).split(separator: "/")
        var links = 0
        try examine("/", of: path, user)
        while let name = rest.first {
            rest.removeFirst()
            if name == "." { continue }
            if name == ".." {
                place = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
                continue
            }
            let next = place + "/" + name
            guard let target = try examine(next, of: path, user) else {
                place = next
                continue
            }
            links += 1
            guard links <= 40 else { throw .system(ELOOP, "follow", path) }
            if target.hasPrefix("/") { place = "" }
            rest = target.split(separator: "/") + rest
        }
    }

    /// Checks one name on the way.
    ///
    /// - Returns: where it leads to, if it is a link.
    @discardableResult
    private static func examine(_ place: String, of path: String, _ user: uid_t) throws(BackupError) -> String? {
        var status = stat()
        guard lstat(place, &status) == 0 else { throw .system(errno, "look at", place) }
        guard status.st_uid == 0 || status.st_uid == user else {
            throw .unsafeProgram(path, place, "belongs to the user \(status.st_uid)")
        }
        let kind = status.st_mode & S_IFMT
        if kind == S_IFLNK {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(place, &buffer, buffer.count)
            guard count >= 0 else { throw .system(errno, "read the link", place) }
            return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        // In a directory like /tmp nobody can replace what belongs to others.
        let isSticky = kind == S_IFDIR && status.st_mode & S_ISVTX != 0
        guard status.st_mode & 0o022 == 0 || isSticky else {
            throw .unsafeProgram(path, place, "can be changed by other users")
        }
        return nil
    }

    private static func workingDirectory() throws(BackupError) -> String {
        guard let resolved = realpath(".", nil) else { throw .system(errno, "find", ".") }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
