import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem

/// The output of commands (dumps of databases, lists of packages): full backups only.
struct CommandUnit: BackupUnit {
    let name: String
    let sources: [SourceURL]
    private let settings: [SourceURL: CommandSourceSettings]
    private let files: UnitDirectory
    private let library: String?

    init(_ name: String, _ sources: [CommandSourceSettings], _ context: UnitContext) throws(BackupError) {
        for source in sources where source.command.isEmpty { throw .noCommand(source.source, "command") }
        self.name = name
        library = context.libraryDirectory
        files = UnitDirectory(name, context)
        settings = Dictionary(sources.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
        self.sources = settings.keys.sorted()
    }

    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun] {
        let state = try files.state()
        return settings.values.sorted { $0.source < $1.source }.map { source in
            let (due, reason) = next(source, state[source.source], now)
            return ScheduledRun(unit: name, source: source.source, type: .full, due: due, reason: reason)
        }
    }

    private func next(_ source: CommandSourceSettings, _ state: SourceState?, _ now: Timestamp) -> (Timestamp, String) {
        guard let state else { return (now, "full: never run before") }
        return (
            source.timing.next(after: state.last, now: now), "full: last was at \(state.last), \(source.timing.inWords)"
        )
    }

    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String] {
        guard let directory = try files.openIfPresent() else { return [] }
        let notes = try files.recover(directory, isStored: isStored) { _, _ in }
        return notes + (try files.repair(directory) {})
    }

    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun {
        guard let settings = settings[source] else { throw .unknownSource(name, source, known: sources) }
        if let directory = settings.workingDirectory, !UnitCommands.isDirectory(directory) {
            throw .workingDirectory(source, directory)
        }
        let directory = try files.open()
        if try files.hasUnfinishedRun(directory) { throw .unfinishedRun(name) }
        let state = try files.state(directory)[source]
        let reason =
            switch type {
            case .full: "full: asked for"
            case .inc: "full in place of an increment: commands give full backups only"
            case nil: next(settings, state, now).1
            }
        let run = CommandRun(
            unit: name, reason: reason, timestamp: now, predecessor: state?.uuid, settings: settings, files: files,
            directory: directory, library: library)
        try UnitCommands.checkProgram(run.process, source, key: "command")
        return run
    }
}

/// One run of a command.
struct CommandRun: UnitRun {
    let unit: String
    let reason: String
    let timestamp: Timestamp
    let predecessor: ElementUUID?
    let settings: CommandSourceSettings
    let files: UnitDirectory
    let directory: Directory
    let library: String?

    var type: BackupType { .full }
    var source: SourceURL { settings.source }
    var policies: [String] { settings.policies }
    var encryption: EncryptionSetting { settings.encryption }
    var preCommand: ProcessStage? { nil }
    var postCommand: ProcessStage? { nil }

    var producer: Producer { .process(process) }

    var process: ProcessStage {
        let own = ["GB_SOURCE": source.description, "GB_TYPE": type.rawValue]
        return UnitCommands.stage(
            "command", settings.command,
            environment: settings.environment.merging(own, uniquingKeysWith: { configured, _ in configured }),
            workingDirectory: settings.workingDirectory, timeout: settings.timeout, library: library)
    }

    /// Nothing undoes a command: its output is what a restore gives. Only the program is recorded: arguments may be
    /// secrets, and metadata is not encrypted.
    var record: StageRecord {
        StageRecord(stage: "command", restore: nil, other: ["Program": .string(settings.command[0])])
    }

    func uuid(checksum: [UInt8]) -> ElementUUID {
        ElementUUID(predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source)
    }

    func notes(_ report: StageReport) -> [String] { UnitCommands.lines(report.standardError) }

    func willStore(_ uuid: ElementUUID) throws(BackupError) {
        try files.announce(source, SourceState(lastFull: timestamp, last: timestamp, uuid: uuid), directory)
    }

    func stored() throws(BackupError) { try files.advance(directory) }

    func abandoned() { try? files.takeBack(directory) }
}
