/// Names a partial file: a digest of all that tells one transfer from another (who sends, which element, which bytes).
package struct PartialKey: Sendable, Hashable {
    /// The digest in hexadecimal digits, as in the name of the file.
    let text: String

    /// - Parameter digest: at least 16 bytes of a cryptographic hash; of more than 64, their SHA-512 is taken.
    package init(_ digest: [UInt8]) {
        precondition(digest.count >= 16, "a key of fewer than 16 bytes may not be unique")
        let bytes = digest.count <= 64 ? digest : DataDigest.sha512(digest)
        var text = ""
        for byte in bytes {
            let digits = String(byte, radix: 16)
            text += digits.count == 1 ? "0" + digits : digits
        }
        self.text = text
    }

    /// The name of the file with the bytes.
    var dataName: String { text + Self.dataSuffix }
    /// The name of the file with the note.
    var noteName: String { text + Self.noteSuffix }

    static let dataSuffix = ".partial"
    static let noteSuffix = ".note"
}
