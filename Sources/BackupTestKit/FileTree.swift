import Glibc

// Names are bytes here: a test tree may hold names that are no UTF-8.

/// The names in a directory but `.` and `..`, in the order of the file system; `nil` when it cannot be read.
func namesInDirectory(_ path: [UInt8]) -> [[UInt8]]? {
    guard let stream = withPath(path, { opendir($0) }) else { return nil }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
    }
    return names
}

/// Removes a file or a directory with all below it, as far as that is possible; links are not followed.
func removeTree(_ path: [UInt8]) {
    var status = stat()
    guard withPath(path, { lstat($0, &status) }) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
        // Without this a user who is not root could not empty a directory that a test made unreadable.
        _ = withPath(path) { chmod($0, 0o700) }
        for name in namesInDirectory(path) ?? [] { removeTree(path + Array("/".utf8) + name) }
        _ = withPath(path) { rmdir($0) }
    } else {
        _ = withPath(path) { unlink($0) }
    }
}

/// Calls `body` with `path` as a C string.
func withPath<Value>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value {
    (path + [0]).withUnsafeBufferPointer { bytes in
        bytes.withMemoryRebound(to: CChar.self) { chars in
            guard let start = chars.baseAddress else { preconditionFailure("a path has at least its last zero") }
            return body(start)
        }
    }
}
