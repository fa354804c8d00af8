import BackupModel
import BackupPackages
import BackupStorage
import BackupTestKit
import Testing

/// A package state in the storage of a site, made element by element as the unit makes it.
struct StoredState {
    let site: Site
    let source: SourceURL
    let machine: String
    /// The fingerprint to encrypt for, and the GnuPG home directory that has it; `nil` for plain text.
    let key: (fingerprint: String, ring: String)?
    private let storage: DefaultFileStorage
    private(set) var elements: [StoredElement] = []

    static let machine = "0b8be3a4-6f0e-4e3e-9d43-0d6c1c9f3a11"
    /// 2023-11-14T22:13:20Z.
    static let begin: Int64 = 1_700_000_000
    static let day: Int64 = 86400

    init(
        _ site: Site, _ source: String = "/host/packages/state", machine: String = machine,
        key: (String, String)? = nil
    ) throws {
        self.site = site
        self.source = try SourceURL(source)
        self.machine = machine
        self.key = key
        storage = try DefaultFileStorage(path: site.storage, durability: .none)
    }

    /// The ID of the element `number`.
    func id(_ number: Int) -> String { elements[number].id.description }

    /// The files of the element `number` are gone.
    func remove(_ number: Int) {
        for suffix in ["info", "data"] { site.directory.remove("storage\(id(number)).\(suffix)") }
    }

    func path(_ number: Int, _ suffix: String = "data") -> String { "storage\(id(number)).\(suffix)" }

    // MARK: - Elements

    /// What an element names as its predecessor.
    enum Predecessor { case newest, none, number(Int) }

    /// Stores these lines as the next element.
    ///
    /// - Parameter isFromBeginning: whether the element says so.
    mutating func add(
        _ type: BackupType, at time: Int64, _ lines: [[UInt8]], product: String = "state",
        after predecessor: Predecessor = .newest, isFromBeginning: Bool = false
    ) throws {
        var data = Array(lines.joined())
        var particulars: JSONObject = [
            "Product": .string(product), "Manager": .string("dpkg"), "Root": .string("/"), "Schema": .integer(1),
        ]
        if isFromBeginning { particulars["FromBeginning"] = .bool(true) }
        var pipeline = [StageRecord(stage: "packages", restore: nil, other: particulars)]
        if let key {
            try site.directory.write("plain", data)
            try runTool(
                "gpg", "--homedir", key.ring, "--batch", "--no-tty", "--trust-model", "always", "--hidden-recipient",
                key.fingerprint, "--yes", "--output", site.directory.path("secret"), "--encrypt",
                site.directory.path("plain"))
            data = try site.directory.read("secret")
            pipeline.append(StageRecord(stage: "gpg", restore: ["gpg", "--decrypt"]))
        }
        let previous: StoredElement? =
            switch predecessor {
            case .newest: elements.last
            case .none: nil
            case .number(let number): elements[number]
            }
        elements.append(
            try Self.store(storage, source, type, at: time, data, after: previous, pipeline, machine: machine))
    }

