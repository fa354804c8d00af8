import BackupConfig
package import BackupModel
package import BackupPackages
import BackupSystem
import BackupUnits

/// The package manager of a system whose file tree is here: its own log with the rotated parts, and its own database.
package struct LocalPackages: PackageHistory {
    /// What an administrator may say about where things are.
    package struct Place: Sendable {
        /// The root directory of the system.
        package var root = "/"
        /// `nil` for the one whose database is there.
        package var manager: String?
        /// Paths of the parts of the log, oldest first; empty for the manager's own.
        package var logs: [String] = []
        /// Whether the database is to be left alone.
        package var isLogOnly = false

        package init() {}
    }

    package let machine: String
    private let root: PackageRoot
    private let reader: any PackageManagerReader
    private let parts: PackageLogParts
    private let isLogOnly: Bool

    /// Opens the log, of which nothing is read that is written later. A system without a log is one without a history; what is
    /// named must be there.
    ///
    /// - Parameters:
    ///   - configurationPath: of this machine, whose identity the records get.
    ///   - readsLog: `false` where only the database will be asked.
    /// - Throws: `notFound` where there is no manager or a log that was named is not there; `permission`.
    package init(_ place: Place, configurationPath: String, readsLog: Bool = true) throws(BackupError) {
        var path = place.root
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        root = try PackageRoot(path: path)
        if let manager = place.manager {
            reader = try PackageManagers.reader(manager)
        } else {
            reader = try Self.find(root)
        }
        // What lies elsewhere is of another machine, as a rule.
        let isOwn = path == "/" && !place.isLogOnly
        machine = isOwn ? LocalMachine.identity(configurationPath: configurationPath) : LocalMachine.unregistered
        isLogOnly = place.isLogOnly
        if !readsLog {
            parts = PackageLogParts()
        } else if place.logs.isEmpty {
            parts = try PackageLogParts(of: reader, below: root)
        } else {
            parts = try PackageLogParts(paths: place.logs)
        }
    }

    private static func find(_ root: PackageRoot) throws(BackupError) -> any PackageManagerReader {
        do throws(BackupError) { return try PackageManagers.find(root) } catch {
            guard error.code == .notFound else { throw error }
            throw .noManagerFound(root.directory.path, known: PackageManagers.names)
        }
    }

    /// Where the log was looked for, for messages.
    private var logPath: String { (root.directory.path == "/" ? "/" : root.directory.path + "/") + reader.defaultLog }

    package func forEachRecord(
        _ body: (PackageRecord) throws(BackupError) -> Void
    ) throws(BackupError) -> PackageHistoryEnd {
        var end = PackageHistoryEnd()
        end.oddities = parts.oddities
        if parts.files.isEmpty { end.missingLog = logPath }
        // Logs with local times do not say their zone: it is that of this machine.
        let context = LogContext(machine: machine, zoneOffset: SystemClock.localOffset)
        var reading = PackageLogReading(reader, context)
        var total: Int64 = 0
        for file in parts.files {
            try file.forEachPiece { piece throws(BackupError) in
                total += Int64(piece.count)
                reading.take(piece)
                let found = reading.takeFindings()
                end.rejected.add(found.rejected)
                for record in found.records { try body(record) }
            }
        }
        end.pending = reading.pending
        end.unendedBytes = total - reading.position
        return end
    }

    package func present() throws(BackupError) -> PackageSnapshot? {
        guard !isLogOnly else { return nil }
        do throws(BackupError) {
            var snapshot = try reader.snapshot(root, machine: machine)
            snapshot.header.taken = SystemClock().now()
            return snapshot
        } catch {
            // A log alone may have been copied here.
            guard error.code == .notFound, !parts.files.isEmpty else { throw error }
            return nil
        }
    }
}

/// The identity that the records of this machine carry.
enum LocalMachine {
    /// What stands in place of a UUID where no machine was registered.
    static let unregistered = "00000000-0000-0000-0000-000000000000"

    /// Questions must have an answer also where nothing is configured, and for people who may not read the state directory.
    static func identity(configurationPath: String) -> String {
        guard let installation = try? Installation(configurationPath: configurationPath),
            let state = try? Directory(path: installation.main.general.stateDirectory),
            let id = try? MachineRegistration.read(in: state)
        else { return unregistered }
        return id.description
    }
}
