/// A serial number in the name of a log file: `3`, `20261121`, `2026-11-21.2`. Its parts are compared as numbers where
/// they are numbers, of any length.
struct LogSerial: Hashable, Comparable {
    private enum Part: Hashable {
        /// Without zeros in front.
        case number([UInt8])
        case text([UInt8])
    }

    private let parts: [Part]

    init(_ text: String) {
        var parts: [Part] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.first {
            let isDigit = Self.isDigit(first)
            let piece = rest.prefix { Self.isDigit($0) == isDigit }
            rest = rest.dropFirst(piece.count)
            parts.append(isDigit ? .number(Array(piece.drop { $0 == UInt8(ascii: "0") })) : .text(Array(piece)))
        }
        self.parts = parts
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func < (left: LogSerial, right: LogSerial) -> Bool {
        for (one, other) in zip(left.parts, right.parts) where one != other {
            switch (one, other) {
            case (.number(let one), .number(let other)):
                return one.count != other.count ? one.count < other.count : one.lexicographicallyPrecedes(other)
            case (.text(let one), .text(let other)): return one.lexicographicallyPrecedes(other)
            case (.number, .text): return true
            case (.text, .number): return false
            }
        }
        return left.parts.count < right.parts.count
    }
}
