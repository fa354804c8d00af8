/// The arguments of this process as the bytes that they are: file names need not be UTF-8, and Swift's strings must.
///
/// Bytes that are no UTF-8 stand in the strings as characters of the last private plane, one for each byte, and so do the
/// bytes of such a character where somebody really gives one: what was given can always be told.
enum RawArguments {
    /// The character for byte 0.
    private static let first: UInt32 = 0x10FF00

    /// All arguments, the program's own name not among them.
    static var all: [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { text($0) }
        }
    }

    private static func text(_ argument: UnsafeMutablePointer<CChar>) -> String {
        var bytes: [UInt8] = []
        var position = argument
        while position.pointee != 0 {
            bytes.append(UInt8(bitPattern: position.pointee))
            position += 1
        }
        return text(bytes)
    }

    /// The string that stands for `bytes`.
    static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !isRaw(text) { return text }
        var text = String.UnicodeScalarView()
        var rest = bytes[...]
        while let byte = rest.first {
            // The shortest beginning that is UTF-8 is one character.
            let length = (1...4).first { $0 <= rest.count && String(validating: rest.prefix($0), as: UTF8.self) != nil }
            if let length, let scalar = String(validating: rest.prefix(length), as: UTF8.self)?.unicodeScalars.first,
                scalar.value < first
            {
                text.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                if let scalar = Unicode.Scalar(first + UInt32(byte)) { text.append(scalar) }
                rest = rest.dropFirst()
            }
        }
        return String(text)
    }

    /// The bytes that were given, from a string made by ``text(_:)-([UInt8])``.
    static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar in
            scalar.value >= first ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(UTF8.encode(scalar) ?? .init())
        }
    }

    /// Whether `text` stands for bytes that are not its own.
    static func isRaw(_ text: String) -> Bool { text.unicodeScalars.contains { $0.value >= first } }
}

/// A command that takes names of files, whatever their bytes.
protocol TakesRawArguments {
    /// Those of its arguments that may be any bytes.
    var rawArguments: [String] { get }
}
