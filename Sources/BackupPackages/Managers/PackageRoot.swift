package import BackupModel
package import BackupSystem
import Glibc

/// The root directory of a system, whose package databases are read beneath it.
///
/// On many systems a database is reached over symbolic links (`/lib` is one to `usr/lib`). They are followed here as the system
/// itself would, with this directory as `/`: none leads out of it. Each directory on the way is opened without following
/// anything, so whoever changes a link meanwhile causes an error and no more.
package struct PackageRoot: Sendable {
    package let directory: Directory

    /// Links on one way; as many as the kernel allows.
    private static let maximumLinks = 40

    package init(_ directory: Directory) { self.directory = directory }

    /// Opens the root directory at `path`, which is the administrator's: links are followed.
    package init(path: String) throws(BackupError) { directory = try Directory(path: path) }

    /// The directory at the path `below`, relative to the root; `nil` where there is none.
    package func directory(_ below: String) throws(BackupError) -> Directory? {
        guard let path = try resolve(below) else { return nil }
        return try ifPresent { () throws(BackupError) in try directory.directory(path.isEmpty ? "." : path) }
    }

    /// The bytes of the plain file at the path `below`, relative to the root; `nil` where there is none.
    ///
    /// - Throws: `damaged` when it has more than `limit` bytes or is no plain file.
    package func file(_ below: String, limit: Int) throws(BackupError) -> [UInt8]? {
        guard let path = try resolve(below), !path.isEmpty else { return nil }
        return try directory.readFileIfPresent(path, limit: limit)
    }

    /// Opens the plain file at the path `below`, relative to the root; `nil` where there is none.
    package func openFile(_ below: String) throws(BackupError) -> OwnedDescriptor? {
        guard let path = try resolve(below), !path.isEmpty else { return nil }
        return try ifPresent { () throws(BackupError) in try directory.openFile(path) }
    }

    private func ifPresent<Value>(_ body: () throws(BackupError) -> Value) throws(BackupError) -> Value? {
        do throws(BackupError) { return try body() } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// The path to the same place on which no symbolic link stands; `nil` when something on the way is missing.
    private func resolve(_ path: String) throws(BackupError) -> String? {
        var todo = Self.parts(path)
        var done: [String] = []
        var links = 0
        while let part = todo.popLast() {
            if part == ".." {
                // As in a real root directory, above it there is only itself.
                _ = done.popLast()
                continue
            }
            let above = try ifPresent { () throws(BackupError) in
                done.isEmpty ? directory : try directory.directory(done.joined(separator: "/"))
            }
            guard let above, let status = try above.status(part) else { return nil }
            guard status.kind == .symbolicLink else {
                done.append(part)
                continue
            }
            links += 1
            guard links <= Self.maximumLinks else { throw .linksWithoutEnd(directory.path + "/" + path) }
            let target = try Self.target(of: part, in: above)
            if target.hasPrefix("/") { done = [] }
            todo.append(contentsOf: Self.parts(target))
        }
        return done.joined(separator: "/")
    }

    /// The parts of a path, the last one first.
    private static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
    }

    private static func target(of name: String, in directory: Directory) throws(BackupError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try systemCall("read the link", directory.path + "/" + name) {
            readlinkat(directory.descriptor.raw, name, &buffer, Int(PATH_MAX))
        }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
