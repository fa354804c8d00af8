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
        // What is rotated between looking and opening would be missed: then it is looked again.
        for _ in 0..<Self.mostLooks {
            let names = try Self.names(of: name, in: directory)
            self = try PackageLogParts(names, below: path[..<slash], directory, root)
            if try Self.names(of: name, in: directory) == names, try areNamed(in: directory) { break }
        }
        try leaveOutCopies()
    }

    private static let mostLooks = 10

    private func areNamed(in directory: Directory) throws(BackupError) -> Bool {
        for file in files where try !file.isNamed(in: directory) { return false }
        return true
    }

    private static func names(of log: String, in directory: Directory) throws(BackupError) -> [RotatedName] {
        var found: [RotatedName] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if let rotated = RotatedName(entry.name, of: log) { found.append(rotated) }
        }
        return found.sorted()
    }

    private init(
        _ names: [RotatedName], below: Substring, _ directory: Directory, _ root: PackageRoot
    ) throws(BackupError) {
        // The newest first: what is rotated meanwhile is met a second time, and recognised.
        var inodes: Set<UInt64> = []
        var newer: RotatedName?
        var opened: [(name: RotatedName, file: PackageLogFile)] = []
        for rotated in names.reversed() {
            if let newer, rotated.isSamePart(as: newer) {
                oddities.append(Self.twice(rotated.name, directory.path, used: newer.name))
                continue
            }
            guard let file = try open(rotated, "\(below)/\(rotated.name)", root) else { continue }
            newer = rotated
            if inodes.insert(file.inode).inserted { opened.append((rotated, file)) }
        }
        opened.reverse()
        let dated = opened.filter(\.name.isDated).map(\.file)
        let numbered = opened.filter { !$0.name.isDated && !$0.name.isCurrent }.map(\.file)
        let current = opened.filter(\.name.isCurrent).map(\.file)
        files = Self.isOlder(dated, numbered) ? dated + numbered + current : numbered + dated + current
    }

    /// - Returns: `nil` for what is gone, and for a rotated part that is none.
    private mutating func open(
        _ name: RotatedName, _ path: String, _ root: PackageRoot
    ) throws(BackupError) -> PackageLogFile? {
        do throws(BackupError) {
            guard let file = try PackageLogFile(below: path, isCurrent: name.isCurrent, root) else { return nil }
            if file.size == 0, file.compression != nil {
                oddities.append(
                    "\(file.name.escapedForMessage) is passed over: it is empty, which no compressed file is")
                return nil
            }
            return file
        } catch {
            // A directory or a FIFO with the name of a part, or a link that leads nowhere.
            guard !name.isCurrent, [.damaged, .invalidValue, .untrusted].contains(error.code) else { throw error }
            oddities.append("\(path.escapedForMessage) is passed over: \(error.message)")
            return nil
        }
    }

    private static func isOlder(_ left: [PackageLogFile], _ right: [PackageLogFile]) -> Bool {
        guard let left = left.last, let right = right.last else { return true }
        return left.status.modified <= right.status.modified
    }

    /// Leaves out each part with which the next one begins: `copytruncate` has copied it and not yet emptied the original, or
    /// somebody made a copy.
    private mutating func leaveOutCopies() throws(BackupError) {
        for index in files.indices.dropLast().reversed() where try files[index].isBeginning(of: files[index + 1]) {
            oddities.append(
                "\(files[index].name.escapedForMessage) is passed over: \(files[index + 1].name.escapedForMessage) begins "
                    + "with all of it")
            files.remove(at: index)
        }
    }

    private static func twice(_ name: String, _ directory: String, used: String) -> String {
        "\(name.escapedForMessage) in \(directory.escapedForMessage) is passed over: it is the same part of the log as "
            + used.escapedForMessage
    }
}
