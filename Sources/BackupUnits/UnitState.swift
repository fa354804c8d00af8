import BackupModel

/// What a unit remembers of one source: `[last full time, last any time, base64 UUID of last]`.
struct SourceState: Hashable {
    var lastFull: Timestamp
    /// Of the last element, whatever its type.
    var last: Timestamp
    var uuid: ElementUUID

    init(lastFull: Timestamp, last: Timestamp, uuid: ElementUUID) {
        self.lastFull = lastFull
        self.last = last
        self.uuid = uuid
    }

    /// 1970 to 9999.
    static let validTimes: ClosedRange<Int64> = 0...253_402_300_799

    /// `nil` when `value` is not in the form above. Times before 1970 or after the year 9999 are not either.
    init?(_ value: JSONValue) {
        guard let items = value.arrayValue, items.count >= 3,
            let full = items[0].integerValue, Self.validTimes.contains(full),
            let any = items[1].integerValue, Self.validTimes.contains(any),
            let uuid = items[2].stringValue.flatMap({ ElementUUID(base64: $0) })
        else { return nil }
        self.init(lastFull: Timestamp(full), last: Timestamp(any), uuid: uuid)
    }

    var json: JSONValue { .array([.integer(lastFull.seconds), .integer(last.seconds), .string(uuid.base64)]) }
}

/// The form in which a kind of unit keeps its state: that of the original.
enum StateForm: Sendable {
    /// `{"<source URL>": [last full time, last any time, base64 UUID of last]}`
    case runs
    /// `[last run time, {"<source URL>": base64 UUID of last}]`: one time for all sources.
    case looks
}

/// The contents of a state file. Entries of sources that are not configured any more are kept as they are.
struct UnitState: Hashable {
    let form: StateForm
    /// What is remembered of the sources.
    var object: JSONObject = [:]
    /// Of ``StateForm/looks``: when the last round ended; `nil` if there was none.
    var lastLook: Timestamp?
    /// Items that a list of ``StateForm/looks`` has behind those we know.
    private var more: [JSONValue] = []
    /// Why this is not what `state.current` holds, and so may be older than the chain; `nil` for the good case.
    var fallback: String?

    /// - Throws: `damaged` when it is not in that form.
    init(parsing bytes: [UInt8], path: String, form: StateForm = .runs) throws(BackupError) {
        self.form = form
        let value = try JSONParser.parse(bytes, limits: .init(size: Self.maximumSize))
        switch form {
        case .runs:
            guard let object = value.objectValue else { throw .stateUnusable(path, "it is no JSON object") }
            for (key, entry) in object.members where key.hasPrefix("/") && SourceState(entry) == nil {
                throw .stateUnusable(path, "the entry \"\(key.escapedForMessage)\" is not [time, time, UUID]")
            }
            self.object = object
        case .looks:
            guard let items = value.arrayValue, items.count >= 2, let seconds = items[0].integerValue,
                SourceState.validTimes.contains(seconds), let object = items[1].objectValue
            else { throw .stateUnusable(path, "it is not [time, {source: UUID}]") }
            for (key, entry) in object.members where key.hasPrefix("/") && Self.uuid(entry) == nil {
                throw .stateUnusable(path, "the entry \"\(key.escapedForMessage)\" is no UUID")
            }
            self.object = object
            lastLook = Timestamp(seconds)
            more = Array(items.dropFirst(2))
        }
    }

    init(form: StateForm = .runs) { self.form = form }

    /// Bytes; more than any number of sources needs.
    static let maximumSize = 8 << 20

    /// Of ``StateForm/runs``.
    subscript(source: SourceURL) -> SourceState? {
        get { object[source.description].flatMap { SourceState($0) } }
        set { object[source.description] = newValue?.json }
    }

    private static func uuid(_ entry: JSONValue) -> ElementUUID? {
        entry.stringValue.flatMap { ElementUUID(base64: $0) }
    }

    /// The UUID of the last element of `source`.
    func uuid(of source: SourceURL) -> ElementUUID? {
        switch form {
        case .runs: self[source]?.uuid
        case .looks: object[source.description].flatMap(Self.uuid)
        }
    }

    /// Of ``StateForm/looks``.
    mutating func setUUID(_ uuid: ElementUUID, of source: SourceURL) {
        object[source.description] = .string(uuid.base64)
    }

    /// Takes over what `other` remembers of `source`.
    mutating func takeEntry(_ source: SourceURL, from other: UnitState) {
        object[source.description] = other.object[source.description]
    }

    /// All sources of which something is remembered, in the order of their names.
    var sources: [SourceURL] { object.keys.compactMap { try? SourceURL($0) }.sorted() }

    var text: [UInt8] {
        let value: JSONValue =
            switch form {
            case .runs: .object(object)
            case .looks: .array([.integer(lastLook?.seconds ?? 0), .object(object)] + more)
            }
        return Array(value.canonicalText.utf8)
    }

    /// The sources whose entry is another one than in `older`.
    func changes(since older: UnitState) -> [SourceURL] {
        object.members.compactMap { key, value in
            guard older.object[key] != value else { return nil }
            return try? SourceURL(key)
        }.sorted()
    }
}
