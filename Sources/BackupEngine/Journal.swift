package import BackupModel
import BackupSystem
import CBackupShims
import Glibc

/// What happened, one JSON object a line, appended and never changed: `<state>/journal.jsonl`.
package struct Journal: Sendable {
    package static let fileName = "journal.jsonl"

    private let file: OwnedDescriptor
    private let path: String

    /// Opens the journal for appending, and ends a line that a crash has cut off.
    init(in directory: Directory) throws(BackupError) {
        path = directory.path + "/" + Self.fileName
        let path = path
        let raw = try systemCall("open", path) {
            open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        file = OwnedDescriptor(raw, name: path)
        let size = try file.status().size
        var last: UInt8 = 0
        if size > 0, pread(raw, &last, 1, off_t(size - 1)) == 1, last != UInt8(ascii: "\n") {
            try file.write([UInt8(ascii: "\n")])
        }
    }

    /// Appends one event as one write, so that lines of several threads never mix.
    func append(_ event: JournalEvent) throws(BackupError) {
        do throws(BackupError) { try file.write(event.json.compactBytes + [UInt8(ascii: "\n")]) } catch {
            throw .damagedJournal(path, error)
        }
    }

    /// The events of the journal's last `limit` bytes, oldest first; lines that cannot be read are passed over.
    package static func recent(stateDirectory: String, limit: Int = 1 << 20) throws(BackupError) -> [JSONObject] {
        let directory = try Directory(path: stateDirectory)
        let file: OwnedDescriptor
        do throws(BackupError) { file = try directory.openFile(fileName) } catch {
            if error.code == .notFound { return [] }
            throw error
        }
        let size = try file.status().size
        let isCut = size > Int64(limit)
        if isCut { lseek(file.raw, off_t(size - Int64(limit)), SEEK_SET) }
        let bytes = try file.readPrefix(limit)
        return bytes.split(separator: UInt8(ascii: "\n")).dropFirst(isCut ? 1 : 0).compactMap {
            try? JSONParser.parse(Array($0)).objectValue
        }
    }
}

/// One line of the journal.
struct JournalEvent {
    /// The kinds of events, as they stand in the journal.
    enum Kind: String {
        case generatorStarted = "generator_started"
        case generatorStopped = "generator_stopped"
        case configurationRead = "configuration_read"
        case configurationRefused = "configuration_refused"
        case runStarted = "run_started"
        case elementStored = "element_stored"
        case runFailed = "run_failed"
        case recovered
        case transferred
        case transferFailed = "transfer_failed"
        case refused
        case retired
        case machineRegistered = "machine_registered"
        case packageDisagreement = "package_disagreement"
        case note
    }

    private var object: JSONObject

    init(_ kind: Kind, at time: Timestamp) {
        object = ["time": .string(time.description), "event": .string(kind.rawValue)]
    }

    var json: JSONValue { .object(object) }

    consuming func with(_ key: String, _ value: JSONValue?) -> JournalEvent {
        if let value { object[key] = value }
        return self
    }

    consuming func with(_ key: String, _ text: String?) -> JournalEvent { with(key, text.map { JSONValue.string($0) }) }
}
