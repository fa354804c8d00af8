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

    /// `nil` when `value` is not in the form above. Times before 1970 or after the year 9999 are not either.
    init?(_ value: JSONValue) {
        let valid: ClosedRange<Int64> = 0...253_402_300_799
        guard let items = value.arrayValue, items.count >= 3,
            let full = items[0].integerValue, valid.contains(full),
            let any = items[1].integerValue, valid.contains(any),
            let uuid = items[2].stringValue.flatMap({ ElementUUID(base64: $0) })
        else { return nil }
        self.init(lastFull: Timestamp(full), last: Timestamp(any), uuid: uuid)
    }

    var json: JSONValue { .array([.integer(lastFull.seconds), .integer(last.seconds), .string(uuid.base64)]) }
}

/// The contents of a state file. Entries of sources that are not configured any more are kept as they are.
struct UnitState: Hashable {
    var object: JSONObject = [:]
    /// Why this is not what `state.current` holds, and so may be older than the chain; `nil` for the good case.
    var fallback: String?

    /// - Throws: `damaged` when it is no object, or an entry is not in the form of ``SourceState``.
    init(parsing bytes: [UInt8], path: String) throws(BackupError) {
        let value = try JSONParser.parse(bytes, limits: .init(size: Self.maximumSize))
        guard let object = value.objectValue else { throw .stateUnusable(path, "it is no JSON object") }
        for (key, entry) in object.members where key.hasPrefix("/") && SourceState(entry) == nil {
            throw .stateUnusable(path, "the entry \"\(key.escapedForMessage)\" is not [time, time, UUID]")
        }
        self.object = object
    }

    init() {}

    /// Bytes; more than any number of sources needs.
    static let maximumSize = 8 << 20

    subscript(source: SourceURL) -> SourceState? {
        get { object[source.description].flatMap { SourceState($0) } }
        set { object[source.description] = newValue?.json }
    }

    var text: [UInt8] { Array(JSONValue.object(object).canonicalText.utf8) }

    /// The sources whose entry is another one than in `older`.
    func changes(since older: UnitState) -> [SourceURL] {
        object.members.compactMap { key, value in
            guard older.object[key] != value else { return nil }
            return try? SourceURL(key)
        }.sorted()
    }
}
