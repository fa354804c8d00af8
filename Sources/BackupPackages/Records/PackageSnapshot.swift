package import BackupModel

/// What a snapshot says of itself; its first line.
package struct SnapshotHeader: Sendable, Hashable {
    package var schema: Int = PackageRecord.currentSchema
    /// The UUID of the machine.
    package var machine: String
    package var manager: String
    /// The root directory as the manager names it.
    package var root: String
    /// When the database was read.
    package var taken: Timestamp?
    /// How many bytes of the stream of the log had been read by then.
    package var logOffset: Int64?
    /// How many lines of packages follow.
    package var packageCount: Int
    /// The highest serial number in the database, where it has such numbers.
    package var highestSerial: Int64?
    /// What somebody asked for, as the manager keeps it: the lines of its world file.
    package var world: [String]?
    /// Whether nothing had changed when the database was looked at a second time.
    package var isConsistent = true
    package var unknown: JSONObject = [:]

    package init(machine: String, manager: String, root: String, packageCount: Int = 0) {
        self.machine = machine
        self.manager = manager
        self.root = root
        self.packageCount = packageCount
    }
}

extension SnapshotHeader {
    /// The value of `Kind` in such a line.
    static let kind = "snapshot"

    /// The header as one line of canonical JSON, without a newline.
    package var canonicalBytes: [UInt8] {
        var writer = FieldWriter(unknown: unknown)
        writer.add("Consistent", JSONValue.bool(isConsistent))
        writer.addIfPresent("HighestSerial", highestSerial)
        writer.add("Kind", Self.kind)
        writer.add("LogOffset", logOffset)
        writer.add("Machine", machine)
        writer.add("Manager", manager)
        writer.add("Packages", Int64(packageCount))
        writer.add("Root", root)
        writer.add("Schema", Int64(schema))
        writer.add("Taken", taken?.seconds)
        writer.addIfPresent("World", world.map { JSONValue.array($0.map { .string($0) }) })
        return writer.finish()
    }

    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// - Throws: `damaged` when a key is missing that each header must have, or has another type.
    package init(_ object: JSONObject) throws(BackupError) {
        var reader = FieldReader(object)
        try reader.expect(kind: Self.kind)
        schema = try reader.schema()
        machine = try reader.requiredText("Machine")
        manager = try reader.requiredText("Manager")
        root = try reader.requiredText("Root")
        taken = try reader.time("Taken")
        logOffset = try reader.count("LogOffset")
        packageCount = Int(try reader.required("Packages", try reader.count("Packages")))
        highestSerial = try reader.integer("HighestSerial")
        world = try reader.texts("World")
        isConsistent = try reader.bool("Consistent") ?? true
        unknown = reader.rest
    }
}

/// The packages of a machine at one moment, as the manager's database has them.
package struct PackageSnapshot: Sendable, Hashable {
    package var header: SnapshotHeader
    /// Sorted by category, name, version and architecture, as bytes.
    package private(set) var packages: [InstalledPackage]
    /// What was odd in the database, as sentences for the journal; at most ``maximumComplaints``.
    package var complaints: [String] = []

    package static let maximumComplaints = 100

    package init(header: SnapshotHeader, packages: [InstalledPackage]) {
        self.header = header
        self.header.packageCount = packages.count
        self.packages = packages.sorted { $0.sortKey.lexicographicallyPrecedes($1.sortKey) }
    }

    mutating func complain(_ text: String) {
        if complaints.count < Self.maximumComplaints { complaints.append(text) }
    }

    /// The lines of the snapshot, each with its newline: the header, then the packages.
    package func forEachLine(_ body: ([UInt8]) throws(BackupError) -> Void) throws(BackupError) {
        try body(header.canonicalBytes + [UInt8(ascii: "\n")])
        for package in packages { try body(package.canonicalBytes + [UInt8(ascii: "\n")]) }
    }
}

extension InstalledPackage {
    fileprivate var sortKey: [UInt8] {
        var key: [UInt8] = []
        for text in [category ?? "", name, version, architecture ?? ""] {
            key.append(contentsOf: text.utf8)
            key.append(0)
        }
        return key
    }
}
