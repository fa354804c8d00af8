import BackupModel
import BackupSystem

/// Reads `/var/db/pkg`: a directory for each category, in it one for each package, in it a file for each fact.
struct PortageDatabase {
    private let top: Directory
    private let world: PortageWorld
    private let machine: String

    /// Bytes of a file with one fact; of the lists of choices the longest are a few thousand.
    private static let maximumFact = 1 << 20
    /// Bytes of the file with all facts of a package.
    private static let maximumMetadata = 16 << 20
    /// How often the database is read until it has not changed meanwhile.
    private static let maximumAttempts = 3

    init(_ top: Directory, world: PortageWorld, machine: String) {
        self.top = top
        self.world = world
        self.machine = machine
    }

    /// One package directory.
    private struct Place: Hashable {
        let category: String
        /// The name of the directory: `NAME-VERSION`, for what is being merged with `-MERGING-` before it.
        let entry: String
    }

    /// Reads all packages. A merge that ends meanwhile changes the list of directories: then all is read again, and after some
    /// attempts the snapshot says of itself that it is not consistent.
    func snapshot() throws(BackupError) -> PackageSnapshot {
        var before = try places()
        var attempt = 1
        while true {
            var snapshot = try read(before)
            let after = try places()
            if after == before { return snapshot }
            if attempt == Self.maximumAttempts {
                snapshot.header.isConsistent = false
                snapshot.complain("\(top.path) changed each time while it was read")
                return snapshot
            }
            attempt += 1
            before = after
        }
    }

    private func places() throws(BackupError) -> Set<Place> {
        var categories: [String] = []
        try top.forEachEntry { entry throws(BackupError) in
            // Names with a dot in front are files of portage's own, among them the lock.
            guard !entry.name.hasPrefix("."), try isDirectory(entry, in: top) else { return }
            categories.append(entry.name)
        }
        var places: Set<Place> = []
        for category in categories {
            guard let directory = try openIfPresent(top, category) else { continue }
            try directory.forEachEntry { entry throws(BackupError) in
                guard !entry.name.hasPrefix("."), try isDirectory(entry, in: directory) else { return }
                places.insert(Place(category: category, entry: entry.name))
            }
        }
        return places
    }

    private func isDirectory(_ entry: Directory.Entry, in directory: Directory) throws(BackupError) -> Bool {
        if let kind = entry.kind { return kind == .directory }
        // A name whose bytes are no UTF-8 is none of portage's, and cannot be found again.
        return try directory.status(entry.name)?.kind == .directory
    }

    private func openIfPresent(_ directory: Directory, _ name: String) throws(BackupError) -> Directory? {
        do throws(BackupError) { return try directory.directory(name) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private func read(_ places: Set<Place>) throws(BackupError) -> PackageSnapshot {
        var packages: [InstalledPackage] = []
        var complaints: [String] = []
        var highestSerial: Int64?
        for place in places {
            guard let package = try read(place, &complaints) else { continue }
            if let serial = package.serial { highestSerial = max(highestSerial ?? serial, serial) }
            packages.append(package)
        }
        // What the manager calls its root: all packages of a prefix say the same.
        let root = packages.first?.root ?? "/"
        var header = SnapshotHeader(machine: machine, manager: PortageLogParser.manager, root: root)
        header.highestSerial = highestSerial
        header.world = world.isPresent ? world.lines : nil
        var snapshot = PackageSnapshot(header: header, packages: packages)
        for complaint in complaints.sorted() { snapshot.complain(complaint) }
        return snapshot
    }

    private func read(_ place: Place, _ complaints: inout [String]) throws(BackupError) -> InstalledPackage? {
        let shown = "\(top.path)/\(place.category)/\(place.entry)"
        var entry = place.entry
        let isMerging = entry.hasPrefix("-MERGING-")
        if isMerging { entry.removeFirst("-MERGING-".count) }
        let parts = Array("\(place.category)/\(entry)".utf8).withByteText { text in
            PortageAtom(text).map { (name: $0.name, version: $0.version) }
        }
        guard let parts else {
            // Such as `lost+found`, and what version control leaves behind.
            if !isMerging, entry.contains("-") { complaints.append("\(shown) is not the name of a package") }
            return nil
        }
        guard let directory = try openIfPresent(top, "\(place.category)/\(place.entry)") else { return nil }
        let facts = try PortageFacts(directory)
        // Half written ones often lack these.
        if !isMerging {
            if let own = facts["CATEGORY"], own != place.category {
                complaints.append("\(shown) says that its category is \(own.escapedForMessage)")
            }
            if let own = facts["PF"], own != entry {
                complaints.append("\(shown) says that it is \(own.escapedForMessage)")
            }
            if facts["SLOT"] == nil { complaints.append("\(shown) has no SLOT") }
        }
        let prefix = facts["EPREFIX"] ?? ""
        var package = InstalledPackage(
            machine: machine, manager: PortageLogParser.manager, root: prefix.hasSuffix("/") ? prefix : prefix + "/",
            category: place.category, name: parts.name, version: parts.version)
        if isMerging { package.state = "merging" }
        package.slot = facts["SLOT"]
        package.repository = facts["repository"]
        package.architecture = facts["CHOST"].map { String($0.prefix { $0 != "-" }) }
        package.serial = facts["COUNTER"].flatMap { Int64($0) }
        package.built = facts["BUILD_TIME"].flatMap { Int64($0) }.map { Timestamp($0) }
        package.size = facts["SIZE"].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
        package.use = facts["USE"]?.split(whereSeparator: \.isWhitespace).map(String.init)
        if facts["BINPKGMD5"] != nil { package.installType = .binary }
        if world.isPresent { package.isExplicit = world.contains(package.fullName, slot: package.slot) }
        return package
    }

    /// The facts of one package: a file each, or all in the file `metadata`.
    private struct PortageFacts {
        private var values: [String: String] = [:]

        private static let names = [
            "CATEGORY", "PF", "SLOT", "repository", "CHOST", "COUNTER", "BUILD_TIME", "SIZE", "USE", "EPREFIX",
            "BINPKGMD5",
        ]

        init(_ directory: Directory) throws(BackupError) {
            for name in Self.names {
                guard let bytes = try directory.readFileIfPresent(name, limit: PortageDatabase.maximumFact) else {
                    continue
                }
                values[name] = String(decoding: bytes, as: UTF8.self).trimmed
            }
            try fill(directory)
        }

        subscript(name: String) -> String? { values[name] }

        /// Takes what has no file of its own from `metadata`, if that is as old as the directory says, or if there is nothing
        /// else to go by.
        private mutating func fill(_ directory: Directory) throws(BackupError) {
            guard
                let bytes = try directory.readFileIfPresent("metadata", limit: PortageDatabase.maximumMetadata)
            else { return }
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            guard lines.first == "#format=1" else { return }
            let time = lines.last.flatMap { line in
                line.hasPrefix("#dir_mtime=") ? Int64(line.dropFirst("#dir_mtime=".count)) : nil
            }
            let modified = try directory.descriptor.status().modified.seconds
            let isCurrent = time.map { $0.flooredDivision(by: 1_000_000_000).quotient == modified } ?? false
            guard isCurrent || values["SLOT"] == nil else { return }
            for line in lines where !line.hasPrefix("#") {
                guard let equals = line.firstIndex(of: "=") else { continue }
                let name = String(line[..<equals])
                guard Self.names.contains(name), values[name] == nil else { continue }
                values[name] = String(line[line.index(after: equals)...]).trimmed
            }
        }
    }
}
