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

    /// What the metadata says of it beside that.
    var particulars: JSONObject { get }

    /// Writes the bytes of the element.
    func write(_ emit: ByteTransform.Emit) throws(BackupError) -> PackagesYield
}

/// Where the packages are, and how they are read, as it was found when a run was prepared.
struct PackagesPlace: Sendable {
    let root: PackageRoot
    /// As the configuration names it.
    let rootPath: String
    let reader: any PackageManagerReader
    /// Below which the log is looked for: the root of the system, or that of this one for a path of its own.
    private let logRoot: PackageRoot
    /// Relative to ``logRoot``.
    private let log: String
    /// For messages.
    let logPath: String

    /// - Parameter former: the manager that was followed until now; `nil` for none.
    /// - Throws: `notFound` when the root or a package manager is not there.
    init(_ settings: PackagesSettings, former: String?) throws(BackupError) {
        rootPath = settings.root
        do throws(BackupError) { root = try PackageRoot(path: settings.root) } catch {
            throw .packagesRoot(settings.root, error)
        }
        if let manager = settings.manager {
            reader = try PackageManagers.reader(manager)
        } else if let former, let known = try? PackageManagers.reader(former), try known.isPresent(root) {
            // Another one that is installed beside it changes nothing.
            reader = known
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
