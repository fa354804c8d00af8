/// The name of a part of a log: `dpkg.log`, `dpkg.log.1`, `dpkg.log.2.gz`, `dpkg.log-20260101.xz`. Sorted by age, the oldest
/// first.
struct RotatedName: Comparable {
    let name: String
    /// 0 for dates, 1 for numbers, 2 for what is being written. Whoever changes from dates to numbers, or back, keeps parts of
    /// the other kind for a while: which kind is the older one, the files tell.
    private let kind: Int
    /// Grows with the time.
    private let order: Int64
    private let isCompressed: Bool

    /// Whether it is the file that is written now.
    var isCurrent: Bool { kind == 2 }

    /// `nil` for what is no part of the log called `log`.
    init?(_ name: String, of log: String) {
        guard name.hasPrefix(log) else { return nil }
        self.name = name
        var rest = name.dropFirst(log.count)
        let ending = FileCompression.allCases.first { rest.hasSuffix("." + $0.rawValue) }
        isCompressed = ending != nil
        if let ending { rest = rest.dropLast(ending.rawValue.utf8.count + 1) }
        if rest.isEmpty, !isCompressed {
            (kind, order) = (2, 0)
            return
        }
        let digits = rest.dropFirst().filter { $0 != "-" }
        guard digits.utf8.count <= 18, let number = Int64(digits), number >= 0, digits.first?.isNumber == true else {
            return nil
        }
        switch rest.first {
        case "." where !Self.isDate(digits): (kind, order) = (1, -number)
        case ".", "-": (kind, order) = (0, number)
        default: return nil
        }
    }

    /// Whether the digits are a year, a month and a day, as `dateformat` can write them behind a dot.
    private static func isDate(_ digits: some StringProtocol) -> Bool {
        guard digits.utf8.count >= 8, let year = Int(digits.prefix(4)), let month = Int(digits.dropFirst(4).prefix(2)),
            let day = Int(digits.dropFirst(6).prefix(2))
        else { return false }
        return (1970...2999).contains(year) && (1...12).contains(month) && (1...31).contains(day)
    }

    /// Whether its name has a date and no number.
    var isDated: Bool { kind == 0 }

    /// While logrotate compresses a part, it is there twice.
    func isSamePart(as other: RotatedName) -> Bool { kind == other.kind && order == other.order }

    static func < (left: RotatedName, right: RotatedName) -> Bool {
        // Of a part that is there twice the plain one is whole for sure: it counts as the younger one.
        (left.kind, left.order, left.isCompressed ? 0 : 1, left.name)
            < (right.kind, right.order, right.isCompressed ? 0 : 1, right.name)
    }
}
