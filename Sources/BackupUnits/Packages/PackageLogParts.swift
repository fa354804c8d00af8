package import BackupModel
package import BackupPackages
import BackupSystem

/// The parts of a log, oldest first, opened.
package struct PackageLogParts: Sendable {
    package private(set) var files: [PackageLogFile] = []
    /// What was odd about them, as sentences.
    package private(set) var oddities: [String] = []

    /// No log.
    package init() {}

    /// The files that somebody named.
    package init(paths: [String]) throws(BackupError) {
        for path in paths { files.append(try PackageLogFile(path: path)) }
    }

    /// The manager's own log and what `logrotate` has made of its past; no files where there are none.
    package init(of reader: any PackageManagerReader, below root: PackageRoot) throws(BackupError) {
        try self.init(log: reader.defaultLog, below: root)
    }

    /// The log at the path `path`, relative to the root, and what `logrotate` has made of its past; no files where there
    /// are none.
    package init(log path: String, below root: PackageRoot) throws(BackupError) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let name = String(path[slash...].drop { $0 == "/" })
        guard let directory = try root.directory(String(path[..<slash])) else { return }
        var found: [RotatedName] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if let rotated = RotatedName(entry.name, of: name) { found.append(rotated) }
        }
        // The newest first: what is rotated meanwhile is met a second time, and recognised.
        var inodes: Set<UInt64> = []
        var newer: RotatedName?
        for rotated in found.sorted().reversed() {
            if let newer, rotated.isSamePart(as: newer) {
                oddities.append(Self.twice(rotated.name, directory.path, used: newer.name))
                continue
            }
            let below = path[..<slash] + "/" + rotated.name
            guard let file = try PackageLogFile(below: String(below), isCurrent: rotated.isCurrent, root) else {
                continue
            }
            newer = rotated
            if inodes.insert(file.inode).inserted { files.append(file) }
        }
        files.reverse()
    }
    private static func twice(_ name: String, _ directory: String, used: String) -> String {
        "\(name.escapedForMessage) in \(directory.escapedForMessage) is passed over: it is the same part of the log as "
            + used.escapedForMessage
    }
}
