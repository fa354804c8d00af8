/// A length of time in whole seconds, as configurations write it: `6d20h`, `90min`, `1w`.
package struct TimeSpan: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package static let zero = TimeSpan(seconds: 0)

    package static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.seconds < right.seconds }
    package static func + (left: TimeSpan, right: TimeSpan) -> TimeSpan {
        TimeSpan(seconds: left.seconds + right.seconds)
    }

    /// Longest first, so that the written form has the biggest unit in front.
    private static let units: [(name: String, seconds: Int64)] = [
        ("w", 604_800), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1),
    ]

    /// Reads numbers with units, added: `s min h d w`, each at most once.
    ///
    /// - Throws: `BackupError` with code `invalidValue`, saying what is wrong.
    package init(parsing text: String) throws(BackupError) {
        var rest = Substring(text)
        var total: Int64 = 0
        var seen: Set<String> = []
        guard !rest.isEmpty else { throw .timeSpan(text, "it is empty") }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int64(digits) else {
                throw .timeSpan(text, "a number is expected at \"\(String(rest).escapedForMessage)\"")
            }
            rest = rest.dropFirst(digits.count)
            let name = String(rest.prefix { $0.isASCII && $0.isLetter })
            guard let unit = Self.units.first(where: { $0.name == name }) else {
                throw .timeSpan(
                    text, name.isEmpty ? "the number \(digits) has no unit" : "\"\(name.escapedForMessage)\" is no unit"
                )
            }
            guard seen.insert(name).inserted else { throw .timeSpan(text, "the unit \(name) stands twice") }
            rest = rest.dropFirst(name.count)
            let (product, tooLarge) = number.multipliedReportingOverflow(by: unit.seconds)
            let (sum, overflow) = total.addingReportingOverflow(product)
            // 10,000 years: whatever is longer is a slip, and would overflow when it is added to a time.
            guard !tooLarge, !overflow, sum <= 315_569_520_000 else { throw .timeSpan(text, "it is too long") }
            total = sum
        }
        seconds = total
    }

    /// The form that ``init(parsing:)`` reads.
    package var description: String {
        guard seconds > 0 else { return seconds == 0 ? "0s" : "-" + TimeSpan(seconds: -seconds).description }
        var text = ""
        var rest = seconds
        for unit in Self.units where rest >= unit.seconds {
            text += "\(rest / unit.seconds)\(unit.name)"
            rest %= unit.seconds
        }
        return text
    }

    /// For people: at most the two biggest units.
    package var rounded: String {
        guard seconds > 0 else { return description }
        guard let first = Self.units.firstIndex(where: { $0.seconds <= seconds }), first + 1 < Self.units.count else {
            return description
        }
        let smallest = Self.units[first + 1].seconds
        return TimeSpan(seconds: seconds / smallest * smallest).description
    }
}
