import BackupConfig
import BackupModel
import BackupPipeline
import BackupSystem
import Synchronization

/// One run of a program that is a unit.
final class ProgramRun: UnitRun {
    private enum End {
        /// Under way, or in doubt.
        case open
        case stored(ElementUUID)
        case abandoned
    }

    private let owner: ProgramUnit
    private let path: String
    private let version: String?
    private let plannedType: BackupType
    let reason: String
    let timestamp: Timestamp
    private let entry: ProgramPlan.Source
    private let settings: ProgramSettings
    private let before: SourceState?
    private let state: UnitState
    private let directory: Directory
    private let messages: ProgramMessages
    private let announced = Mutex<ElementUUID?>(nil)
    private let end = Mutex(End.open)

    init(
        unit: ProgramUnit, path: String, version: String?, plannedType: BackupType, reason: String,
        timestamp: Timestamp, entry: ProgramPlan.Source, settings: ProgramSettings, state: UnitState,
        directory: Directory
    ) {
        owner = unit
        self.path = path
        self.version = version
        self.plannedType = plannedType
        self.reason = reason
        self.timestamp = timestamp
        self.entry = entry
        self.settings = settings
        self.state = state
        self.directory = directory
        before = state[entry.source]
        messages = ProgramMessages(planned: plannedType)
    }

    var unit: String { owner.name }
    var source: SourceURL { entry.source }
    /// What was planned, or the full that the program says to have made in its place.
    var type: BackupType { messages.content.isFull ? .full : plannedType }
    var predecessor: ElementUUID? { before?.uuid }
    var encryption: EncryptionSetting { settings.encryption }
    var preCommand: ProcessStage? { nil }
    var postCommand: ProcessStage? { nil }

    var policies: [String] {
        let own = messages.content.policies
        return settings.policies + own.filter { !settings.policies.contains($0) }
    }

    var producer: Producer {
        var stage = owner.caller.stage(path, ["run", source.description], variables, timeout: settings.timeout)
        stage.messages = messages.sink
        return .process(stage)
    }

    private var variables: [String: String] {
        var variables = [
            "GB_SOURCE": source.description, "GB_TYPE": plannedType.rawValue, "GB_TIME": "\(timestamp.seconds)",
        ]
        if let before {
            variables["GB_LAST"] = "\(before.last.seconds)"
            variables["GB_LAST_FULL"] = "\(before.lastFull.seconds)"
        }
        // An increment must not rest on what belongs to another element than its predecessor.
        let memory = state.fallback == nil ? state.memory(of: source)?.state : nil
        variables["GB_STATE"] = memory?.compactText
        return variables
    }

    /// Only the program is recorded: what it was told may be secret, and metadata is not encrypted.
    var record: StageRecord {
        var other: JSONObject = ["Program": .string(path), "Format": .string(entry.format.rawValue)]
        other["Hint"] = messages.content.hint.map { .string($0) }
        return StageRecord(stage: "program", restore: nil, version: version, other: other)
    }

    // MARK: - The element

    func uuid(checksum: [UInt8]) -> ElementUUID {
        ElementUUID(predecessor: predecessor, checksum: checksum, timestamp: timestamp, source: source)
    }

    func notes(_ report: StageReport) -> [String] {
        messages.sawBytes(report.bytesOut)
        return UnitCommands.lines(report.standardError)
    }

    func checkProduced() throws(BackupError) {
        let content = messages.content
        guard let said = content.end, let seen = content.seen, said != seen else { return }
        throw .otherLength(path, said: said, seen: seen)
    }

    // MARK: - How it ended

    func willStore(_ uuid: ElementUUID) throws(BackupError) {
        let lastFull = type == .full ? timestamp : before?.lastFull ?? timestamp
        var next = try owner.files.state(directory)
        next.set(
            source, SourceState(lastFull: lastFull, last: timestamp, uuid: uuid),
            ProgramMemory(format: entry.format, state: messages.content.state))
        guard next.text.count <= UnitState.maximumSize else {
            throw .statesTooLarge(unit, limit: UnitState.maximumSize)
        }
        try owner.files.announce(next, directory)
        announced.withLock { $0 = uuid }
    }

    func stored() throws(BackupError) {
        try owner.files.advance(directory)
        if let uuid = announced.withLock({ $0 }) { end.withLock { $0 = .stored(uuid) } }
    }

    func abandoned() {
        try? owner.files.takeBack(directory)
        end.withLock { $0 = .abandoned }
    }

    /// Tells the program. Nothing rests on its hearing it: the next plan says what is stored.
    func conclude(_ failure: BackupError?) async -> [String] {
        var variables = variables
        var call: String?
        var notes = said(failure)
        switch end.withLock({ $0 }) {
        // The storage will tell, at the next start at the latest.
        case .open: break
        case .stored(let uuid):
            call = "done"
            variables["GB_TYPE"] = type.rawValue
            variables["GB_UUID"] = uuid.base64
            variables["GB_STATE"] = messages.content.state?.compactText
        case .abandoned:
            call = "failed"
            let text = failure?.description ?? "test mode: the backup was made and dropped"
            variables["GB_ERROR"] = String(text.prefix(1000)).escapedForMessage
        }
        if let call {
            notes += await owner.caller.tell(path, [call, source.description], variables)
        }
        if case .stored = end.withLock({ $0 }) { owner.ended(source) } else { owner.ended(nil) }
        return notes
    }

    /// What the program has said on the way.
    private func said(_ failure: BackupError?) -> [String] {
        let content = messages.content
        var notes = content.notes
        if content.droppedNotes > 0 { notes.append("… and \(content.droppedNotes) more notes") }
        if content.isFull, failure == nil {
            notes.append("a full in place of an increment: the program says that it could not make one")
        }
        if failure != nil, !content.progress.isEmpty { notes.append("its last progress was: \(content.progress)") }
        return notes
    }
}
