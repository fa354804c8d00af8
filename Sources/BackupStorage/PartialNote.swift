import BackupModel
import BackupSystem

/// What the file with the note says: to which bytes it belongs, and what the user of the partial file wrote.
struct PartialNote {
    /// Of the file with the bytes.
    let inode: UInt64
    /// Bytes that were durable before the note was.
    let size: Int64
    /// Who has to answer for them; empty: nobody.
    let owner: String
    /// When they were changed last; `nil` in notes of earlier builds.
    let mark: PartialMark?
    let bytes: [UInt8]

    /// One line of JSON, then the bytes.
    var encoded: [UInt8] {
        var object: JSONObject = ["owner": .string(owner), "size": .integer(size)]
        object["inode"] = .number(String(inode))
        object["mark"] = mark.map { .string($0.text) }
        return JSONValue.object(object).canonicalBytes + [UInt8(ascii: "\n")] + bytes
    }

    init(inode: UInt64, size: Int64, owner: String, mark: PartialMark?, bytes: [UInt8]) {
        self.inode = inode
        self.size = size
        self.owner = owner
        self.mark = mark
        self.bytes = bytes
    }

    /// The note `name` of the file with this status; `nil` if there is none that fits.
    static func read(
        _ name: String, in directory: Directory, of status: FileStatus
    ) throws(BackupError) -> PartialNote? {
        let text: [UInt8]?
        do throws(BackupError) {
            text = try directory.readFileIfPresent(name, limit: PartialFile.maximumNoteSize + 1024)
        } catch {
            // Whatever lies there is no note: the file is begun anew.
            guard error.code == .damaged || error.code == .untrusted else { throw error }
            return nil
        }
        guard let text, let end = text.firstIndex(of: UInt8(ascii: "\n")),
            let object = try? JSONParser.parse(
                String(decoding: text[..<end], as: UTF8.self), limits: .init(size: 1024, depth: 2)
            ).objectValue,
            case .number(let digits) = object["inode"], let inode = UInt64(digits), inode == status.inode,
            let size = object["size"]?.integerValue, (0...status.size).contains(size)
        else { return nil }
        return PartialNote(
            inode: inode, size: size, owner: object["owner"]?.stringValue ?? "",
            mark: object["mark"]?.stringValue.map(PartialMark.init(text:)),
            bytes: Array(text[text.index(after: end)...]))
    }
}

/// A moment in the life of a file: when it was changed last, and since which start of the machine it has been in the hands of
/// one kernel.
struct PartialMark: Equatable {
    let text: String

    init(_ status: FileStatus) {
        text = "\(status.changed.seconds).\(status.changedFraction) \(MachineState.startID)"
    }

    init(text: String) { self.text = text }
}
