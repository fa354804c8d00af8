import BackupConfig
import BackupModel
import BackupPackages
import BackupSystem

/// What a run of a `packages` unit gives beside the bytes.
struct PackagesYield: Sendable {
    /// What is kept for the next run.
    var memory: PackagesMemory
    /// Sentences for the journal.
    var notes: [String] = []
    var events: [UnitEvent] = []
}

/// One of the two products of a `packages` unit, ready to be made.
protocol PackagesProduct: Sendable {
    /// What the element's metadata says of it.
    static var name: String { get }

    /// Writes the bytes of the element.
    func write(_ emit: ByteTransform.Emit) throws(BackupError) -> PackagesYield
}

/// Where the packages are, and how they are read, as it was found when a run was prepared.
struct PackagesPlace: Sendable {
    let root: PackageRoot
    let reader: any PackageManagerReader
    /// Below which the log is looked for: the root of the system, or that of this one for a path of its own.
    private let logRoot: PackageRoot
    /// Relative to ``logRoot``.
    private let log: String
    /// For messages.
    let logPath: String

    /// - Throws: `notFound` when the root or a package manager is not there.
    init(_ settings: PackagesSettings) throws(BackupError) {
        do throws(BackupError) { root = try PackageRoot(path: settings.root) } catch {
            throw .packagesRoot(settings.root, error)
        }
        if let manager = settings.manager {
            reader = try PackageManagers.reader(manager)
        } else {
            do throws(BackupError) { reader = try PackageManagers.find(root) } catch {
                guard error.code == .notFound else { throw error }
                throw .packagesManager(settings.root, error)
            }
        }
        if let path = settings.log {
            logRoot = try PackageRoot(path: "/")
            log = String(path.drop { $0 == "/" })
            logPath = path
        } else {
            logRoot = root
            log = reader.defaultLog
            logPath = (settings.root == "/" ? "" : settings.root) + "/" + reader.defaultLog
        }
    }

    func parts() throws(BackupError) -> PackageLogParts { try PackageLogParts(log: log, below: logRoot) }
}
