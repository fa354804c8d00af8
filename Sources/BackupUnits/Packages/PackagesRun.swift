import BackupConfig
import BackupModel
import BackupPackages
import BackupPipeline
import BackupSystem
import Synchronization

/// One run of one product of a `packages` unit.
final class PackagesRun<Product: PackagesProduct>: UnitRun {
    let unit: String
    let source: SourceURL
    let type: BackupType
    let reason: String
    let timestamp: Timestamp
    private let settings: PackagesSettings
    private let manager: String
    private let before: SourceState?
    private let product: Product
    private let files: UnitDirectory
    private let directory: Directory
    private let yield = Mutex<PackagesYield?>(nil)

    init(
        unit: String, source: SourceURL, type: BackupType, reason: String, timestamp: Timestamp,
        settings: PackagesSettings, manager: String, before: SourceState?, product: Product, files: UnitDirectory,
        directory: Directory
    ) {
        self.unit = unit
        self.source = source
        self.type = type
        self.reason = reason
        self.timestamp = timestamp
        self.settings = settings
        self.manager = manager
        self.before = before
        self.product = product
        self.files = files
        self.directory = directory
    }

    var predecessor: ElementUUID? { before?.uuid }
    var policies: [String] { settings.policies }
    var encryption: EncryptionSetting { settings.encryption }
    var preCommand: ProcessStage? { nil }
    var postCommand: ProcessStage? { nil }

    var producer: Producer {
        .made(name: "packages") { [self] emit throws(BackupError) in
            let made = try product.write(emit)
            yield.withLock { $0 = made }
        }
    }

    /// Nothing undoes it: what comes out is the log, or lines of JSON.
    var record: StageRecord {
        var other: JSONObject = [
            "Product": .string(Product.name), "Manager": .string(manager), "Root": .string(settings.root),
            "Schema": .integer(Int64(PackageRecord.currentSchema)),
        ]
        for (key, value) in product.particulars.members { other[key] = value }
        return StageRecord(stage: "packages", restore: nil, other: other)
    }

    func uuid(checksum: [UInt8]) -> ElementUUID {
        ElementUUID(predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source)
    }

    func notes(_ report: StageReport) -> [String] { yield.withLock { $0?.notes ?? [] } }

    var events: [UnitEvent] { yield.withLock { $0?.events ?? [] } }

    func checkProduced() throws(BackupError) {
        guard yield.withLock({ $0 }) != nil else { throw .nothingProduced(source) }
    }

    // MARK: - How it ended

    func willStore(_ uuid: ElementUUID) throws(BackupError) {
        guard let memory = yield.withLock({ $0?.memory }) else { throw .nothingProduced(source) }
        let name = PackagesUnit.memoryName(Product.name)
        // Its name becomes durable with the state's: until then the element is not stored.
        try directory.replaceFile(name + ".next", with: memory.text, durability: .contents)
        files.afterStep(name + ".next")
        let lastFull = type == .full ? timestamp : before?.lastFull ?? timestamp
        try files.announce(source, SourceState(lastFull: lastFull, last: timestamp, uuid: uuid), directory)
    }

    func stored() throws(BackupError) {
        try PackagesUnit.advanceMemory(Product.name, directory, files.afterStep)
        try files.advance(directory)
    }

    func abandoned() {
        try? files.takeBack(directory)
        try? directory.removeFile(PackagesUnit.memoryName(Product.name) + ".next")
    }
}
