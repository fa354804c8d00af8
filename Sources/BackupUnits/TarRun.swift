import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem

/// One run of tar.
struct TarRun: UnitRun {
    let unit: String
    let type: BackupType
    let reason: String
    let timestamp: Timestamp
    /// What the unit remembers of the source; `nil` for the first run.
    let before: SourceState?
    let settings: TarSourceSettings
    /// Path of the index that tar reads and writes.
    let index: String
    let context: UnitContext
    let files: UnitDirectory
    let directory: Directory
    let indices: TarIndices

    var source: SourceURL { settings.source }
    var predecessor: ElementUUID? { before?.uuid }
    var policies: [String] { settings.policies }
    var encryption: EncryptionSetting { settings.encryption }

    // MARK: - Programs

    /// The administrator's command in place of tar's own command line, if there is one for this type.
    private var command: [String]? { type == .full ? settings.fullCommand : settings.incCommand }

    private var environment: [String: String] {
        ["GB_SOURCE": source.description, "GB_TYPE": type.rawValue, "GB_INDEX": index]
    }

    var preCommand: ProcessStage? {
        settings.preCommand.map {
            UnitCommands.stage("pre_command", $0, environment: environment, library: context.libraryDirectory)
        }
    }

    var postCommand: ProcessStage? {
        settings.postCommand.map {
            UnitCommands.stage("post_command", $0, environment: environment, library: context.libraryDirectory)
        }
    }

    var producer: Producer { .process(process) }

    var process: ProcessStage {
        let accepted: Set<Int32> = settings.ignoreRaces ? [0, 1] : [0]
        if let command {
            let name = type == .full ? "full_command" : "inc_command"
            return UnitCommands.stage(
                name, command, environment: environment, acceptedStatuses: accepted, library: context.libraryDirectory)
        }
        // Options in TAR_OPTIONS come before ours: nothing of the environment may change what is stored.
        return ProcessStage(
            name: "tar", executable: "tar",
            arguments: TarArguments.create(settings, index: index, excluded: context.excludedDirectories),
            environment: environment.merging(["TAR_OPTIONS": ""], uniquingKeysWith: { _, new in new }),
            acceptedStatuses: accepted,
            verdict: .init(
                isSuccess: { status, _ in accepted.contains(status) },
                // tar's last line only says that there were others.
                messages: { text in
                    text.split(separator: "\n").filter { !$0.hasSuffix("due to previous errors") }
                        .joined(separator: "\n")
                }))
    }

    var record: StageRecord {
        var other = JSONObject()
        // Arguments may be secrets, and metadata is not encrypted.
        if let command { other["Program"] = .string(command[0]) }
        // What an own command is, and of which version, nobody knows; but it stands in for tar.
        return StageRecord(
            stage: "tar", restore: TarArguments.restore, version: command == nil ? context.tarVersion : nil,
            other: other)
    }

    // MARK: - The element

    func uuid(checksum: [UInt8]) -> ElementUUID {
        ElementUUID(predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source)
    }

    func notes(_ report: StageReport) -> [String] {
        var notes: [String] = []
        if report.exitStatus == 1 {
            notes.append("\(report.name): files changed while they were read; ignore_races lets that pass")
        }
        return notes + UnitCommands.lines(report.standardError)
    }

    // MARK: - How it ended

    func willStore(_ uuid: ElementUUID) throws(BackupError) {
        try indices.sealNext(source, isRequired: command == nil)
        let lastFull = type == .full ? timestamp : before?.lastFull ?? timestamp
        try files.announce(source, SourceState(lastFull: lastFull, last: timestamp, uuid: uuid), directory)
    }

    func stored() throws(BackupError) {
        try indices.advance(source, previous: before?.last, keep: settings.keepIndices)
        if type == .full { try TarShape(settings).keep(in: directory) }
        try files.advance(directory)
    }

    func abandoned() {
        try? files.takeBack(directory)
        try? directory.removeFile(TarIndexName(source).next)
    }
}
