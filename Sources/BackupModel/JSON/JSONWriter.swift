extension JSONValue {
    /// The canonical form of element metadata: ASCII only, keys sorted by their code points, separators `", "` and
    /// `": "`, no newline at the end; the bytes that Python's `json.dumps(value, sort_keys=True)` gives.
    package var canonicalText: String {
        var text = ""
        write(to: &text, separators: (", ", ": "))
        return text
    }

    /// As ``canonicalText``, without the blanks: for the journal and for `--json` output.
    package var compactText: String {
        var text = ""
        write(to: &text, separators: (",", ":"))
        return text
    }

    private func write(to text: inout String, separators: (item: String, key: String)) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let number): text += number
        case .string(let value): Self.write(value, to: &text)
        case .array(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += separators.item }
                item.write(to: &text, separators: separators)
            }
            text += "]"
        case .object(let object):
            text += "{"
            // Python sorts by code point; Swift's `<` on strings compares canonical equivalents.
            let sorted = object.members.sorted {
                $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars)
            }
            for (index, member) in sorted.enumerated() {
                if index > 0 { text += separators.item }
                Self.write(member.key, to: &text)
                text += separators.key
                member.value.write(to: &text, separators: separators)
            }
            text += "}"
        }
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{08}": text += "\\b"
            case "\u{0c}": text += "\\f"
            case "\u{20}"..."\u{7e}": text.unicodeScalars.append(scalar)
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        text += "\""
    }
}
