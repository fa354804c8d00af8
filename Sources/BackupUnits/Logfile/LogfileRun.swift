import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem

/// One log file on its way into a storage.
struct LogfileRun: UnitRun {
    private let owner: LogfileUnit
    private let file: LogFile
    private let opened: OwnedDescriptor
    private let state: UnitState
    private let memory: LogMemory
    private let directory: Directory
    let timestamp: Timestamp
    let reason: String

    init(
        unit: LogfileUnit, file: LogFile, opened: OwnedDescriptor, timestamp: Timestamp, state: UnitState,
        memory: LogMemory, directory: Directory, reason: String
    ) {
        owner = unit
        self.file = file
        self.opened = opened
        self.timestamp = timestamp
        self.state = state
        self.memory = memory
        self.directory = directory
        self.reason = reason
    }

    var unit: String { owner.name }
    var source: SourceURL { file.source }
    var type: BackupType { .full }
    var predecessor: ElementUUID? { state.uuid(of: source) }
    var policies: [String] { file.input.policies }
    var encryption: EncryptionSetting { file.input.encryption }
    var preCommand: ProcessStage? { nil }
    var postCommand: ProcessStage? { nil }
    var producer: Producer { .file(opened, compression: file.compression) }

    /// Nothing undoes it: what comes out are the lines of the log. The name is part of the UUID, so it must be here.
    var record: StageRecord {
        var other: JSONObject = ["File": .string(file.name)]
        if let compression = file.compression { other["Decompressed"] = .string(compression.toolName) }
        return StageRecord(stage: "logfile", restore: nil, other: other)
    }

    func uuid(checksum: [UInt8]) -> ElementUUID {
        ElementUUID(predecessor: predecessor, checksum: checksum, timestamp: timestamp, name: file.name)
    }

    func notes(_ report: StageReport) -> [String] { UnitCommands.lines(report.standardError) }

    /// Without encryption the same bytes give the same UUID: so does a state that was put back from a backup.
    var mayBeStored: Bool { true }

    func checkProduced() throws(BackupError) {
        guard LogFileState(try opened.status()) == file.state else { throw .fileChanged(file.path) }
    }

    // MARK: - How it ended

    func willStore(_ uuid: ElementUUID) throws(BackupError) {
        var memory = memory
        memory.add(
            LogMemory.Entry(
                directory: file.input.directory, name: file.name, state: file.state, source: source, uuid: uuid))
        // Its name becomes durable with the state's: until then the element is not stored.
        try directory.replaceFile(LogMemory.next, with: memory.text, durability: .contents)
        owner.files.afterStep(LogMemory.next)
        var next = state
        next.setUUID(uuid, of: source)
        try owner.files.announce(next, directory)
    }

    func stored() throws(BackupError) {
        try owner.advanceMemory(directory)
        try owner.files.advance(directory)
        owner.stored(file)
    }

    func abandoned() {
        opened.close()
        try? owner.files.takeBack(directory)
        try? directory.removeFile(LogMemory.next)
        owner.ended()
    }

    func finish() -> [String] {
        // A file that is to be cut must not be open anywhere.
        opened.close()
        owner.ended()
        return file.input.afterStore == .keep ? [] : owner.disposal(file).dispose()
    }
}

extension ElementUUID {
    /// The UUID of the element of a log file.
    ///
    /// - Parameter name: of the file, without its directory.
    init(predecessor: ElementUUID?, checksum: [UInt8], timestamp: Timestamp, name: String) {
        self.init(
            hashing: Self.chainInput(predecessor: predecessor, checksum: checksum, timestamp: timestamp, name: name))
    }
}