    /// Stores one element of any source.
    static func store(
        _ storage: DefaultFileStorage, _ source: SourceURL, _ type: BackupType, at time: Int64, _ data: [UInt8],
        after previous: StoredElement? = nil, _ pipeline: [StageRecord], machine: String?
    ) throws -> StoredElement {
        let checksum = DataDigest.sha512(data)
        let uuid = try #require(
            DataDigest.uuid(
                predecessor: previous?.metadata.uuid, checksum: checksum, timestamp: Timestamp(time), source: source))
        let metadata = ElementMetadata(
            type: type, timestamp: Timestamp(time), uuid: uuid, predecessor: previous?.metadata.uuid,
            handlingPolicies: [], checksum: checksum, pipeline: pipeline,
            origin: ElementOrigin(machine: machine, unit: "test", software: "test"))
        return try storage.store(source, metadata, data: data)
    }

    // MARK: - Lines

    private func record(_ event: PackageEvent, _ name: String, _ version: String, _ time: Int64) -> PackageRecord {
        var record = PackageRecord(
            machine: machine, manager: "dpkg", root: "/", event: event, name: name, version: version)
        record.architecture = "amd64"
        record.started = Timestamp(time)
        record.finished = Timestamp(time + 4)
        record.duration = 4
        record.zoneOffset = 0
        let digest = "\(name) \(version) \(time)".utf8.reduce(UInt64(0)) { ($0 &* 31) &+ UInt64($1) }
        record.position = LogPosition(offset: 0, length: 1, digest: digest)
        return record
    }

    private static func line(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8(ascii: "\n")] }

    func install(_ name: String, _ version: String, at time: Int64) -> [[UInt8]] {
        [Self.line(record(.install, name, version, time).canonicalBytes)]
    }

    func remove(_ name: String, _ version: String, at time: Int64) -> [[UInt8]] {
        var removal = record(.uninstall, name, version, time)
        removal.cause = .manual
        return [Self.line(removal.canonicalBytes)]
    }

    func upgrade(_ name: String, _ old: String, to new: String, at time: Int64) -> [[UInt8]] {
        var removal = record(.uninstall, name, old, time)
        removal.cause = .replaced
        removal.otherVersion = new
        var installation = record(.install, name, new, time)
        installation.otherVersion = old
        return [Self.line(removal.canonicalBytes), Self.line(installation.canonicalBytes)]
    }

    func snapshot(at time: Int64, _ packages: [(String, String)]) throws -> [[UInt8]] {
        var header = SnapshotHeader(machine: machine, manager: "dpkg", root: "/")
        header.taken = Timestamp(time)
        let snapshot = PackageSnapshot(
            header: header,
            packages: packages.map { name, version in
                var package = InstalledPackage(
                    machine: machine, manager: "dpkg", root: "/", name: name, version: version)
                package.architecture = "amd64"
                return package
            })
        var lines: [[UInt8]] = []
        try snapshot.forEachLine { lines.append($0) }
        return lines
    }

    // MARK: - A history

    /// Five elements, a day apart: a full, an increment in which libssl3 is replaced, a full before which libz goes, and two
    /// increments in which vim comes and libssl3 is replaced once more. `old` is older than the log.
    mutating func addDays() throws {
        let (begin, day) = (Self.begin, Self.day)
        try add(
            .full, at: begin,
            install("libz", "1.2", at: begin - 5000) + install("libssl3", "3.0.8", at: begin - 4000)
                + snapshot(at: begin, [("libssl3", "3.0.8"), ("libz", "1.2"), ("old", "1.0")]))
        try add(.inc, at: begin + day, upgrade("libssl3", "3.0.8", to: "3.0.9", at: begin + day - 1000))
        try add(
            .full, at: begin + 2 * day,
            remove("libz", "1.2", at: begin + 2 * day - 1000)
                + snapshot(at: begin + 2 * day, [("libssl3", "3.0.9"), ("old", "1.0")]))
        try add(.inc, at: begin + 3 * day, install("vim", "9", at: begin + 3 * day - 1000))
        try add(.inc, at: begin + 4 * day, upgrade("libssl3", "3.0.9", to: "3.1.0", at: begin + 4 * day - 1000))
    }

    /// Dumps of the same days, of `machine`.
    @discardableResult
    func addDumps(_ source: String = "/host/dump", machine: String? = machine) throws -> [String] {
        var last: StoredElement?
        return try (0..<5).map { number in
            let element = try Self.store(
                storage, SourceURL(source), .full, at: Self.begin + Int64(number) * Self.day, Array("\(number)".utf8),
                after: last, [StageRecord(stage: "command", restore: nil)], machine: machine)
            last = element
            return element.id.description
        }
    }
}

/// Runs `body` with a site whose storage has the state of ``StoredState/addDays()``.
func withStoredState(
    isEncrypted: Bool = false, keys ring: String? = nil, _ body: (Site, StoredState) throws -> Void
) throws {
    let keys = try #require(Keys.current)
    try withSite(keys: ring ?? keys.ring) { site in
        var state = try StoredState(site, key: isEncrypted ? (keys.good, keys.ring) : nil)
        try state.addDays()
        try body(site, state)
    }
}
