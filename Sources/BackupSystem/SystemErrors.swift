package import BackupModel
import Glibc
import SystemPackage

/// The wording of every refusal of this module: one place that turns `errno` into a code, a sentence and a way out.
extension BackupError {
    /// What the kernel refused.
    ///
    /// - Parameters:
    ///   - errno: the error number, as the call left it.
    ///   - operation: what was attempted, as a verb: "write", "open".
    ///   - path: the object it was attempted on.
    package static func system(_ errno: CInt, _ operation: String, _ path: String) -> BackupError {
        let (code, remedy) = classify(errno)
        return BackupError(
            code, "cannot \(operation) \(path.escapedForMessage): \(Errno(rawValue: errno).description)", remedy: remedy
        )
    }

    private static func classify(_ errno: CInt) -> (Code, String) {
        switch errno {
        case ENOSPC: (.noSpace, "free space or inodes on that file system (df, df -i)")
        case EDQUOT: (.noSpace, "raise the quota or free some of it")
        case EFBIG: (.noSpace, "the file system or `ulimit -f` allows no larger file")
        case EROFS: (.readOnly, "mount the file system writable")
        case EACCES, EPERM: (.permission, "run as a user who may do that, or change owner and mode")
        case ENOENT, ENOTDIR: (.notFound, "")
        case ENFILE, EMFILE: (.resources, "raise the limit of open files (ulimit -n, LimitNOFILE=)")
        case ENOMEM: (.resources, "free memory")
        case EAGAIN: (.resources, "raise the limit of processes (ulimit -u, TasksMax=)")
        case EEXIST: (.exists, "")
        case ELOOP: (.untrusted, "symbolic links are never followed there; put the real thing in place")
        case EISDIR: (.untrusted, "a directory is where a plain file should be: move it away")
        case EXDEV: (.untrusted, "a path must not lead out of its directory")
        case ENAMETOOLONG: (.invalidValue, "use a shorter name")
        case EBUSY, ETXTBSY: (.busy, "wait until whoever uses it has finished")
        case EIO: (.inputOutput, "look at `dmesg` for errors of the disk")
        default: (.inputOutput, "")
        }
    }

    static func noPlainName(_ directory: String, _ name: String) -> BackupError {
        BackupError(
            .untrusted, "\"\(name.escapedForMessage)\" is no name of a file in \(directory.escapedForMessage)",
            remedy: "a path must not lead out of its directory")
    }

    static func notRegular(_ path: String, _ kind: String) -> BackupError {
        BackupError(
            .damaged, "\(path.escapedForMessage) is \(kind) where a plain file should be",
            remedy: "move it away, and find out who put it there")
    }

    static func furtherNames(_ path: String, _ count: UInt64) -> BackupError {
        BackupError(
            .untrusted, "\(path.escapedForMessage) is a file with \(count) names (hard links), and is not written to",
            remedy: "move it away, and find out who linked it")
    }

    static func leaseBusy(_ path: String) -> BackupError {
        BackupError(.busy, "somebody has \(path.escapedForMessage) open", remedy: "fuser -v shows who")
    }

    static func noLease(_ path: String, _ cause: BackupError) -> BackupError {
        BackupError(
            .failed, "it cannot be made certain that nobody opens \(path.escapedForMessage)",
            remedy: "that needs a local file system, and the owner of the file or root", cause: cause)
    }

    static func tooLarge(_ path: String, _ limit: Int) -> BackupError {
        BackupError(.damaged, "\(path.escapedForMessage) is larger than \(limit) bytes")
    }

    static func locked(_ path: String, holder: String) -> BackupError {
        BackupError(
            .busy,
            "\(path.escapedForMessage) is locked\(holder.isEmpty ? "" : " by process \(holder.escapedForMessage)")",
            remedy: "wait until that one has finished; a lock ends with the process that holds it")
    }
}
