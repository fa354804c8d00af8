import BackupModel
import NIOCore

/// What a text in a message must look like.
enum TextForm {
    /// Names something to a program: 1 to so many bytes of visible ASCII.
    case identifier(Int)
    /// Names a peer: 1 to 64 of `A-Z a-z 0-9 - _ .`, no `.` in front.
    case agent
    /// For people: 1 to so many bytes, without control characters.
    case line(Int)

    func accepts(_ text: String) -> Bool {
        switch self {
        case .identifier(let most):
            return (1...max(1, most)).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        case .agent:
            return (1...64).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".")
                && text.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                        UInt8(ascii: "."):
                        true
                    default: false
                    }
                }
        case .line(let most):
            return (1...max(1, most)).contains(text.utf8.count)
                && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }
    }

    /// The form in words, for messages.
    var description: String {
        switch self {
        case .identifier(let most): "1 to \(most) visible ASCII characters"
        case .agent: "a name of 1 to 64 of A-Z a-z 0-9 - _ . without '.' in front"
        case .line(let most): "1 to \(most) bytes without control characters"
        }
    }
}

/// Takes a message of the peer apart; every refusal names the message.
struct MessageReader {
    /// Year 9999, as for the metadata of elements.
    static let seconds = Int64(0)...253_402_300_799

    /// What is read, for example "the answer to getPolicyInfo".
    let message: String

    func malformed(_ reason: String, cause: BackupError? = nil) -> BackupError {
        .malformed(message, reason, cause: cause)
    }

    /// - Parameter levels: the levels of JSON that the message itself has around what is not its own.
    func json(_ bytes: ByteBuffer, limits: ProtocolLimits, levels: Int = 0) throws(BackupError) -> JSONValue {
        let limits = JSONParser.Limits(size: limits.frameLength, depth: limits.jsonDepth + levels)
        // A typed error does not pass through `withUnsafeReadableBytes`, so the result does.
        let result = bytes.withUnsafeReadableBytes { buffer -> Result<JSONValue, BackupError> in
            do throws(BackupError) { return .success(try JSONParser.parse(buffer, limits: limits)) } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error): throw malformed("it cannot be read", cause: error)
        }
    }

    func object(_ value: JSONValue?, _ what: String = "it") throws(BackupError) -> JSONObject {
        guard let object = value?.objectValue else { throw malformed("\(what) is no object") }
        return object
    }

    func list(_ value: JSONValue?, _ what: String = "it") throws(BackupError) -> [JSONValue] {
        guard let items = value?.arrayValue else { throw malformed("\(what) is no list") }
        return items
    }

    func bool(_ value: JSONValue?, _ what: String = "it") throws(BackupError) -> Bool {
        guard let value = value?.boolValue else { throw malformed("\(what) is neither true nor false") }
        return value
    }

    func integer(_ value: JSONValue?, _ what: String, in range: ClosedRange<Int64>) throws(BackupError) -> Int64 {
        guard let number = value?.integerValue, range.contains(number) else {
            throw malformed("\(what) is no integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func text(_ value: JSONValue?, _ what: String, _ form: TextForm) throws(BackupError) -> String {
        guard let text = value?.stringValue, form.accepts(text) else {
            throw malformed("\(what) is not \(form.description)")
        }
        return text
    }

    /// `nil` where the value is missing or `null`.
    func optionalText(_ value: JSONValue?, _ what: String, _ form: TextForm) throws(BackupError) -> String? {
        guard let value, !value.isNull else { return nil }
        return try text(value, what, form)
    }

    /// `nil` where the value is missing or `null`.
    func optionalObject(_ value: JSONValue?, _ what: String) throws(BackupError) -> JSONObject? {
        guard let value, !value.isNull else { return nil }
        return try object(value, what)
    }

    func texts(
        _ value: JSONValue?, _ what: String, _ form: TextForm, atMost most: Int = .max
    ) throws(BackupError) -> [String] {
        let items = try list(value, what)
        guard items.count <= most else { throw malformed("\(what) has more than \(most) items") }
        var texts: [String] = []
        texts.reserveCapacity(items.count)
        for item in items { texts.append(try text(item, "an item of \(what)", form)) }
        return texts
    }

    /// Bytes in base64, as many as `range` allows.
    func binary(_ value: JSONValue?, _ what: String, bytes range: ClosedRange<Int>) throws(BackupError) -> [UInt8] {
        guard let text = value?.stringValue, let bytes = Base64.decode(text), range.contains(bytes.count) else {
            let length = range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            throw malformed("\(what) is not \(length) bytes in base64")
        }
        return bytes
    }
}

extension JSONValue {
    /// The text that goes into a frame.
    var frame: ByteBuffer { ByteBuffer(bytes: canonicalBytes) }

    init(_ text: String?) { self = text.map { .string($0) } ?? .null }

    init(_ object: JSONObject?) { self = object.map { .object($0) } ?? .null }
}
