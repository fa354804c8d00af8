import BackupConfig
import BackupModel

/// What a program says of itself: the answer to `describe`.
struct ProgramDescription: Sendable, Hashable {
    let name: String
    let version: String?

    /// The version of the protocol that is spoken here.
    static let protocolVersion: Int64 = 1
    private static let longestName = 200

    /// - Throws: `damaged` for what is no such answer; `configuration` for another version of the protocol.
    init(parsing bytes: [UInt8]) throws(BackupError) {
        let object = try ProgramAnswer.object(bytes)
        guard let spoken = object["protocol"] else { throw .answer("the key \"protocol\" is missing") }
        guard let version = spoken.integerValue else {
            throw .answer("\"protocol\" is \(spoken.shown), expected a whole number")
        }
        guard version == Self.protocolVersion else { throw .otherProtocol(version) }
        try ProgramAnswer.checkKeys(object, ["protocol", "name", "version", "description"], "")
        guard let name = try ProgramAnswer.text(object, "name", Self.longestName, ""), !name.isEmpty else {
            throw .answer("the key \"name\" is missing")
        }
        self.name = name
        self.version = try ProgramAnswer.text(object, "version", Self.longestName, "")
        _ = try ProgramAnswer.text(object, "description", 4096, "")
    }
}

/// What a program wants to have backed up: the answer to `plan`.
struct ProgramPlan: Sendable, Hashable {
    /// How the bytes of a source are put together again.
    enum Format: String, Sendable {
        case bytes, tar, append
    }

    enum When: Sendable, Hashable {
        case due(Timestamp, BackupType)
        case timing(full: TimingSetting, inc: TimingSetting?)
    }

    struct Source: Sendable, Hashable {
        let source: SourceURL
        let format: Format
        let when: When
        /// In the program's words; empty for none.
        let reason: String
    }

    var sources: [SourceURL: Source] = [:]
    var notes: [String] = []

    static let maximumSources = 10_000
    static let maximumNotes = 20
    /// Seconds from now; what is due later would be forgotten by everybody.
    static let furthestDue: Int64 = 366 * 86400
    private static let longestReason = 500

    init() {}

    /// - Parameter prefix: what all sources must lie in or below; `nil` for anything.
    /// - Throws: `damaged` for the first thing that is not as it must be: of a plan that is wrong in part nothing is
    ///   used.
    init(parsing bytes: [UInt8], prefix: SourceURL?, now: Timestamp) throws(BackupError) {
        let object = try ProgramAnswer.object(bytes)
        try ProgramAnswer.checkKeys(object, ["sources", "notes"], "")
        guard let list = object["sources"]?.arrayValue else {
            throw .answer("the key \"sources\" is \(object["sources"]?.shown ?? "missing"), expected a list")
        }
        guard list.count <= Self.maximumSources else {
            throw .answer("it names \(list.count) sources, more than \(Self.maximumSources)")
        }
        for (index, item) in list.enumerated() {
            let source = try Self.source(item, "sources[\(index)]", now)
            if let prefix, source.source != prefix,
                !source.source.description.hasPrefix(prefix.description + "/")
            {
                throw .sourceOutside(source.source, prefix)
            }
            guard sources.updateValue(source, forKey: source.source) == nil else {
                throw .answer("the source \(source.source) stands in it twice")
            }
        }
        guard let notes = object["notes"] else { return }
        guard let texts = notes.arrayValue, texts.allSatisfy({ $0.stringValue != nil }) else {
            throw .answer("\"notes\" is \(notes.shown), expected a list of texts")
        }
        self.notes = texts.prefix(Self.maximumNotes).compactMap { $0.stringValue.map(ProgramAnswer.line) }
    }

    private static func source(_ item: JSONValue, _ place: String, _ now: Timestamp) throws(BackupError) -> Source {
        guard let object = item.objectValue else { throw .answer("\(place) is \(item.shown), expected an object") }
        let known: Set = ["source", "format", "type", "due", "full_timing", "inc_timing", "reason"]
        try ProgramAnswer.checkKeys(object, known, place + ".")
        guard let text = object["source"]?.stringValue else {
            throw .answer("\(place).source is \(object["source"]?.shown ?? "missing"), expected a source URL")
        }
        let url: SourceURL
        do throws(BackupError) { url = try SourceURL(text) } catch {
            throw .answer("\(place).source: \(error.message)")
        }
        var format = Format.bytes
        if let value = object["format"] {
            guard let known = value.stringValue.flatMap(Format.init(rawValue:)) else {
                throw .answer("\(place).format is \(value.shown), expected \"bytes\", \"tar\" or \"append\"")
            }
            format = known
        }
        let reason = try ProgramAnswer.text(object, "reason", longestReason, place + ".") ?? ""
        return Source(source: url, format: format, when: try when(object, place, now), reason: reason)
    }

