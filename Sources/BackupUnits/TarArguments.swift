import BackupConfig
import BackupModel
import Glibc

/// The command lines of GNU tar.
enum TarArguments {
    /// How the archives are unpacked, one after the other, from standard input.
    static let restore = [
        "tar", "--extract", "--listed-incremental=/dev/null", "--numeric-owner", "--xattrs", "--xattrs-include=*",
        "--acls",
        "--preserve-permissions", "--same-owner",
    ]

    /// - Parameters:
    ///   - index: path of the index that tar reads and writes.
    ///   - excluded: directories that never belong into a backup, absolute.
    static func create(_ settings: TarSourceSettings, index: String, excluded: [String]) -> [String] {
        var arguments = [
            "--create", "--file=-", "--format=posix",
            // Times of modification to the nanosecond. Those of access and change would differ from run to run, and so
            // would the process ID in the names of the extended headers.
            "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f",
            "--listed-incremental=" + index,
            // Device numbers of LVM, NFS and others change with each start of the machine.
            "--no-check-device", "--sparse", "--no-unquote",
        ]
        if settings.xattrs { arguments += ["--xattrs", "--xattrs-include=*", "--acls"] }
        if settings.oneFileSystem { arguments.append("--one-file-system") }
        arguments.append("--directory=" + settings.root)
        arguments += excludePatterns(root: settings.root, excluded).map { "--exclude=" + $0 }
        arguments += settings.exclude.map { "--exclude=" + $0 }
        arguments.append("--")
        return arguments + settings.include.map(memberName)
    }

    /// The path `include` as tar is given it, always beginning with `.`: so one form of pattern fits all members.
    static func memberName(_ include: String) -> String {
        ([Substring(".")] + include.split(separator: "/").filter { $0 != "." }).joined(separator: "/")
    }

    /// Patterns for those of `excluded` that lie below `root`.
    ///
    /// tar looks for a pattern behind every slash of a name, but these begin with `./`, which stands in front only. So
    /// `--anchored` and `--no-wildcards` are not needed, nor `--wildcards` after them for the patterns of users: with that
    /// among the options, tar 1.34 leaves out the directories themselves, and with them what was deleted.
    static func excludePatterns(root: String, _ excluded: [String]) -> [String] {
        var patterns: [String] = []
        for directory in excluded {
            for (below, top) in forms(directory, root) {
                guard let path = relative(below, to: top), !path.isEmpty else { continue }
                let pattern = "./" + escaped(path)
                if !patterns.contains(pattern) { patterns.append(pattern) }
            }
        }
        return patterns
    }

    /// `path` as a pattern that matches only itself.
    private static func escaped(_ path: String) -> String {
        var pattern = ""
        for scalar in path.unicodeScalars {
            if "*?[]\\".unicodeScalars.contains(scalar) { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        return pattern
    }

    /// The directory of `excluded` in which `root` lies, or which it is.
    static func excludedDirectory(holding root: String, _ excluded: [String]) -> String? {
        excluded.first { directory in
            forms(directory, root).contains { below, top in relative(top, to: below) != nil }
        }
    }

    /// Both paths as they were written, and as they are without symbolic links.
    private static func forms(_ first: String, _ second: String) -> [(String, String)] {
        [(first, second), (resolved(first), resolved(second))]
    }

    /// The path of `path` below `top`; empty when they are the same, `nil` when it lies elsewhere.
    static func relative(_ path: String, to top: String) -> String? {
        let parts = path.split(separator: "/").filter { $0 != "." }
        let topParts = top.split(separator: "/").filter { $0 != "." }
        guard parts.starts(with: topParts) else { return nil }
        return parts.dropFirst(topParts.count).joined(separator: "/")
    }

    /// The path without symbolic links; what is not there yet stays as it is written.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return path }
            return resolved(String(path[..<slash])) + path[slash...]
        }
        defer { free(real) }
        return String(cString: real)
    }
}
