package import BackupModel

/// The name of an OpenPGP key that nobody can forge.
package enum Fingerprint {
    /// Checks a fingerprint that a person or a configuration gives.
    ///
    /// - Parameter text: 40 hexadecimal digits, in groups if one likes, with or without `0x` in front.
    /// - Returns: the digits, in capitals.
    /// - Throws: `invalidValue` for anything else, short key IDs included: another key can be made that has the same.
    package static func normalized(_ text: String) throws(BackupError) -> String {
        var digits = text.filter { $0 != " " }
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits.removeFirst(2) }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 < 0x80 && Character(Unicode.Scalar($0)).isHexDigit }) else {
            throw .keyName(text, "a signing key must be named by its fingerprint")
        }
        switch digits.utf8.count {
        case 40: return digits.uppercased()
        case 8, 16: throw .keyName(text, "it is a key ID, and keys with the same ID can be made on purpose")
        case let count: throw .keyName(text, "it has \(count) digits")
        }
    }
}
