import BackupModel
import BackupPackages
import BackupSystem

/// The parts of a log, oldest first, opened.
struct PackageLogParts: Sendable {
    private(set) var files: [PackageLogFile] = []
    /// What was odd about them, as sentences.
    private(set) var oddities: [String] = []

    /// No log.
    init() {}

    /// The files that somebody named.
    init(paths: [String]) throws(BackupError) {
        for path in paths { files.append(try PackageLogFile(path: path)) }
    }

    /// The manager's own log and what `logrotate` has made of its past; no files where there are none.
    init(of reader: any PackageManagerReader, below root: PackageRoot) throws(BackupError) {
        let path = reader.defaultLog
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
                oddities.append(PackageNote.twice(rotated.name, directory.path, used: newer.name))
                continue
            }
            let below = String(path[..<slash]) + "/" + rotated.name
            guard let file = try PackageLogFile(below: below, root) else { continue }
            newer = rotated
            if inodes.insert(file.inode).inserted { files.append(file) }
        }
        files.reverse()
    }
}

/// The name of a part of a log: `dpkg.log`, `dpkg.log.1`, `dpkg.log.2.gz`, `dpkg.log-20260101.xz`. Sorted by age, the oldest
/// first.
struct RotatedName: Comparable {
    let name: String
    /// Dates are older than numbers, since whoever changes from one to the other keeps old parts for a while; what is being
    /// written is youngest.
    private let kind: Int
    /// Grows with the time.
    private let order: Int64
    private let isCompressed: Bool

    /// `nil` for what is no part of the log called `log`.
    init?(_ name: String, of log: String) {
        guard name.hasPrefix(log) else { return nil }
        self.name = name
        var rest = name.dropFirst(log.count)
        let ending = LogCompression.allCases.first { rest.hasSuffix("." + $0.rawValue) }
        isCompressed = ending != nil
        if let ending { rest = rest.dropLast(ending.rawValue.utf8.count + 1) }
        if rest.isEmpty, !isCompressed {
            (kind, order) = (2, 0)
            return
        }
        let digits = rest.dropFirst().filter { $0 != "-" }
        guard digits.utf8.count <= 18, let number = Int64(digits), number >= 0, digits.first?.isNumber == true else {
            return nil
        }
        switch rest.first {
        case ".": (kind, order) = (1, -number)
        case "-": (kind, order) = (0, number)
        default: return nil
        }
    }

    /// While logrotate compresses a part, it is there twice.
    func isSamePart(as other: RotatedName) -> Bool { kind == other.kind && order == other.order }

    static func < (left: RotatedName, right: RotatedName) -> Bool {
        // Of a part that is there twice the plain one is whole for sure: it counts as the younger one.
        (left.kind, left.order, left.isCompressed ? 0 : 1, left.name)
            < (right.kind, right.order, right.isCompressed ? 0 : 1, right.name)
    }
}
