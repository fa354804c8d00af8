extension JSONValue {
    /// The canonical form of element metadata: ASCII only, keys sorted by their code points, separators `", "` and
    /// `": "`, no newline at the end; the bytes that Python's `json.dumps(value, sort_keys=True)` gives.
    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// The bytes of ``canonicalText``.
    package var canonicalBytes: [UInt8] {
        var writer = JSONWriter(item: ", ", key: ": ")
        writer.write(self)
        return writer.bytes
    }

    /// As ``canonicalText``, without the blanks: for the journal and for `--json` output.
    package var compactText: String { String(decoding: compactBytes, as: UTF8.self) }

    /// The bytes of ``compactText``.
    package var compactBytes: [UInt8] {
        var writer = JSONWriter(item: ",", key: ":")
        writer.write(self)
        return writer.bytes
    }
}

/// Writes values as bytes: a listing holds the metadata of many elements, and appending to a string scalar by scalar
/// takes most of the time that making it does.
private struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private let itemSeparator: StaticString
    private let keySeparator: StaticString

    init(item: StaticString, key: StaticString) {
        itemSeparator = item
        keySeparator = key
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write("null")
        case .bool(let value): write(value ? "true" : "false")
        case .number(let number): bytes.append(contentsOf: number.utf8)
        case .string(let value): write(quoted: value)
        case .array(let items):
            write("[")
            for (index, item) in items.enumerated() {
                if index > 0 { write(itemSeparator) }
                write(item)
            }
            write("]")
        case .object(let object):
            write("{")
            // The order of UTF-8 is that of code points, which is Python's; Swift's `<` on strings compares canonical
            // equivalents.
            let sorted = object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { write(itemSeparator) }
                write(quoted: member.key)
                write(keySeparator)
                write(member.value)
            }
            write("}")
        }
    }

    private mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func write(quoted value: String) {
        write("\"")
        // Nearly all strings are plain, or JSON themselves: what needs no escape is taken in one piece.
        var rest = value.utf8[...]
        while !rest.isEmpty {
            let plain = rest.prefix(while: Self.isPlain)
            bytes.append(contentsOf: plain)
            rest = rest[plain.endIndex...]
            guard let first = value.unicodeScalars[rest.startIndex...].first else { break }
            write(escaped: first)
            rest = rest.dropFirst(UTF8.width(first))
        }
        write("\"")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func write(escaped scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": write("\\\"")
        case "\\": write("\\\\")
        case "\n": write("\\n")
        case "\r": write("\\r")
        case "\t": write("\\t")
        case "\u{08}": write("\\b")
        case "\u{0c}": write("\\f")
        case "\u{20}"..."\u{7e}": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
        default:
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                write("\\u")
                bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.count))
                bytes.append(contentsOf: digits.utf8)
            }
        }
    }
}
