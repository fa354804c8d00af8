import BackupModel

/// Builds the canonical text of an object whose fields come in the order of their keys, without making the object: a long
/// log gives millions of lines.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []
    private var members: [String: JSONValue]
    private let isDirect: Bool

    /// - Parameter unknown: members to write as well; with any, everything is collected and sorted.
    init(unknown: JSONObject) {
        isDirect = unknown.isEmpty
        members = unknown.members
        if isDirect { bytes.reserveCapacity(512) }
    }

    /// Adds a field. `nil` is written as `null`.
    mutating func add(_ key: StaticString, _ value: JSONValue?) {
        let value = value ?? .null
        guard isDirect else {
            members[String(describing: key)] = value
            return
        }
        addKey(key)
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(var text):
            // Nearly all are plain, and taken in one piece.
            let isPlain = text.withUTF8 { characters in
                guard characters.allSatisfy(Self.isPlain) else { return false }
                bytes.append(UInt8(ascii: "\""))
                bytes.append(contentsOf: characters)
                bytes.append(UInt8(ascii: "\""))
                return true
            }
            if !isPlain { bytes.append(contentsOf: value.canonicalBytes) }
        default: bytes.append(contentsOf: value.canonicalBytes)
        }
    }

    private mutating func addKey(_ key: StaticString) {
        append(bytes.isEmpty ? "{\"" : ", \"")
        append(key)
        append("\": ")
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Adds where a line stands.
    mutating func add(_ key: StaticString, _ position: LogPosition?) {
        guard let position, isDirect else { return add(key, position.map(\.json)) }
        addKey(key)
        bytes.append(UInt8(ascii: "{"))
        if let digest = position.digest {
            append("\"Digest\": \"")
            bytes.append(contentsOf: digest.hexadecimalDigits.utf8)
            append("\", ")
        }
        append("\"Length\": ")
        bytes.append(contentsOf: String(position.length).utf8)
        append(", \"Offset\": ")
        bytes.append(contentsOf: String(position.offset).utf8)
        bytes.append(UInt8(ascii: "}"))
    }

    mutating func add(_ key: StaticString, _ text: String?) { add(key, text.map { JSONValue.string($0) }) }

    mutating func add(_ key: StaticString, _ number: Int64?) { add(key, number.map { JSONValue.integer($0) }) }

    /// Adds a field that is left out when there is nothing to say.
    mutating func addIfPresent(_ key: StaticString, _ value: JSONValue?) {
        if let value { add(key, value) }
    }

    mutating func addIfPresent(_ key: StaticString, _ text: String?) {
        if let text { add(key, JSONValue.string(text)) }
    }

    mutating func addIfPresent(_ key: StaticString, _ number: Int64?) {
        if let number { add(key, JSONValue.integer(number)) }
    }

    /// The whole text, without a newline.
    mutating func finish() -> [UInt8] {
        guard isDirect else { return JSONValue.object(JSONObject(members)).canonicalBytes }
        append(bytes.isEmpty ? "{}" : "}")
        return bytes
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
