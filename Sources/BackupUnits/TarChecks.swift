import BackupConfig
import BackupModel
import BackupPipeline
import Glibc

/// What must be in place before tar is started, so that the message names the key and not tar's view of it.
enum TarChecks {
    static func check(_ settings: TarSourceSettings, _ context: UnitContext) throws(BackupError) {
        let source = settings.source
        guard settings.root.hasPrefix("/") else { throw .relativePath("sources.\(source).root", settings.root) }
        let root = open(settings.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else {
            switch errno {
            case ENOENT: throw .root(source, settings.root, "there is nothing with that name", .notFound)
            case ENOTDIR: throw .root(source, settings.root, "that is not a directory")
            case EACCES: throw .root(source, settings.root, "it may not be read", .permission)
            default: throw .root(source, settings.root, String(cString: strerror(errno)), .inputOutput)
            }
        }
        defer { close(root) }
        if let excluded = TarArguments.excludedDirectory(holding: settings.root, context.excludedDirectories) {
            throw .rootInside(source, settings.root, excluded)
        }
        guard !settings.include.isEmpty else { throw .include(source, "", "it names nothing") }
        for path in settings.include {
            if path.isEmpty || path.hasPrefix("/") { throw .include(source, path, "that is not a relative path") }
            if path.split(separator: "/").contains("..") { throw .include(source, path, "that leads out of root") }
            var status = stat()
            if fstatat(root, TarArguments.memberName(path), &status, AT_SYMLINK_NOFOLLOW) != 0 {
                throw .include(source, path, "there is no such thing in \(settings.root.escapedForMessage)", .notFound)
            }
        }
    }
}
