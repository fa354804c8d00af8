/// `CATEGORY/NAME-VERSION` as portage writes it, with the places where it comes apart.
struct PortageAtom {
    let text: ByteText
    /// Of the slash.
    let slash: Int
    /// Of the hyphen before the version.
    let hyphen: Int

    /// `nil` when the text is not in this form.
    init?(_ text: ByteText) {
        guard text.count <= 512, let slash = text.firstIndex(of: UInt8(ascii: "/")), slash > 0,
            Self.isNamePart(text, 0, slash), Self.isNamePart(text, slash + 1, text.count),
            let hyphen = Self.hyphen(text, from: slash + 1)
        else { return nil }
        self.text = text
        self.slash = slash
        self.hyphen = hyphen
    }

    var category: String { text.slice(0, slash).string }
    var name: String { text.slice(slash + 1, hyphen).string }
    var version: String { text.from(hyphen + 1).string }

    private static func isNamePart(_ text: ByteText, _ start: Int, _ end: Int) -> Bool {
        guard start < end else { return false }
        for index in start..<end {
            switch text[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "-"):
                continue
            default: return false
            }
        }
        return true
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// The hyphen before the version. A name may have parts that begin with a digit (`font-adobe-100dpi`), so the last hyphen
    /// before a digit is taken if all behind it is a version; for versions of no known form it is the first one.
    private static func hyphen(_ text: ByteText, from start: Int) -> Int? {
        var first: Int?
        var last: Int?
        for index in start..<text.count - 1
        where text[index] == UInt8(ascii: "-") && index > start && isDigit(text[index + 1]) {
            if first == nil { first = index }
            last = index
        }
        guard let first, let last else { return nil }
        return first == last || isVersion(text.from(last + 1)) ? last : first
    }

    /// Whether this is a version as the package manager specification has it: numbers with dots, a letter, suffixes such as
    /// `_p3`, a revision.
    static func isVersion(_ text: ByteText) -> Bool {
        var index = 0
        func digits() -> Bool {
            let start = index
            while index < text.count, isDigit(text[index]) { index += 1 }
            return index > start
        }
        guard digits() else { return false }
        while index < text.count, text[index] == UInt8(ascii: ".") {
            index += 1
            guard digits() else { return false }
        }
        if index < text.count, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(text[index]) { index += 1 }
        let suffixes: [StaticString] = ["_alpha", "_beta", "_pre", "_rc", "_p"]
        while let suffix = suffixes.first(where: { text.from(index).hasPrefix($0) }) {
            index += suffix.utf8CodeUnitCount
            _ = digits()
        }
        if text.from(index).hasPrefix("-r") {
            index += 2
            guard digits() else { return false }
        }
        return index == text.count
    }
}
