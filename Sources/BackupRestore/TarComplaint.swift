import BackupModel
import Glibc

/// Reads from what GNU tar complains of why it could not extract. It runs with `LC_ALL=C`.
enum TarComplaint {
    /// `nil` when that is nothing that is known here.
    ///
    /// - Parameters:
    ///   - standardError: all that tar has said.
    ///   - target: the directory that it extracts into.
    static func diagnosis(of standardError: String, target: String) -> BackupError? {
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
        return nil
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
