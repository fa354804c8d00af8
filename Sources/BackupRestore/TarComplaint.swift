import BackupModel
import BackupSystem
import Glibc

/// Reads from what GNU tar complains of why it could not extract. It runs with ``RestoreSession/tarEnvironment``.
enum TarComplaint {
    /// `nil` when that is nothing that is known here.
    ///
    /// - Parameters:
    ///   - standardError: all that tar has said.
    ///   - directory: the one that it extracts into.
    ///   - isConfined: whether the kernel kept it from writing elsewhere.
    static func diagnosis(
        of standardError: String, target directory: Directory, isConfined: Bool
    ) -> BackupError? {
        let target = directory.path
        func first(_ words: String...) -> String? {
            standardError.split(separator: "\n").first { line in words.contains { line.contains($0) } }.map(String.init)
        }
        let left = Left(target)
        if let complaint = first("Disk quota exceeded") {
            return .targetFull(
                target, "the quota is used up", remedy: "raise the quota or free some of it", complaint: complaint)
        }
        // Where only a part of the bytes found room, tar does not say why.
        let isFull = left.map { !$0.hasSpace || !$0.hasInodes } ?? false
        if let complaint = first("No space left on device") ?? (isFull ? first("Wrote only ") : nil) {
            let hasInodes = left?.hasInodes ?? true
            return .targetFull(
                target, hasInodes ? "there is no space left" : "there are no inodes left",
                remedy: hasInodes
                    ? "free space there (df), or give another --to"
                    : "delete files there (df -i), or give another --to",
                complaint: complaint)
        }
        guard isConfined else { return nil }
        let complaint = standardError.split(separator: "\n").map(String.init).first { leadsOut($0, of: directory) }
        return complaint.map { .leadsOut(target, complaint: $0) }
    }

    /// Whether this is what tar says when the kernel does not let it out of the directory.
    private static func leadsOut(_ line: String, of directory: Directory) -> Bool {
        let isDenied = line.hasSuffix(": Permission denied")
        // Nobody else denies root anything.
        if isDenied, geteuid() == 0 { return true }
        // Of hard links to what is outside the kernel says this, and of those from one file system to another as well.
        guard isDenied || line.hasSuffix(": Invalid cross-device link") else { return false }
        return names(in: line).contains { name in
            if name.utf8.first == UInt8(ascii: "/") || name.split(separator: "/").contains("..") { return true }
            return (try? directory.firstSymbolicLink(on: Array(name.utf8))) != nil
        }
    }

    /// The files that a complaint is about: `tar: NAME: Cannot hard link to ‘NAME’: REASON`.
    private static func names(in line: String) -> [String] {
        var names: [String] = []
        if line.hasPrefix("tar: "), let end = line.firstRange(of: ": Cannot ") {
            names.append(String(line[..<end.lowerBound].dropFirst("tar: ".count)))
        }
        for part in line.split(separator: "‘").dropFirst() {
            if let end = part.lastIndex(of: "’") { names.append(String(part[..<end])) }
        }
        return names.filter { !$0.isEmpty }
    }

    /// What the file system still has.
    private struct Left {
        var hasSpace: Bool
        var hasInodes: Bool

        /// `nil` when the system does not tell.
        init?(_ path: String) {
            var status = statvfs()
            guard statvfs(path, &status) == 0 else { return nil }
            hasSpace = (geteuid() == 0 ? status.f_bfree : status.f_bavail) > 0
            // Some file systems have no table of inodes.
            hasInodes = status.f_files == 0 || status.f_ffree > 0
        }
    }
}
