package import BackupModel
import BackupSystem
import Glibc

/// A new directory below the system's temporary directory, for the duration of one test.
///
/// Made by ``withTemporaryDirectory(_:)``, which removes it with all that is in it, whatever the modes.
package struct TemporaryDirectory: Sendable {
    /// Absolute, without a slash at the end.
    package let path: String

    fileprivate init() throws(BackupError) {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/gb-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw .system(errno, "make a temporary directory in", base) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The directory `name` in this one, as a place of its own; it must be there.
    package func below(_ name: String) -> TemporaryDirectory { TemporaryDirectory(existing: path(name)) }

    private init(existing path: String) { self.path = path }

    /// The absolute path of `name` in this directory.
    package func path(_ name: String) -> String { path + "/" + name }

    /// Makes the directory `name` and its parents, mode 0700, and returns its absolute path.
    @discardableResult
    package func makeDirectory(_ name: String) throws(BackupError) -> String {
        _ = try Directory(path: path(name), create: true)
        return path(name)
    }

    /// Writes the file `name` as a whole, mode 0600, with its parents, and returns its absolute path.
    @discardableResult
    package func write(_ name: String, _ bytes: [UInt8]) throws(BackupError) -> String {
        if let slash = name.lastIndex(of: "/") { try makeDirectory(String(name[..<slash])) }
        let full = path(name)
        let raw = try systemCall("create", full) { open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }
        try OwnedDescriptor(raw, name: full).write(bytes)
        return full
    }

    @discardableResult
    package func write(_ name: String, _ text: String) throws(BackupError) -> String {
        try write(name, Array(text.utf8))
    }

    /// The bytes of the file `name`, 64 MiB at most.
    package func read(_ name: String) throws(BackupError) -> [UInt8] {
        let full = path(name)
        let raw = try systemCall("open", full) { open(full, O_RDONLY | O_CLOEXEC) }
        return try OwnedDescriptor(raw, name: full).readAll(limit: 64 << 20)
    }

    /// Makes the symbolic link `name` that says `target`.
    package func link(_ name: String, to target: String) throws(BackupError) {
        let full = path(name)
        try systemCall("make the link", full) { symlink(target, full) }
    }

    /// Makes the FIFO `name`.
    package func makeFIFO(_ name: String) throws(BackupError) {
        let full = path(name)
        try systemCall("make the FIFO", full) { mkfifo(full, 0o600) }
    }

    /// Removes `name` with all below it; nothing happens if it is not there.
    package func remove(_ name: String) { removeTree(Array(path(name).utf8)) }

    /// Whether anything, be it a dangling link, has the name `name`.
    package func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(path(name), &status) == 0
    }

    /// The names in the directory `name`, sorted; empty when it cannot be read.
    package func names(_ name: String = ".") -> [String] {
        (namesInDirectory(Array(path(name).utf8)) ?? []).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }
}

/// Runs `body` with a new directory, which is gone afterwards.
package func withTemporaryDirectory<Value>(_ body: (TemporaryDirectory) throws -> Value) throws -> Value {
    let directory = try TemporaryDirectory()
    defer { removeTree(Array(directory.path.utf8)) }
    return try body(directory)
}

/// Runs `body` with a new directory, which is gone afterwards.
package func withTemporaryDirectory<Value>(_ body: (TemporaryDirectory) async throws -> Value) async throws -> Value {
    let directory = try TemporaryDirectory()
    defer { removeTree(Array(directory.path.utf8)) }
    return try await body(directory)
}
