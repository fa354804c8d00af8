import BackupModel

extension ValueKind where Value == String {
    /// The name of an agent: it is also the name of a file, a key in attributes and an argument of commands.
    static var agent: Self {
        text("the name of an agent") { name in
            guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ isWordCharacter($0) || $0 == 0x2e })
            else { return "it consists of 1 to 64 letters A-Z a-z, digits, - _ and ." }
            return name.hasPrefix(".") || name.hasPrefix("-") ? "it begins with a letter, a digit or _" : nil
        }
    }

    /// Without the ambiguity of a key id: two keys can have the same one, and somebody can make such a pair.
    static var fingerprint: Self {
        let expected = "a fingerprint of 40 hexadecimal digits"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected).filter { $0 != " " }
            let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
            guard digits.utf8.count == 40, digits.utf8.allSatisfy(isHexadecimal) else {
                throw ValueProblem(
                    "expected \(expected), found \(node.summary)",
                    remedy:
                        "`gpg --list-keys --with-fingerprint` shows it; a key id or mail address can name more than "
                        + "one key")
            }
            return digits.uppercased()
        } render: {
            .text($0)
        }
    }

    /// The path of a UNIX socket, of at most `maximum` bytes.
    static func socketPath(_ maximum: Int) -> Self {
        text("the absolute path of a socket") { path in
            guard path.hasPrefix("/") else { return "a path here begins with /" }
            guard !path.hasSuffix("/") else { return "leave out the / at the end" }
            return path.utf8.count <= maximum ? nil : "it has at most \(maximum) bytes: choose a shorter path"
        }
    }

    /// What senders may put first.
    static var priority: Self {
        text("a handling policy or the name of an attribute") { name in
            let isName = name.utf8.allSatisfy { isWordCharacter($0) || [0x20, 0x2e, 0x2f].contains($0) }
            return !name.isEmpty && isName ? nil : "it consists of A-Z a-z 0-9 space . / - and _"
        }
    }

    private static func isWordCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension ValueKind where Value == SourceURL {
    static var sourceURL: Self {
        parsed("a source URL") { text throws(BackupError) in
            try SourceURL(text)
        } render: {
            .text($0.description)
        }
    }
}

extension ValueKind where Value == SourcePattern {
    static var sourcePattern: Self {
        parsed("a pattern for sources") { text throws(BackupError) in
            try SourcePattern(text)
        } render: {
            .text($0.description)
        }
    }
}

extension ValueKind where Value == Int64 {
    static var positiveWholeNumber: Self {
        let inner = ValueKind<Int>.wholeNumber(1...Int.max)
        return Self(expected: inner.expected) { node throws(ValueProblem) in
            Int64(try inner.parse(node))
        } render: {
            .word(String($0))
        }
    }

    /// A number of bytes, 1 or more.
    static var size: Self { size(1...Int64.max, "a size above 0") }

    /// A number of bytes.
    static func size(_ range: ClosedRange<Int64>) -> Self {
        size(range, "a size from \(exactSize(range.lowerBound)) to \(exactSize(range.upperBound))")
    }

    private static func size(_ range: ClosedRange<Int64>, _ expected: String) -> Self {
        let inner = ValueKind<ByteCount>.parsed(expected) { text throws(BackupError) in
            try ByteCount(parsing: text)
        } render: {
            .word(exactSize($0.bytes))
        }
        return Self(expected: expected) { node throws(ValueProblem) in
            let bytes = try inner.parse(node).bytes
            guard range.contains(bytes) else { throw ValueProblem("expected \(expected), found \(node.summary)") }
            return bytes
        } render: {
            inner.render(ByteCount($0))
        }
    }

    /// With the biggest unit that leaves no rest.
    private static func exactSize(_ bytes: Int64) -> String {
        let units: [(String, Int64)] = [
            ("Ti", 1 << 40), ("T", 1_000_000_000_000), ("Gi", 1 << 30), ("G", 1_000_000_000), ("Mi", 1 << 20),
            ("M", 1_000_000), ("Ki", 1 << 10), ("K", 1000),
        ]
        for (name, factor) in units where bytes > 0 && bytes % factor == 0 { return "\(bytes / factor)\(name)" }
        return String(bytes)
    }
}

extension ValueKind where Value == TimeOfDay {
    static var timeOfDay: Self {
        let expected = "a time of day, UTC"
        return Self(expected: expected) { node throws(ValueProblem) in
            let parts = try node.text(expected).utf8.split(
                separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in
                part.count == 2 && part.allSatisfy { (0x30...0x39).contains($0) } ? Int(Substring(part)) : nil
            }
            guard parts.count == 2, numbers.count == 2, let time = TimeOfDay(hour: numbers[0], minute: numbers[1])
            else {
                throw ValueProblem(
                    "expected \(expected), found \(node.summary)",
                    remedy: "write hours and minutes with two digits each, from 00:00 to 23:59")
            }
            return time
        } render: {
            .text($0.description)
        }
    }
}

extension ValueKind {
    /// A text that a type of the model reads, with its message where it does not.
    static func parsed(
        _ expected: String, _ parse: @escaping (String) throws(BackupError) -> Value,
        render: @escaping (Value) -> RenderedValue
    ) -> Self {
        Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            do throws(BackupError) {
                return try parse(text)
            } catch {
                throw ValueProblem("expected \(expected): \(error.message)", remedy: error.remedy)
            }
        } render: {
            render($0)
        }
    }
}
