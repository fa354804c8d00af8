package import BackupModel

/// Alpine Linux's apk: `apk.log`, its database of installed packages, and the world file.
package struct ApkReader: PackageManagerReader {
    package init() {}

    package var manager: String { ApkLogParser.manager }
    package var defaultLog: String { "var/log/apk.log" }
    package var databasePaths: [String] { ["lib/apk/db/installed", "usr/lib/apk/db/installed"] }
    package var versionsCoexist: Bool { false }

    /// Bytes; the database of everything in a distribution has a tenth of that.
    private static let maximumSize = 1 << 30
    private static let maximumWorld = 16 << 20

    package func makeParser(_ context: LogContext) -> any PackageLogParser { ApkLogParser(context) }

    package func makeParser(
        _ context: LogContext, state: JSONObject
    ) throws(BackupError) -> any PackageLogParser { try ApkLogParser(context, state: state) }

    package func snapshot(_ root: PackageRoot, machine: String) throws(BackupError) -> PackageSnapshot {
        var database: [UInt8]?
        for path in databasePaths where database == nil {
            database = try root.file(path, limit: Self.maximumSize)
        }
        // It is replaced as a whole, so it never is half old and half new.
        guard let database else { throw missingDatabase(root) }
        let world = try root.file("etc/apk/world", limit: Self.maximumWorld).map { bytes in
            bytes.split { $0 == 0x20 || $0 == 0x0a || $0 == 0x09 || $0 == 0x0d }
                .map { String(decoding: $0, as: UTF8.self) }
        }
        let wanted = world.map { Set($0.compactMap(Self.name)) }
        var complaints: [String] = []
        var packages: [InstalledPackage] = []
        Self.forEachBlock(database) { block in
            guard let name = block.name, let version = block.version else {
                complaints.append("the database of apk has a block without P or V")
                return
            }
            var package = InstalledPackage(
                machine: machine, manager: manager, root: "/", name: name, version: version)
            package.architecture = block.architecture
            package.installType = .binary
            package.repository = block.tag
            package.built = block.built.map { Timestamp($0) }
            package.size = block.size.flatMap { $0 >= 0 ? $0 : nil }
            package.isExplicit = wanted.map { $0.contains(name) }
            packages.append(package)
        }
        var header = SnapshotHeader(machine: machine, manager: manager, root: "/")
        header.world = world
        var snapshot = PackageSnapshot(header: header, packages: packages)
        for complaint in complaints { snapshot.complain(complaint) }
        return snapshot
    }

    /// The name in an entry of the world file, such as `busybox`, `busybox>=1.3`, `busybox~1.3`, `busybox@edge`; `nil` for
    /// what must not be installed: `!busybox`.
    private static func name(_ entry: String) -> String? {
        if entry.hasPrefix("!") { return nil }
        let name = entry.prefix { !"<>=~@".contains($0) }
        return name.isEmpty ? nil : String(name)
    }

    private struct Block {
        var name: String?
        var version: String?
        var architecture: String?
        var size: Int64?
        var built: Int64?
        var tag: String?
    }

    /// Calls `body` for each package: lines of a letter, a colon and a value, up to an empty line. The list of its files comes
    /// last; of that nothing is wanted.
    private static func forEachBlock(_ bytes: [UInt8], _ body: (Block) -> Void) {
        var block = Block()
        var isEmpty = true
        var isInFiles = false
        bytes.withByteText { text in
            text.forEachLine { line in
                if line.isEmpty {
                    if !isEmpty { body(block) }
                    (block, isEmpty, isInFiles) = (Block(), true, false)
                    return
                }
                isEmpty = false
                guard line.count > 2, line[1] == UInt8(ascii: ":") else { return }
                if line[0] == UInt8(ascii: "F") { isInFiles = true }
                if isInFiles, line[0] != UInt8(ascii: "s") { return }
                let value = line.from(2)
                switch line[0] {
                case UInt8(ascii: "P"): block.name = value.string
                case UInt8(ascii: "V"): block.version = value.string
                case UInt8(ascii: "A"): block.architecture = value.string
                case UInt8(ascii: "I"): block.size = value.number
                case UInt8(ascii: "t"): block.built = value.number
                case UInt8(ascii: "s"): block.tag = value.string
                default: break
                }
            }
        }
        if !isEmpty { body(block) }
    }
}
