/// A JSON value that forgets nothing: numbers keep the text they were written with, and so an element's metadata
/// can be written back byte for byte, keys that we do not know included.
///
/// Foundation's coders turn numbers into `Double` or `Int`, accept a key twice, and write in a form of their own;
/// signatures and the original's `.info` files need the canonical form, so the codec is ours.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as it was written, for example `1795220058` or `1e3`.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    package var isNull: Bool { self == .null }

    package var stringValue: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    package var boolValue: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    /// The value as an integer; `nil` for fractions, exponents and what does not fit 64 bits.
    package var integerValue: Int64? {
        if case .number(let text) = self { return Int64(text) }
        return nil
    }

    package var arrayValue: [JSONValue]? {
        if case .array(let value) = self { return value }
        return nil
    }

    package var objectValue: JSONObject? {
        if case .object(let value) = self { return value }
        return nil
    }
}

/// The members of a JSON object, each key once. Writing sorts them; reading keeps no order.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package private(set) var members: [String: JSONValue]

    package init(_ members: [String: JSONValue] = [:]) { self.members = members }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        members = Dictionary(elements, uniquingKeysWith: { _, last in last })
    }

    package subscript(key: String) -> JSONValue? {
        get { members[key] }
        set { members[key] = newValue }
    }

    package var isEmpty: Bool { members.isEmpty }

    package var keys: some Sequence<String> { members.keys }
}
