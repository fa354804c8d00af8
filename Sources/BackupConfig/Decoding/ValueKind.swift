import BackupModel

/// Why a value is not taken: what was expected, and where exactly.
struct ValueProblem: Error {
    let message: String
    let remedy: String
    /// The place within a list, if it is not the whole value.
    var item: (index: Int, origin: Origin)?

    init(_ message: String, remedy: String = "") {
        self.message = message
        self.remedy = remedy
    }
}

/// A type of value: how it is called, read, and written again.
struct ValueKind<Value> {
    /// "a whole number from 1 to 19"
    let expected: String
    let parse: (ConfigNode) throws(ValueProblem) -> Value
    let render: (Value) -> RenderedValue
}

extension ValueKind {
    /// A list of such values, none of which is a list itself.
    func list(_ expected: String, atLeastOne: Bool = false) -> ValueKind<[Value]> {
        ValueKind<[Value]>(expected: expected) { node throws(ValueProblem) in
            guard case .list(let nodes) = node.content else {
                var remedy = ""
                if case .scalar = node.content, !node.isNothing { remedy = "write [ ] around it" }
                throw ValueProblem("expected \(expected), found \(node.summary)", remedy: remedy)
            }
            guard !nodes.isEmpty || !atLeastOne else { throw ValueProblem("expected \(expected), found an empty list") }
            var result: [Value] = []
            for (index, item) in nodes.enumerated() {
                do throws(ValueProblem) {
                    result.append(try parse(item))
                } catch {
                    var problem = error
                    problem.item = (index, item.origin)
                    throw problem
                }
            }
            return result
        } render: { values in
            .list(
                values.map { value in
                    switch render(value) {
                    case .word(let text), .text(let text): text
                    case .list, .maps, .emptyMap: ""
                    }
                })
        }
    }
}

extension ConfigNode {
    /// The text of a scalar that has a value, quoted or not: `5432` is the text of that number.
    func text(_ expected: String) throws(ValueProblem) -> String {
        guard case .scalar(let text, _) = content, !isNothing else {
            let remedy = isNothing ? "give it a value in quotes, or remove it" : ""
            throw ValueProblem("expected \(expected), found \(summary)", remedy: remedy)
        }
        return text
    }

    /// The text of a number: one in quotes is a text.
    fileprivate func number(_ expected: String) throws(ValueProblem) -> String {
        guard case .scalar(let text, let quoted) = content, !isNothing, !quoted else {
            var remedy = ""
            if case .scalar(_, quoted: true) = content { remedy = "remove the quotes" }
            throw ValueProblem("expected \(expected), found \(summary)", remedy: remedy)
        }
        return text
    }
}

extension ValueKind where Value == Bool {
    static var boolean: Self {
        Self(expected: "true or false") { node throws(ValueProblem) in
            let expected = "true or false"
            if case .scalar(let text, let quoted) = node.content {
                switch (text, quoted) {
                case ("true", false): return true
                case ("false", false): return false
                case ("true", true), ("false", true):
                    throw ValueProblem("expected \(expected), found \(node.summary)", remedy: "remove the quotes")
                default:
                    if ["yes", "on", "y", "true", "1"].contains(text.lowercased()) {
                        throw ValueProblem("expected \(expected), found \(node.summary)", remedy: "write true")
                    }
                    if ["no", "off", "n", "false", "0"].contains(text.lowercased()) {
                        throw ValueProblem("expected \(expected), found \(node.summary)", remedy: "write false")
                    }
                }
            }
            throw ValueProblem("expected \(expected), found \(node.summary)")
        } render: {
            .word($0 ? "true" : "false")
        }
    }
}

extension ValueKind where Value == Int {
    static func wholeNumber(_ range: ClosedRange<Int>) -> Self {
        let expected =
            range.upperBound == Int.max
            ? "a whole number, \(range.lowerBound) or more"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.number(expected)
            let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isDecimal, let number = Int(text), range.contains(number) else {
                throw ValueProblem("expected \(expected), found \(node.summary)")
            }
            return number
        } render: {
            .word(String($0))
        }
    }
}

extension ValueKind where Value == Double {
    static var positiveNumber: Self {
        let expected = "a number above 0"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.number(expected)
            let isDecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
            guard isDecimal, let number = Double(text), number > 0, number.isFinite else {
                throw ValueProblem("expected \(expected), found \(node.summary)", remedy: "write it like 0.5 or 4")
            }
            return number
        } render: {
            .word(decimal($0))
        }
    }

    /// Without an exponent, which ``positiveNumber`` does not read; small digits beyond what a load has are kept.
    private static func decimal(_ number: Double) -> String {
        let text = "\(number)"
        guard let mark = text.firstIndex(of: "e"), let exponent = Int(text[text.index(after: mark)...]) else {
            return text
        }
        let parts = text[..<mark].split(separator: ".")
        let whole = String(parts[0])
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + whole + fraction }
        return whole + fraction + String(repeating: "0", count: max(0, exponent - fraction.count)) + ".0"
    }
}

extension ValueKind where Value == TimeSpan {
    static func duration(zeroAllowed: Bool = false) -> Self {
        let expected = zeroAllowed ? "a duration" : "a duration above 0"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            guard text.utf8.count <= 100, text.escapedForMessage == text else {
                throw ValueProblem("expected \(expected), found \(node.summary)")
            }
            let span: TimeSpan
            do throws(BackupError) {
                span = try TimeSpan(parsing: text)
            } catch {
                throw ValueProblem("expected \(expected): \(error.message)", remedy: error.remedy)
            }
            guard zeroAllowed || span > .zero else {
                throw ValueProblem("expected \(expected), found \(node.summary)")
            }
            return span
        } render: {
            .word($0.description)
        }
    }
}
