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
        let bytes = text.utf8
        guard bytes.first == UInt8(ascii: "/") else {
            throw .sourceURL(text, bytes.isEmpty ? "it is empty" : "it does not begin with '/'", at: 1)
        }
        guard bytes.count <= Self.maximumLength else {
            throw .sourceURL(text, "it is longer than \(Self.maximumLength) characters", at: Self.maximumLength)
        }
        var partStart = 1
        for (position, scalar) in text.unicodeScalars.enumerated() where position > 0 {
            if scalar == "/" {
                try Self.checkPart(text, partStart, position)
                partStart = position + 1
            } else if !Self.isAllowed(scalar) {
                throw .sourceURL(
                    text, "the character '\(String(scalar).escapedForMessage)' is not allowed", at: position + 1)
            }
        }
        try Self.checkPart(text, partStart, bytes.count)
        description = text
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", "%", "-", ".", "_": true
        default: false
        }
    }

    /// Everything up to `end` is known to be ASCII, so positions of scalars are positions of bytes.
    private static func checkPart(_ text: String, _ start: Int, _ end: Int) throws(BackupError) {
        let part = String(decoding: Array(text.utf8)[start..<end], as: UTF8.self)
        switch part {
        case "":
            throw .sourceURL(
                text, end == text.utf8.count ? "it ends with '/'" : "two slashes follow each other", at: end)
        case ".", "..": throw .sourceURL(text, "the part \"\(part)\" is forbidden", at: start + 1)
        default:
            guard part.utf8.count <= maximumPartLength else {
                throw .sourceURL(text, "a part is longer than \(maximumPartLength) characters", at: start + 1)
            }
        }
    }

    /// The parts between the slashes, at least one.
    package var parts: [Substring] { description.dropFirst().split(separator: "/") }

    /// The part after the last slash; it is also part of the elements' file names.
    package var lastPart: String {
        String(description[description.index(after: description.lastIndex(of: "/") ?? description.startIndex)...])
    }

    /// The directory of the source's elements, below the storage and without a leading slash: `host1/var/log` for
    /// `/host1/var/log/syslog`; empty, the storage itself, for a source of one part.
    package var directory: String {
        let path = description.dropFirst()
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// The whole name without the leading slash.
    package var relativePath: String { String(description.dropFirst()) }

    package static func < (left: SourceURL, right: SourceURL) -> Bool { left.description < right.description }
}
