/// The name of a source: `/host1/root`. All but its last part is the directory of its elements below the storage.
///
/// Starts with `/`, does not end with `/`; parts separated by single slashes; characters of a part are
/// `A-Z a-z 0-9 % - . _`; the parts `.` and `..` are forbidden.
package struct SourceURL: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Longer than any path the kernel takes, an element's name added, is refused.
    package static let maximumLength = 3800
    /// What a file system takes as a name, less the time, serial, type and suffix of an element's file.
    package static let maximumPartLength = 200

    /// The URL as it is written.
    package let description: String

    /// Reads and checks a source URL.
    ///
    /// - Throws: `BackupError` with code `invalidValue`, naming the character and its position (from 1).
    package init(_ text: String) throws(BackupError) {
        var text = text
        if let (reason, position) = text.withUTF8({ Self.mistake(in: $0) }) {
            throw .sourceURL(text, reason, at: position)
        }
        description = text
    }

    /// What is wrong with a URL, if something is, and where. Storages of a million elements are listed through this, so it
    /// looks at bytes; all before a mistake is ASCII, so that their positions are those of characters.
    private static func mistake(in bytes: UnsafeBufferPointer<UInt8>) -> (reason: String, position: Int)? {
        guard bytes.first == UInt8(ascii: "/") else {
            return (bytes.isEmpty ? "it is empty" : "it does not begin with '/'", 1)
        }
        guard bytes.count <= maximumLength else {
            return ("it is longer than \(maximumLength) characters", maximumLength)
        }
        var start = 1
        for position in 1..<bytes.count {
            if bytes[position] == UInt8(ascii: "/") {
                if let mistake = mistake(inPart: bytes, start, position) { return mistake }
                start = position + 1
            } else if !isAllowed(bytes[position]) {
                let rest = String(decoding: bytes[position...], as: UTF8.self)
                let character = String(rest.unicodeScalars.prefix(1)).escapedForMessage
                return ("the character '\(character)' is not allowed", position + 1)
            }
        }
        return mistake(inPart: bytes, start, bytes.count)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "%"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func mistake(
        inPart bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
    ) -> (reason: String, position: Int)? {
        let dot = UInt8(ascii: ".")
        switch end - start {
        case 0: return (end == bytes.count ? "it ends with '/'" : "two slashes follow each other", end)
        case 1 where bytes[start] == dot: return ("the part \".\" is forbidden", start + 1)
        case 2 where bytes[start] == dot && bytes[start + 1] == dot:
            return ("the part \"..\" is forbidden", start + 1)
        case (maximumPartLength + 1)...:
            return ("a part is longer than \(maximumPartLength) characters", start + 1)
        default: return nil
        }
    }

    /// The parts between the slashes, at least one.
    package var parts: [Substring] { description.dropFirst().split(separator: "/") }

    /// The part after the last slash; it is also part of the elements' file names.
    package var lastPart: String {
        let bytes = description.utf8
        // There is one: the first character.
        return bytes.lastIndex(of: UInt8(ascii: "/")).map { String(description[bytes.index(after: $0)...]) }
            ?? description
    }

    /// The directory of the source's elements, below the storage and without a leading slash: `host1/var/log` for
    /// `/host1/var/log/syslog`; empty, the storage itself, for a source of one part.
    package var directory: String {
        let path = description.utf8.dropFirst()
        return path.lastIndex(of: UInt8(ascii: "/")).flatMap { String(path[..<$0]) } ?? ""
    }

    /// The whole name without the leading slash.
    package var relativePath: String { String(description.dropFirst()) }

    package static func < (left: SourceURL, right: SourceURL) -> Bool { left.description < right.description }
}
