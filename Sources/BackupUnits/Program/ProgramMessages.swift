import BackupConfig
import BackupModel
import BackupPipeline
import Synchronization

/// What a program says on descriptor 3 while it makes data, one JSON object a line.
final class ProgramMessages: Sendable {
    struct Content: Sendable {
        var notes: [String] = []
        var droppedNotes = 0
        /// In the program's words; empty for none.
        var progress = ""
        /// What is handed back with the next run.
        var state: JSONValue?
        var policies: [String] = []
        /// Whether it is a full where an increment was asked for.
        var isFull = false
        var hint: String?
        /// How many bytes it says to have written; after that it says nothing more.
        var end: Int64?
        /// How many were seen; `nil` where nobody saw them.
        var seen: Int64?
    }

    static let lineLimit = 128 << 10
    static let totalLimit = 16 << 20
    /// Bytes as JSON: it must fit into one variable of an environment.
    static let maximumState = 64 << 10
    static let maximumNotes = 100
    private static let maximumPolicies = 20
    private static let longestHint = 1000

    /// What the messages of each kind may have besides `kind`.
    private static let keys: [String: Set<String>] = [
        "note": ["text"], "progress": ["done", "total", "text"], "state": ["state"], "policies": ["policies"],
        "type": ["type"], "restore": ["text"], "end": ["bytes"],
    ]

    private let planned: BackupType
    private let mutex = Mutex(Content())

    init(planned: BackupType) { self.planned = planned }

    var content: Content { mutex.withLock { $0 } }

    var sink: MessageSink {
        MessageSink(lineLimit: Self.lineLimit, totalLimit: Self.totalLimit) { line in
            do throws(BackupError) {
                try self.take(line)
                return nil
            } catch {
                return error
            }
        }
    }

    func sawBytes(_ count: Int64?) { mutex.withLock { $0.seen = count } }

    /// - Throws: `processFailed` for what the protocol does not allow.
    func take(_ line: [UInt8]) throws(BackupError) {
        let value: JSONValue
        do throws(BackupError) { value = try JSONParser.parse(line, limits: .init(size: Self.lineLimit)) } catch {
            throw .message("a line that is not JSON: \(error.message)")
        }
        guard let object = value.objectValue, let kind = object["kind"]?.stringValue else {
            throw .message("\(value.shown) without a text \"kind\", expected an object that has one")
        }
        if let known = Self.keys[kind], let slip = object.keys.filter({ !known.contains($0) && $0 != "kind" }).min() {
            throw .message("\"\(kind)\" with the key \"\(slip.escapedForMessage)\", which protocol 1 does not have")
        }
        guard content.end == nil else { throw .message("a message after \"end\"") }
        switch kind {
        case "note": try note(object)
        case "progress": try progress(object)
        case "state": try state(object)
        case "policies": try policies(object)
        case "type": try type(object)
        case "restore":
            let text = try text(object, kind, longest: Self.longestHint)
            mutex.withLock { $0.hint = text }
        case "end":
            guard let bytes = object["bytes"]?.integerValue, bytes >= 0 else {
                throw .message("\"end\" with bytes \(object["bytes"]?.shown ?? "missing"), expected a whole number")
            }
            mutex.withLock { $0.end = bytes }
        default: throw .message("a message of the kind \"\(kind.escapedForMessage)\", which protocol 1 does not have")
        }
    }

    private func text(_ object: JSONObject, _ kind: String, longest: Int) throws(BackupError) -> String {
        guard let text = object["text"]?.stringValue, text.utf8.count <= longest else {
            throw .message(
                "\"\(kind)\" with text \(object["text"]?.shown ?? "missing"), expected a text of at most \(longest) bytes"
            )
        }
        return text
    }

    private func note(_ object: JSONObject) throws(BackupError) {
        let text = ProgramAnswer.line(try text(object, "note", longest: Self.lineLimit))
        mutex.withLock { content in
            guard content.notes.count < Self.maximumNotes else { return content.droppedNotes += 1 }
            content.notes.append(text)
        }
    }

    private func progress(_ object: JSONObject) throws(BackupError) {
        var words: [String] = []
        for key in ["done", "total"] {
            guard let value = object[key], !value.isNull else { continue }
            guard let number = value.integerValue, number >= 0 else {
                throw .message("\"progress\" with \(key) \(value.shown), expected a whole number")
            }
            words.append((words.isEmpty ? "" : "of ") + "\(number)")
        }
        if object["text"] != nil {
            words.append(ProgramAnswer.line(try text(object, "progress", longest: Self.lineLimit)))
        }
        mutex.withLock { $0.progress = words.joined(separator: " ") }
    }

    private func state(_ object: JSONObject) throws(BackupError) {
        guard let state = object["state"] else { throw .message("\"state\" without the key state") }
        let size = state.compactText.utf8.count
        guard size <= Self.maximumState else {
            throw .message("a state of \(size) bytes, more than \(Self.maximumState)")
        }
        mutex.withLock { $0.state = state }
    }

    private func policies(_ object: JSONObject) throws(BackupError) {
        let value = object["policies"]
        guard let items = value?.arrayValue, items.count <= Self.maximumPolicies,
            items.allSatisfy({ $0.stringValue.map(ElementMetadata.isHandlingPolicy) == true })
        else {
            throw .message(
                "\"policies\" with \(value?.shown ?? "nothing"), expected at most \(Self.maximumPolicies) names of "
                    + "A-Z a-z 0-9 space . / and -")
        }
        mutex.withLock { $0.policies = items.compactMap(\.stringValue) }
    }

    private func type(_ object: JSONObject) throws(BackupError) {
        guard let type = object["type"]?.stringValue.flatMap(BackupType.init(rawValue:)) else {
            throw .message("\"type\" with \(object["type"]?.shown ?? "nothing"), expected \"full\" or \"inc\"")
        }
        guard type == .full || planned == .inc else {
            throw .message("that it makes an increment, but it was told to make a full backup (GB_TYPE)")
        }
        mutex.withLock { $0.isFull = type == .full && planned == .inc }
    }
}
