/// A number of bytes, as configurations write it and people read it.
package struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of bytes, 0 or more.
    package let bytes: Int64

    package init(_ bytes: Int64) { self.bytes = bytes }

    private static let units: [(String, Int64)] = [
        ("ki", 1 << 10), ("mi", 1 << 20), ("gi", 1 << 30), ("ti", 1 << 40),
        ("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000), ("t", 1_000_000_000_000),
    ]

    /// Reads `500G`, `64Mi`, `1000`; a `B` at the end is allowed, case does not matter.
    ///
    /// - Throws: `BackupError` with code `invalidValue`.
    package init(parsing text: String) throws(BackupError) {
        var number = text.lowercased()
        if number.hasSuffix("b") { number.removeLast() }
        var factor: Int64 = 1
        for (unit, value) in Self.units where number.hasSuffix(unit) {
            factor = value
            number.removeLast(unit.count)
            break
        }
        guard let count = Int64(number), count >= 0, number.first != "+" else { throw .byteCount(text) }
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw .byteCount(text) }
        bytes = product
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// For people: three digits and a decimal unit, `1.23 GB`.
    package var description: String {
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes) / 1000
        var index = 0
        while value >= 999.5, index < units.count - 1 {
            value /= 1000
            index += 1
        }
        let digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        return value.fixed(digits) + " " + units[index]
    }
}

extension Double {
    /// This number, 0 or more and below 2^53 / 100, with `digits` (0 to 3) decimal places, rounded to nearest.
    package func fixed(_ digits: Int) -> String {
        let scale: Int64 = [1, 10, 100, 1000][digits]
        let scaled = Int64((self * Double(scale)).rounded())
        guard digits > 0 else { return String(scaled) }
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
