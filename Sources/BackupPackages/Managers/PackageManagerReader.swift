package import BackupModel
import BackupSystem

/// What the toolkit knows of one package manager: where its log and its database are, and how they are read. It reads; it writes
/// nothing, starts nothing and takes no lock.
package protocol PackageManagerReader: Sendable {
    /// As it stands in the records: `portage`, `dpkg`, `pacman`, `apk`.
    var manager: String { get }

    /// The path of the log, relative to the root.
    var defaultLog: String { get }

    /// The paths, relative to the root, by any of which the manager is found.
    var databasePaths: [String] { get }

    /// Whether several versions of one package can be installed at once.
    var versionsCoexist: Bool { get }

    /// A parser for a log from its beginning.
    func makeParser(_ context: LogContext) -> any PackageLogParser

    /// A parser that goes on where another one stood.
    ///
    /// - Parameter state: what ``PackageLogParser/state`` gave.
    /// - Throws: `damaged` when it cannot be used.
    func makeParser(_ context: LogContext, state: JSONObject) throws(BackupError) -> any PackageLogParser

    /// Reads the database.
    ///
    /// - Parameters:
    ///   - root: the root directory of the system.
    ///   - machine: the UUID of the machine.
    /// - Throws: `notFound` when there is none; `damaged` when it is none; `permission`.
    func snapshot(_ root: PackageRoot, machine: String) throws(BackupError) -> PackageSnapshot
}

extension PackageManagerReader {
    /// Whether a database of this manager is below `root`.
    package func isPresent(_ root: PackageRoot) throws(BackupError) -> Bool {
        for path in databasePaths {
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            let name = String(path[slash...].drop { $0 == "/" })
            if try root.directory(String(path[..<slash]))?.status(name) != nil { return true }
        }
        return false
    }

    func missingDatabase(_ root: PackageRoot) -> BackupError {
        BackupError(
            .notFound,
            "no database of \(manager) is below \(root.directory.path.escapedForMessage)",
            remedy: "looked for " + databasePaths.joined(separator: ", "))
    }
}

/// The managers that are known, by name.
package enum PackageManagers {
    /// In the order in which they are looked for: a Gentoo system may have a dpkg for other purposes, not the other way round.
    package static let all: [any PackageManagerReader] = [
        PortageReader(), PacmanReader(), ApkReader(), DpkgReader(),
    ]

    package static var names: [String] { all.map(\.manager).sorted() }

    /// - Throws: `notFound`, naming the known ones.
    package static func reader(_ name: String) throws(BackupError) -> any PackageManagerReader {
        guard let reader = all.first(where: { $0.manager == name }) else {
            throw .packageManager(name, known: names)
        }
        return reader
    }

    /// The manager whose database is below `root`.
    ///
    /// - Throws: `notFound` when there is none.
    package static func find(_ root: PackageRoot) throws(BackupError) -> any PackageManagerReader {
        for reader in all where try reader.isPresent(root) { return reader }
        throw .noPackageManager(root.directory.path, known: all.flatMap(\.databasePaths))
    }

    /// Whether several versions of one package can be installed at once; for managers that are not known here too.
    static func versionsCoexist(_ manager: String) -> Bool {
        switch manager {
        case "dpkg", "pacman", "apk": false
        default: true
        }
    }
}
