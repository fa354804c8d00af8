package import BackupModel
import BackupSystem

/// Arch Linux's pacman: `pacman.log` and its local database.
package struct PacmanReader: PackageManagerReader {
    package init() {}

    package var manager: String { PacmanLogParser.manager }
    package var defaultLog: String { "var/log/pacman.log" }
    package var databasePaths: [String] { [Self.databasePath] }
    package var versionsCoexist: Bool { false }

    private static let databasePath = "var/lib/pacman/local"
    /// Bytes of the description of one package.
    private static let maximumSize = 16 << 20
    /// How often the database is read until it has not changed meanwhile.
    private static let maximumAttempts = 3

    package func makeParser(_ context: LogContext) -> any PackageLogParser { PacmanLogParser(context) }

    package func makeParser(
        _ context: LogContext, state: JSONObject
    ) throws(BackupError) -> any PackageLogParser { try PacmanLogParser(context, state: state) }

    package func snapshot(_ root: PackageRoot, machine: String) throws(BackupError) -> PackageSnapshot {
        guard let directory = try root.directory(Self.databasePath) else { throw missingDatabase(root) }
        var before = try entries(directory)
        var attempt = 1
        while true {
            var snapshot = try read(directory, before, machine)
            let after = try entries(directory)
            if before == after { return snapshot }
            if attempt == Self.maximumAttempts {
                snapshot.header.isConsistent = false
                snapshot.complain("\(directory.path) changed each time while it was read")
                return snapshot
            }
            attempt += 1
            before = after
        }
    }

    private func entries(_ directory: Directory) throws(BackupError) -> Set<String> {
        var names: Set<String> = []
        try directory.forEachEntry { entry throws(BackupError) in
            // Beside the packages there is the file with the version of the database.
            var kind = entry.kind
            if kind == nil { kind = try directory.status(entry.name)?.kind }
            if kind == .directory, !entry.name.hasPrefix(".") { names.insert(entry.name) }
        }
        return names
    }

    private func read(
        _ directory: Directory, _ entries: Set<String>, _ machine: String
    ) throws(BackupError) -> PackageSnapshot {
        var packages: [InstalledPackage] = []
        var complaints: [String] = []
        for entry in entries.sorted() {
            guard let bytes = try directory.readFileIfPresent(entry + "/desc", limit: Self.maximumSize) else {
                complaints.append("\(directory.path)/\(entry) has no desc")
                continue
            }
            let fields = Self.fields(bytes)
            guard let name = fields["NAME"]?.first, let version = fields["VERSION"]?.first else {
                complaints.append("\(directory.path)/\(entry)/desc has no NAME or VERSION")
                continue
            }
            if entry != name + "-" + version {
                complaints.append("\(directory.path)/\(entry) says that it is \(name)-\(version)".escapedForMessage)
            }
            var package = InstalledPackage(
                machine: machine, manager: manager, root: "/", name: name, version: version)
            func number(_ key: String) -> Int64? { fields[key]?.first.flatMap { Int64($0) } }
            package.architecture = fields["ARCH"]?.first
            package.installType = .binary
            // Without the field somebody asked for it.
            package.isExplicit = number("REASON") != 1
            package.installed = number("INSTALLDATE").map { Timestamp($0) }
            package.built = number("BUILDDATE").map { Timestamp($0) }
            package.size = number("SIZE").flatMap { $0 >= 0 ? $0 : nil }
            packages.append(package)
        }
        let header = SnapshotHeader(machine: machine, manager: manager, root: "/")
        var snapshot = PackageSnapshot(header: header, packages: packages)
        for complaint in complaints { snapshot.complain(complaint) }
        return snapshot
    }

    /// The blocks of a description: `%NAME%`, then lines up to an empty one.
    private static func fields(_ bytes: [UInt8]) -> [String: [String]] {
        var fields: [String: [String]] = [:]
        var current: String?
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let text = String(decoding: line, as: UTF8.self).trimmed
            if text.isEmpty {
                current = nil
            } else if let key = current {
                fields[key, default: []].append(text)
            } else if text.count > 2, text.hasPrefix("%"), text.hasSuffix("%") {
                current = String(text.dropFirst().dropLast())
            }
        }
        return fields
    }
}
