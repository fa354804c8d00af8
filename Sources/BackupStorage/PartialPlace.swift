import BackupModel
import BackupSystem
import Glibc
import Synchronization

/// The directory for what is not an element yet: partial files, and what a group of new elements is made from. It lies
/// outside the directories of elements, but where files can get names in those without being copied.
final class PartialPlace: Sendable {
    /// The name of the directory where it lies in the storage itself. No source may lie below it.
    static let nameInStorage = ".partial"

    /// Whether the directory `name` in the storage's directory `path` (empty for its root) is one for partial files: it is no
    /// part of any source.
    static func isIn(_ path: String, _ name: String) -> Bool { path.isEmpty && name == nameInStorage }

    private let root: Directory
    private let configured: String?
    /// Where the storage lies, if it is in the hands of others: nothing is looked for by its path then.
    private let parent: (directory: Directory, name: String)?
    private let opened = Mutex<Directory?>(nil)

    /// - Parameter configured: an absolute path; `nil` to choose.
    init(root: Directory, configured: String?) {
        self.root = root
        self.configured = configured
        parent = nil
    }

    /// - Parameters:
    ///   - parent: the directory that holds the storage.
    ///   - name: of the directory in it for partial files.
    init(root: Directory, parent: Directory, name: String) {
        self.root = root
        configured = nil
        self.parent = (parent, name)
    }

    /// The directory; made with mode 0700 when it is asked for the first time.
    ///
    /// - Throws: `configuration` when the one that was configured is not on the storage's file system.
    func directory() throws(BackupError) -> Directory {
        if let directory = opened.withLock({ $0 }) { return directory }
        let directory = try find()
        opened.withLock { $0 = directory }
        return directory
    }

    private func find() throws(BackupError) -> Directory {
        if let configured {
            let directory = try Directory(path: configured, create: true)
            guard try isReachable(directory) else { throw .partialDirectoryElsewhere(configured, root.path) }
            return directory
        }
        if let parent {
            // Never through a link that somebody has put there.
            if let directory = try? parent.directory.directory(parent.name, create: true),
                (try? isReachable(directory)) == true
            {
                return directory
            }
            return try root.directory(Self.nameInStorage, create: true)
        }
        // Beside the storage, where no other program that reads the storage sees it. A sandbox, a mount point or missing
        // permission may forbid that.
        if let beside = besidePath, let directory = try? Directory(path: beside, create: true),
            Self.isOurs(directory), (try? isReachable(directory)) == true
        {
            return directory
        }
        return try root.directory(Self.nameInStorage, create: true)
    }

    /// Judges a directory that was configured, and makes none: one that is missing by the directory it would be made in.
    ///
    /// - Throws: as ``directory()``.
    func check() throws(BackupError) {
        guard let configured else { return }
        var path = configured
        while true {
            do throws(BackupError) {
                let directory = try Directory(path: path)
                let isGood =
                    try path == configured
                    ? isReachable(directory)
                    : directory.descriptor.status().device == root.descriptor.status().device
                guard isGood else { throw .partialDirectoryElsewhere(configured, root.path) }
                return
            } catch {
                guard error.code == .notFound, access(path, F_OK) != 0, path != "/",
                    let slash = path.lastIndex(of: "/")
                else { throw error }
                path = slash == path.startIndex ? "/" : String(path[..<slash])
            }
        }
    }

    /// All directories that there are and may hold something of ours: which one is chosen may differ between a service in
    /// its sandbox and a person, and with the configuration.
    func existing() -> [Directory] {
        var found: [Directory] = []
        if let parent, let directory = try? parent.directory.directory(parent.name) { found.append(directory) }
        for path in [configured, besidePath].compactMap(\.self) {
            if let directory = try? Directory(path: path), Self.isOurs(directory) { found.append(directory) }
        }
        // A link or a file in its place is none; `verify` names it.
        if let directory = try? root.directory(Self.nameInStorage) { found.append(directory) }
        return found
    }

    /// `<root>.partial`; `nil` where the storage's path has no name of its own at its end.
    private var besidePath: String? {
        guard parent == nil else { return nil }
        let path = root.path.last == "/" ? String(root.path.dropLast()) : root.path
        guard let name = path.split(separator: "/").last, name != ".", name != ".." else { return nil }
        return path + ".partial"
    }

    /// What others may write into is not to be obeyed.
    private static func isOurs(_ directory: Directory) -> Bool {
        guard let status = try? directory.descriptor.status() else { return false }
        return status.owner == geteuid() && status.mode & 0o022 == 0
    }

    /// Whether a file can have a name there and one in the storage. Tried out, since bind mounts and project quotas forbid
    /// it within one file system.
    private func isReachable(_ directory: Directory) throws(BackupError) -> Bool {
        guard let there = try? directory.descriptor.status(), let here = try? root.descriptor.status(),
            there.device == here.device
        else { return false }
        let name = GroupNote.temporaryName(GroupNote.newName(), 0, "check")
        // From the storage to there, as the other way a file that is no element would be seen in the storage.
        let file = try UnnamedFile(in: root, fallbackName: "tmp-check-\(Randomness.token())")
        defer { file.discard() }
        let outcome = try file.link(to: directory, as: name)
        if outcome == .done { try directory.removeFile(name) }
        return outcome == .done
    }
}
