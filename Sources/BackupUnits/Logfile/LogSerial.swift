/// A serial number in the name of a log file: `3`, `20261121`, `2026-11-21.2`. Its parts are compared as numbers where
/// they are numbers, of any length.
struct LogSerial: Hashable, Comparable {
    /// Bytes in the order of the serials. A number: 1, how many digits it has in two bytes, the digits without zeros in
    /// front. A text: 2, its bytes, 0.
    private let key: [UInt8]

    /// - Parameter text: a part of the name of a file, so at most 255 bytes, none of them 0.
    init(_ text: String) {
        var key: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let first = rest.first {
            let isDigit = Self.isDigit(first)
            let piece = rest.prefix { Self.isDigit($0) == isDigit }
            rest = rest.dropFirst(piece.count)
            if isDigit {
                let digits = piece.drop { $0 == UInt8(ascii: "0") }
                key +=
                    [1, UInt8(truncatingIfNeeded: digits.count >> 8), UInt8(truncatingIfNeeded: digits.count)] + digits
            } else {
                key += [2] + piece + [0]
            }
        }
        self.key = key
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func < (left: LogSerial, right: LogSerial) -> Bool { left.key.lexicographicallyPrecedes(right.key) }
}
