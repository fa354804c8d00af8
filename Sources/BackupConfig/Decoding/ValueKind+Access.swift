extension ValueKind where Value == UInt32 {
    /// The permission bits of a socket. `0600` without quotes is no number here: the digits are octal either way.
    static var mode: Self {
        let expected = "permissions as octal digits"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            let isOctal = text.utf8.allSatisfy { (0x30...0x37).contains($0) }
            guard isOctal, (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8), mode <= 0o777 else {
                throw ValueProblem(
                    "expected \(expected), found \(node.summary)",
                    remedy: "write three digits from 0 to 7, with a 0 before them or without, for example \"0660\"")
            }
            return mode
        } render: { mode in
            let digits = String(mode, radix: 8)
            return .text(String(repeating: "0", count: 4 - digits.count) + digits)
        }
    }

    static var userID: Self {
        let expected = "the number of a user"
        return Self(expected: expected) { node throws(ValueProblem) in
            guard let number = accountID(try node.text(expected)) else {
                throw ValueProblem(
                    "expected \(expected), found \(node.summary)", remedy: "`id -u NAME` shows the number of a user")
            }
            return number
        } render: {
            .word(String($0))
        }
    }
}

extension ValueKind where Value == AccountSetting {
    /// - Parameter what: "user" or "group".
    static func account(_ what: String) -> Self {
        let expected = "the name or number of a \(what)"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            if let number = accountID(text) { return .id(number) }
            let isName = text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7f && $0 != ":" && $0 != "/"
            }
            let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isName, !isNumber, text.utf8.count <= 256, !text.hasPrefix("-") else {
                throw ValueProblem("expected \(expected), found \(node.summary)")
            }
            return .name(text)
        } render: { account in
            switch account {
            case .name(let name): .text(name)
            case .id(let number): .word(String(number))
            }
        }
    }
}

/// The highest number is no account: to the system it means "leave it as it is".
private func accountID(_ text: String) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text) else {
        return nil
    }
    return number == .max ? nil : number
}
