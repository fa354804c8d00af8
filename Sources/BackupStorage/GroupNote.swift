import BackupModel
import BackupSystem

/// What a group of new elements is, for whoever finds it after a crash: the names that are about to be given, and to which
/// files. A file in the directory for partial files, locked by whoever stores the group, one line for each element:
///
///     <inode number of the data> <element ID>
///
/// Beside it lie the files that will get the names, `<name of the note>-<number>.data` and `.info`.
enum GroupNote {
    /// Elements whose names a note speaks of at most, so that it can be read as a whole.
    static let maximumElements = 1024
    /// More than any note has: each element may be tried under some names, each of at most 4,000 bytes.
    static let maximumSize = 64 << 20

    private static let prefix = "group-"

    static func newName() -> String { prefix + Randomness.token() }

    /// The name of a file that will be part of an element.
    static func temporaryName(_ note: String, _ number: Int, _ suffix: String) -> String {
        "\(note)-\(number).\(suffix)"
    }

    /// The note that the file `name` is, or belongs to; `nil` for files of another kind.
    static func note(of name: String) -> String? {
        guard name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        return prefix + rest.prefix { $0 != "-" }
    }

    static func line(inode: UInt64, _ id: ElementID) -> String { "\(inode) \(id)\n" }

    /// Calls `body` for each line that is whole: a crash may have cut the last one.
    static func forEachLine(
        _ text: [UInt8], _ body: (UInt64, ElementID) throws(BackupError) -> Void
    ) throws(BackupError) {
        var start = text.startIndex
        while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = text[start..<end]
            start = end + 1
            guard let blank = line.firstIndex(of: UInt8(ascii: " ")),
                let inode = UInt64(String(decoding: line[..<blank], as: UTF8.self)),
                let id = try? ElementID(String(decoding: line[(blank + 1)...], as: UTF8.self))
            else { continue }
            try body(inode, id)
        }
    }
}
