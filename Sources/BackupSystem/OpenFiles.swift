import BackupModel
import CBackupShims
import Glibc

/// Which file it is, whatever its names are.
package struct FileIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

extension FileStatus {
    package var identity: FileIdentity { FileIdentity(device: device, inode: inode) }
}

/// Who has files open for writing, as `/proc/*/fd` tells. Processes of other PID namespaces and other machines are not
/// seen.
package struct OpenFiles: Sendable {
    package struct Writer: Sendable, Hashable, CustomStringConvertible {
        package let process: Int32
        /// What the process calls itself; may be empty.
        package let program: String

        package var description: String {
            "process \(process)" + (program.isEmpty ? "" : " (\(program.escapedForMessage))")
        }
    }

    /// One for each of the files that somebody has open for writing.
    package private(set) var writers: [FileIdentity: Writer] = [:]
    /// Why there may be others; `nil` when all processes were looked into.
    package private(set) var blindSpot: String?

    /// Looks for writers of `files`.
    ///
    /// - Parameter proc: where the kernel shows its processes.
    package static func writers(of files: Set<FileIdentity>, proc path: String = "/proc") -> OpenFiles {
        var found = OpenFiles()
        guard !files.isEmpty else { return found }
        do throws(BackupError) { try found.search(try Directory(path: path), files) } catch {
            found.blindSpot = error.message
        }
        return found
    }

    private mutating func search(_ proc: Directory, _ files: Set<FileIdentity>) throws(BackupError) {
        var processes: [String] = []
        try proc.forEachEntry { entry in
            if entry.name.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { processes.append(entry.name) }
        }
        // Where processes of others are hidden (hidepid), the first one is, except to who sees all.
        if !processes.contains("1") { blindSpot = "\(proc.path.escapedForMessage) does not show all processes" }
        for process in processes {
            let descriptors: Directory
            do throws(BackupError) { descriptors = try proc.directory(process + "/fd") } catch {
                // A process that has ended has nothing open.
                if error.code != .notFound { blindSpot = error.message }
                continue
            }
            do throws(BackupError) {
                try search(descriptors, of: process, proc, files)
            } catch {
                if error.code != .notFound, !Self.hasEnded(process, proc) { blindSpot = error.message }
            }
        }
    }

    private mutating func search(
        _ descriptors: Directory, of process: String, _ proc: Directory, _ files: Set<FileIdentity>
    ) throws(BackupError) {
        var candidates: [(name: String, file: FileIdentity)] = []
        try descriptors.forEachEntry { entry in
            var (device, inode): (UInt64, UInt64) = (0, 0)
            guard backup_identify_quietly(descriptors.descriptor.raw, entry.name, &device, &inode) == 0 else { return }
            let file = FileIdentity(device: device, inode: inode)
            if files.contains(file) { candidates.append((entry.name, file)) }
        }
        for (name, file) in candidates where writers[file] == nil {
            guard try Self.isForWriting(process, name, proc) else { continue }
            let program = (try? proc.readFile(process + "/comm", limit: 4096)) ?? []
            writers[file] = Writer(
                process: Int32(process) ?? 0,
                program: String(decoding: program.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
        }
    }

    /// By the line "flags:" of `fdinfo`, in octal as for open(2).
    private static func isForWriting(
        _ process: String, _ descriptor: String, _ proc: Directory
    ) throws(BackupError) -> Bool {
        let information = try proc.readFileIfPresent("\(process)/fdinfo/\(descriptor)", limit: 1 << 16)
        // Closed meanwhile.
        guard let information else { return false }
        for line in information.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            guard words.count == 2, words[0] == "flags:", let flags = CInt(words[1], radix: 8) else { continue }
            return flags & O_ACCMODE != O_RDONLY
        }
        // A kernel that does not tell: better a file too late than one too early.
        return true
    }

    private static func hasEnded(_ process: String, _ proc: Directory) -> Bool {
        do throws(BackupError) { return try proc.status(process) == nil } catch { return false }
    }
}