    private static func when(_ object: JSONObject, _ place: String, _ now: Timestamp) throws(BackupError) -> When {
        let isTimed = object["full_timing"] != nil || object["inc_timing"] != nil
        let isDue = object["due"] != nil || object["type"] != nil
        guard isTimed != isDue else {
            throw .answer("\(place) must have either \"type\" and \"due\", or \"full_timing\"")
        }
        if isTimed {
            guard let full = object["full_timing"] else { throw .answer("\(place).full_timing is missing") }
            let inc = object["inc_timing"].flatMap { $0.isNull ? nil : $0 }
            return .timing(
                full: try timing(full, place + ".full_timing"),
                inc: try inc.map { value throws(BackupError) in try timing(value, place + ".inc_timing") })
        }
        guard let type = object["type"]?.stringValue.flatMap(BackupType.init(rawValue:)) else {
            throw .answer("\(place).type is \(object["type"]?.shown ?? "missing"), expected \"full\" or \"inc\"")
        }
        guard let due = object["due"]?.integerValue else {
            throw .answer("\(place).due is \(object["due"]?.shown ?? "missing"), expected whole seconds since 1970")
        }
        guard due >= 0 else { throw .answer("\(place).due is \(due), before 1970") }
        guard due <= now.seconds + furthestDue else {
            throw .answer(
                "\(place).due is \(due), more than \(TimeSpan(seconds: furthestDue)) from now: are these milliseconds?")
        }
        return .due(Timestamp(due), type)
    }

    private static func timing(_ value: JSONValue, _ place: String) throws(BackupError) -> TimingSetting {
        guard let object = value.objectValue else { throw .answer("\(place) is \(value.shown), expected an object") }
        try ProgramAnswer.checkKeys(object, ["min", "max", "every", "offset"], place + ".")
        func span(_ key: String) throws(BackupError) -> TimeSpan? {
            guard let value = object[key], !value.isNull else { return nil }
            guard let text = value.stringValue, let span = try? TimeSpan(parsing: text) else {
                throw .answer("\(place).\(key) is \(value.shown), expected a duration like \"1d\"")
            }
            return span
        }
        let every = try span("every")
        let offset = try span("offset")
        guard let minimum = try span("min"), let maximum = try span("max") else {
            throw .answer("\(place) needs \"min\" and \"max\"")
        }
        guard minimum <= maximum, maximum > .zero else {
            throw .answer("\(place): expected is 0 <= min <= max, max > 0")
        }
        if let every, every <= .zero { throw .answer("\(place).every is no duration above 0") }
        if let offset {
            guard let every, offset < every else { throw .answer("\(place).offset must be less than \"every\"") }
        }
        return TimingSetting(minimum: minimum, maximum: maximum, modulus: every, offset: offset ?? .zero)
    }
}

/// What answers have in common.
enum ProgramAnswer {
    /// Bytes.
    static let limit = 1 << 20
    private static let longestLine = 1000

    static func object(_ bytes: [UInt8]) throws(BackupError) -> JSONObject {
        guard bytes.count <= limit else { throw .answer("it is longer than \(limit) bytes") }
        let value: JSONValue
        do throws(BackupError) { value = try JSONParser.parse(bytes, limits: .init(size: limit)) } catch {
            throw .answer("it is not JSON: \(error.message)")
        }
        guard let object = value.objectValue else { throw .answer("it is \(value.shown), expected an object") }
        return object
    }

    /// What nobody knows may be a slip in what matters: it is never passed over.
    static func checkKeys(_ object: JSONObject, _ known: Set<String>, _ place: String) throws(BackupError) {
        guard let unknown = object.keys.filter({ !known.contains($0) }).min() else { return }
        throw .answer("the key \"\(place)\(unknown.escapedForMessage)\" is not one of protocol 1")
    }

    static func text(
        _ object: JSONObject, _ key: String, _ longest: Int, _ place: String
    ) throws(BackupError) -> String? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let text = value.stringValue, text.utf8.count <= longest else {
            throw .answer("\(place)\(key) is \(value.shown), expected a text of at most \(longest) bytes")
        }
        return text.escapedForMessage
    }

    /// A text of the program's, as it can be shown.
    static func line(_ text: String) -> String {
        text.utf8.count <= longestLine
            ? text.escapedForMessage : String(text.prefix(longestLine / 4)).escapedForMessage + " …"
    }
}

extension JSONValue {
    /// What it is, for a message.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let text): String(text.prefix(40))
        case .string(let text): "\"\(String(text.prefix(60)).escapedForMessage)\""
        case .array: "a list"
        case .object: "an object"
        }
    }
}
