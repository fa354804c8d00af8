import BackupModel
import BackupPackages
import BackupSystem

/// What a `packages` unit keeps of one of its products between two runs: a file `<product>.position`, and
/// `<product>.position.next` while a run is committed. JSON lines: the first has the places in the log, the packages of the
/// last element follow.
struct PackagesMemory: Sendable, Hashable {
    var bookmark: LogBookmark
    /// Whose log it is.
    let manager: String
    /// The root directory of the system, as the configuration named it.
    let root: String
    /// Where the parser of the log stands; of the state only.
    var parser: JSONObject?
    /// The name that the log has for the root of the packages; of the state only.
    var logRoot: String?
    /// What was installed when the last element was made; of the state only.
    var packages: [InstalledPackage] = []

    /// Bytes; for a hundred times as many packages as a machine has.
    private static let maximumSize = 256 << 20
    private static let schema: Int64 = 1

    init(bookmark: LogBookmark, manager: String, root: String) {
        self.bookmark = bookmark
        self.manager = manager
        self.root = root
    }

    var text: [UInt8] {
        var head: JSONObject = [
            "Schema": .integer(Self.schema), "Bookmark": .object(bookmark.json), "Manager": .string(manager),
            "Root": .string(root),
        ]
        if let parser { head["Parser"] = .object(parser) }
        if let logRoot { head["LogRoot"] = .string(logRoot) }
        var text = Array(JSONValue.object(head).canonicalText.utf8) + [UInt8(ascii: "\n")]
        for package in packages {
            text += package.canonicalBytes
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }

    /// - Returns: `nil` when there is no such file.
    /// - Throws: `damaged` when it cannot be used.
    init?(_ name: String, in directory: Directory) throws(BackupError) {
        guard let bytes = try directory.readFileIfPresent(name, limit: Self.maximumSize) else { return nil }
        do throws(BackupError) {
            var lines = bytes.split(separator: UInt8(ascii: "\n")).makeIterator()
            guard bytes.last == UInt8(ascii: "\n"), let first = lines.next(),
                let head = try JSONParser.parse(Array(first), limits: .init(size: Self.maximumSize)).objectValue,
                head["Schema"]?.integerValue == Self.schema, let bookmark = head["Bookmark"]?.objectValue,
                let manager = head["Manager"]?.stringValue, let root = head["Root"]?.stringValue
            else { throw .noBookmark() }
            self.manager = manager
            self.root = root
            self.bookmark = try LogBookmark(bookmark)
            parser = head["Parser"]?.objectValue
            logRoot = head["LogRoot"]?.stringValue
            while let line = lines.next() {
                guard case .package(let package) = try PackageLine(parsing: Array(line)) else { throw .noBookmark() }
                packages.append(package)
            }
        } catch {
            throw .packagesMemoryDamaged(directory.path + "/" + name, error)
        }
    }
}
