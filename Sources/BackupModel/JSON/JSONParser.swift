/// Reads one JSON value from bytes that nobody vouches for.
///
/// RFC 8259, and stricter where leniency would be a hole: UTF-8 must be valid, a key may stand only once in an
/// object, nothing may follow the value, and depth and size are bounded.
package struct JSONParser {
    /// What a text may be at most.
    package struct Limits: Sendable {
        /// Bytes of the whole text.
        package var size: Int
        /// Arrays and objects inside each other.
        package var depth: Int

        package init(size: Int = 1 << 20, depth: Int = 32) {
            self.size = size
            self.depth = depth
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private let limits: Limits
    private var position = 0
    private var depth = 0

    private init(_ bytes: UnsafeRawBufferPointer, _ limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// Parses a whole text.
    ///
    /// - Throws: `BackupError` with code `damaged`, naming reason and byte.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: Limits = Limits()
    ) throws(BackupError) -> JSONValue {
        guard bytes.count <= limits.size else {
            throw .json("\(bytes.count) bytes are more than the limit of \(limits.size)", at: limits.size)
        }
        var parser = JSONParser(bytes, limits)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw .json("something follows the value", at: parser.position) }
        return value
    }

    package static func parse(_ bytes: [UInt8], limits: Limits = Limits()) throws(BackupError) -> JSONValue {
        // A typed error does not pass through `withUnsafeBytes`, so the result does.
        let result = bytes.withUnsafeBytes { buffer -> Result<JSONValue, BackupError> in
            do throws(BackupError) { return .success(try parse(buffer, limits: limits)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    package static func parse(_ text: String, limits: Limits = Limits()) throws(BackupError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    // MARK: - Grammar

    private mutating func value() throws(BackupError) -> JSONValue {
        skipSpace()
        guard position < bytes.count else { throw .json("the text ends where a value should be", at: position) }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw .json("no value begins like this", at: position)
        }
    }

    private mutating func object() throws(BackupError) -> JSONObject {
        try enter()
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return JSONObject(members)
        }
        while true {
            skipSpace()
            let keyPosition = position
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw .json("a key in quotes is expected", at: position)
            }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .json("':' is expected", at: position) }
            guard members.updateValue(try value(), forKey: key) == nil else {
                throw .json("the key \"\(key.escapedForMessage)\" stands twice", at: keyPosition)
            }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw .json("',' or '}' is expected", at: position) }
            depth -= 1
            return JSONObject(members)
        }
    }

    private mutating func array() throws(BackupError) -> [JSONValue] {
        try enter()
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return items
        }
        while true {
            items.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw .json("',' or ']' is expected", at: position) }
            depth -= 1
            return items
        }
    }

    private mutating func enter() throws(BackupError) {
        depth += 1
        guard depth <= limits.depth else { throw .json("more than \(limits.depth) levels", at: position) }
        position += 1
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(BackupError) -> JSONValue {
        let length = text.utf8CodeUnitCount
        guard position + length <= bytes.count else { throw .json("the text ends within a word", at: bytes.count) }
        for index in 0..<length where bytes[position + index] != text.utf8Start[index] {
            throw .json("no value begins like this", at: position)
        }
        position += length
        return value
    }

    private mutating func number() throws(BackupError) -> String {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) {
            guard digits() > 0 else { throw .json("a digit is expected", at: position) }
        }
        if take(UInt8(ascii: ".")) {
            guard digits() > 0 else { throw .json("a digit is expected", at: position) }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() > 0 else { throw .json("a digit is expected", at: position) }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        return position - start
    }

    // MARK: - Strings

    private mutating func string() throws(BackupError) -> String {
        position += 1
        let start = position
        // Nearly all strings have no escapes: they are taken in one piece.
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let text = try utf8(start..<position)
                position += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { break }
            guard byte >= 0x20 else { throw .json("a control character in a string", at: position) }
            position += 1
        }
        var text = try utf8(start..<position)
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                text.unicodeScalars.append(try escape())
            case 0..<0x20:
                throw .json("a control character in a string", at: position)
            default:
                let run = position
                while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
                    bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20
                { position += 1 }
                text += try utf8(run..<position)
            }
        }
        throw .json("the text ends within a string", at: bytes.count)
    }

    private func utf8(_ range: Range<Int>) throws(BackupError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw .json("invalid UTF-8 in the string", at: range.lowerBound)
        }
        return text
    }

    private mutating func escape() throws(BackupError) -> Unicode.Scalar {
        guard position < bytes.count else { throw .json("the text ends within a string", at: position) }
        defer { position += 1 }
        switch bytes[position] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let start = position
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xdc00, position + 2 < bytes.count, bytes[position + 1] == UInt8(ascii: "\\"),
                bytes[position + 2] == UInt8(ascii: "u")
            else { throw .json("half of a surrogate pair", at: start) }
            position += 2
            let second = try hexadecimal()
            guard (0xdc00...0xdfff).contains(second),
                let scalar = Unicode.Scalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            else { throw .json("half of a surrogate pair", at: start) }
            return scalar
        default: throw .json("an unknown escape", at: position)
        }
    }

    /// Reads the four digits after the `u` at `position`; leaves `position` at the last of them.
    private mutating func hexadecimal() throws(BackupError) -> UInt32 {
        guard position + 4 < bytes.count else { throw .json("the text ends within a string", at: bytes.count) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            position += 1
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw .json("a hexadecimal digit is expected", at: position)
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }
}
