package import BackupModel
import BackupSystem
import Glibc

/// The directory that a restore writes to, checked before anything is written.
package struct RestoreTarget: Sendable {
    /// What the person on the command line has allowed.
    package struct Permissions: Sendable {
        /// Writing over what is there.
        package var intoExisting: Bool
        /// Deleting what the backup does not know.
        package var deleteUnknown: Bool
        /// Writing over the root of the running system.
        package var inPlace: Bool

        package init(intoExisting: Bool = false, deleteUnknown: Bool = false, inPlace: Bool = false) {
            self.intoExisting = intoExisting
            self.deleteUnknown = deleteUnknown
            self.inPlace = inPlace
        }
    }

    /// The real path, without symbolic links.
    package let path: String
    /// Whether tar may remove what the backup does not know: nothing such is here, or a person has allowed it.
    let mayDelete: Bool
    /// Whether nothing was there.
    let wasEmpty: Bool
    /// The directories that were made for it, the innermost first.
    private let made: [String]

    /// Opens or makes the directory. Nothing is made when it is refused.
    ///
    /// - Parameters:
    ///   - storagePath: the storage's directory, which must not be written into; `nil` if it has none.
    ///   - increments: how many increments will be applied.
    /// - Throws: `exists`, `usage`, or what the system says.
    package init(
        _ path: String, permissions: Permissions, storagePath: String?, increments: Int
    ) throws(BackupError) {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT != S_IFDIR { throw .notDirectory(path) }
        let storage = storagePath.flatMap(Self.real)
        if let storage, let storagePath, Self.lies(try Self.resolved(path), in: storage) {
            throw .insideStorage(path, storagePath)
        }
        made = exists ? [] : Self.missing(path)
        let directory = try Directory(path: path, create: !exists)
        guard let real = Self.real(path) else { throw .system(errno, "resolve", path) }
        self.path = real
        let isEmpty = try Self.isEmpty(directory)
        wasEmpty = isEmpty
        mayDelete = isEmpty || permissions.deleteUnknown
        if real == "/" {
            guard permissions.inPlace else { throw .rootTarget() }
        } else if !isEmpty {
            guard permissions.intoExisting else { throw .notEmpty(path) }
        }
        if !mayDelete, increments > 0 { throw .wouldDelete(path, increments) }
    }

    /// Removes the directories that were made for it, if nothing is in them.
    ///
    /// - Returns: whether the target is gone.
    func removeIfUnused() -> Bool {
        for (index, path) in made.enumerated() where rmdir(path) != 0 { return index > 0 }
        return !made.isEmpty
    }

    /// The names in one of its directories; `nil` when there is no such directory.
    func names(in directory: MemberPath) throws(BackupError) -> [[UInt8]]? {
        let top = try Directory(path: path)
        guard let text = String(validating: directory.bytes, as: UTF8.self) else {
            throw .system(EILSEQ, "list", path + "/" + directory.bytes.escapedForMessage)
        }
        if !directory.isRoot, try top.kind(at: directory.bytes) != .directory { return nil }
        var names: [[UInt8]] = []
        let listed = directory.isRoot ? top : try top.directory(text)
        try listed.forEachEntry { entry throws(BackupError) in names.append(Array(entry.name.utf8)) }
        return names
    }

    private static func isEmpty(_ directory: Directory) throws(BackupError) -> Bool {
        var isEmpty = true
        try directory.forEachEntry { entry throws(BackupError) in
            // A fresh file system has it. What fsck has saved into it is somebody's data.
            if entry.name == "lost+found", let found = try? directory.directory(entry.name), try Self.isEmpty(found) {
                return
            }
            isEmpty = false
        }
        return isEmpty
    }

    // MARK: - Paths

    /// The path and those above it that are not there, the innermost first.
    private static func missing(_ path: String) -> [String] {
        var paths: [String] = []
        var next = path
        var status = stat()
        while !next.isEmpty, lstat(next, &status) != 0, errno == ENOENT {
            paths.append(next)
            let parts = next.split(separator: "/")
            next = (next.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
        }
        return paths
    }

    /// The path without symbolic links; `nil` when there is nothing.
    static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The path without symbolic links, as far as it is there already.
    private static func resolved(_ path: String) throws(BackupError) -> String {
        if let real = real(path) { return real }
        guard errno == ENOENT else { throw .system(errno, "resolve", path) }
        let parts = path.split(separator: "/")
        guard let last = parts.last else { return "/" }
        let parent = (path.hasPrefix("/") ? "/" : "./") + parts.dropLast().joined(separator: "/")
        let real = try resolved(parent)
        if last == ".." { return real.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } }
        return last == "." ? real : (real == "/" ? "" : real) + "/" + last
    }

    private static func lies(_ path: String, in directory: String) -> Bool {
        directory == "/" || path.utf8.elementsEqual(directory.utf8) || path.utf8.starts(with: (directory + "/").utf8)
    }
}
