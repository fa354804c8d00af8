import BackupModel

/// Reads the members of the state of a parser. A missing member is like `null`; one of another type makes the state unusable.
struct StateFields {
    private let object: JSONObject
    private let manager: String

    init(_ object: JSONObject, manager: String) {
        self.object = object
        self.manager = manager
    }

    private func value<Value>(_ key: String, _ convert: (JSONValue) -> Value?) throws(BackupError) -> Value? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let converted = convert(value) else { throw .parserState(manager, "\(key) is not what it must be") }
        return converted
    }

    func integer(_ key: String) throws(BackupError) -> Int64? { try value(key, \.integerValue) }

    func text(_ key: String) throws(BackupError) -> String? { try value(key, \.stringValue) }

    func flag(_ key: String) throws(BackupError) -> Bool { try value(key, \.boolValue) ?? false }

    func bytes(_ key: String) throws(BackupError) -> [UInt8]? { try value(key, \.bytesValue) }

    func object(_ key: String) throws(BackupError) -> StateFields? {
        try value(key, \.objectValue).map { StateFields($0, manager: manager) }
    }

    func objects(_ key: String) throws(BackupError) -> [StateFields] {
        var fields: [StateFields] = []
        for item in try value(key, \.arrayValue) ?? [] {
            guard let object = item.objectValue else { throw .parserState(manager, "\(key) is not a list of objects") }
            fields.append(StateFields(object, manager: manager))
        }
        return fields
    }

    func position(_ key: String) throws(BackupError) -> LogPosition {
        let fields = try required(key, try object(key))
        return LogPosition(
            offset: try fields.required("Offset", try fields.integer("Offset")),
            length: Int(truncatingIfNeeded: try fields.required("Length", try fields.integer("Length"))),
            digest: try fields.text("Digest").flatMap { UInt64(hexadecimalDigits: $0) })
    }

    func required<Value>(_ key: String, _ value: Value?) throws(BackupError) -> Value {
        guard let value else { throw .parserState(manager, "\(key) is missing") }
        return value
    }
}

extension JSONValue {
    /// Bytes that are nearly always text: as a string, otherwise in base64.
    static func bytes(_ bytes: [UInt8]) -> JSONValue {
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        return .object(["Base64": .string(Base64.encode(bytes))])
    }

    fileprivate var bytesValue: [UInt8]? {
        switch self {
        case .string(let text): return Array(text.utf8)
        case .object(let object): return object["Base64"]?.stringValue.flatMap { Base64.decode($0) }
        default: return nil
        }
    }

    static func optional(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
    static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

extension JSONObject {
    /// This object without the members that say nothing: `null`, `false`, and empty lists.
    var withoutEmptyMembers: JSONObject {
        JSONObject(members.filter { $0.value != .null && $0.value != .bool(false) && $0.value != .array([]) })
    }
}
