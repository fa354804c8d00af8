import BackupModel

extension ValueKind where Value == String {
    /// A text that `check` finds nothing wrong with; `check` returns the remedy.
    static func text(_ expected: String, check: @escaping (String) -> String?) -> Self {
        Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            if let remedy = check(text) {
                throw ValueProblem("expected \(expected), found \(node.summary)", remedy: remedy)
            }
            return text
        } render: {
            .text($0)
        }
    }

    static var anyText: Self { text("a text") { _ in nil } }

    static var absolutePath: Self {
        text("an absolute path") { $0.hasPrefix("/") ? nil : "a path here begins with /" }
    }

    static var pattern: Self { text("a pattern") { $0.isEmpty ? "an empty pattern matches nothing" : nil } }

    /// A path below a root: not absolute, and not leading out of it.
    static var relativePath: Self {
        text("a relative path") { path in
            if path.isEmpty { return "write . for the root itself" }
            if path.hasPrefix("/") { return "leave out the root and the / after it" }
            let leadsOut = path.split(separator: "/").contains("..")
            return leadsOut ? "a path with .. can lead out of the root" : nil
        }
    }

    static var handlingPolicy: Self {
        text("the name of a handling policy") {
            ElementMetadata.isHandlingPolicy($0) ? nil : "it consists of A-Z a-z 0-9 space . / and -"
        }
    }

    /// A key for GnuPG. A fingerprint may be written in groups, as `gpg --fingerprint` prints it.
    static var recipient: Self {
        let expected = "a fingerprint, key id or mail address"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            let joined = text.filter { $0 != " " }
            let digits = joined.hasPrefix("0x") ? joined.dropFirst(2) : joined[...]
            if [8, 16, 32, 40, 64].contains(digits.utf8.count), digits.utf8.allSatisfy(isHexadecimal) { return joined }
            let isMail =
                text.split(separator: "@", omittingEmptySubsequences: false).count == 2 && !text.hasPrefix("@")
                && !text.hasSuffix("@") && !text.hasPrefix("-")
                && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
            guard isMail else {
                throw ValueProblem(
                    "expected \(expected), found \(node.summary)",
                    remedy: "`gpg --list-keys` shows the fingerprints, of 40 hexadecimal digits each")
            }
            return text
        } render: {
            .text($0)
        }
    }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: Self {
        let expected = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Self(expected: "one of " + expected) { node throws(ValueProblem) in
            let text = try node.text("one of " + expected)
            guard let value = Value(rawValue: text) else {
                let nearest = nearestKey(to: text, among: Value.allCases.map(\.rawValue))
                throw ValueProblem(
                    "expected one of \(expected), found \(node.summary)",
                    remedy: nearest.map { "did you mean \"\($0)\"?" } ?? "")
            }
            return value
        } render: {
            .word($0.rawValue)
        }
    }
}

extension ValueKind where Value == [String] {
    /// A list of `items`, none of which is a list itself.
    static func list(of items: ValueKind<String>, _ expected: String, atLeastOne: Bool = false) -> Self {
        items.list(expected, atLeastOne: atLeastOne)
    }

    /// A program and its arguments, run without a shell.
    static var commandLine: Self {
        let expected = "a list of a program and its arguments"
        let inner = list(of: .anyText, expected, atLeastOne: true)
        return Self(expected: expected) { node throws(ValueProblem) in
            let words = try inner.parse(node)
            guard words.first != "" else { throw ValueProblem("expected \(expected), found an empty program name") }
            return words
        } render: {
            .list($0)
        }
    }
}
