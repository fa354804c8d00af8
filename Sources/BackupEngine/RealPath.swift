import Glibc

/// Where absolute paths lead to in the end.
enum RealPath {
    /// The path without symbolic links, as far as it is there.
    static func of(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        guard path != "/", let slash = path.lastIndex(of: "/") else { return path }
        let (above, name) = (of(parent(path)), path[path.index(after: slash)...])
        if name.isEmpty || name == "." { return above }
        return (above == "/" ? "" : above) + "/" + name
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Whether both are the same file or directory, by way of links or of mounts, or will be.
    static func isSame(_ left: String, _ right: String) -> Bool {
        if of(left) == of(right) { return true }
        var (one, other) = (stat(), stat())
        guard stat(left, &one) == 0, stat(right, &other) == 0 else { return false }
        return one.st_dev == other.st_dev && one.st_ino == other.st_ino
    }

    /// Whether one of two directories is the other, or lies in it.
    static func overlap(_ left: String, _ right: String) -> Bool {
        if isSame(left, right) { return true }
        let (left, right) = (parts(left), parts(right))
        return left.starts(with: right) || right.starts(with: left)
    }

    private static func parts(_ path: String) -> [Substring] { of(path).split(separator: "/") }
}
