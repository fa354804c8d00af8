/// The names in a directory when it was archived, as an incremental archive holds them: records `<letter><name>\0`,
/// ended by an empty one (GNU tar's manual, "Dumpdir").
struct TarDirectory {
    /// What an entry was.
    enum Entry: Equatable {
        /// A directory.
        case directory
        /// No directory, and a member of this archive.
        case stored
        /// Not in this archive: unchanged since the last, or excluded.
        case left
    }

    private var entries: [ArraySlice<UInt8>: Entry] = [:]
    /// Where directories were that have another name now, and what they are called.
    private(set) var renamed: [MemberPath] = []

    init(_ bytes: [UInt8]) {
        for record in bytes.split(separator: 0) {
            let name = record.dropFirst()
            switch record.first {
            case UInt8(ascii: "D"): entries[name] = .directory
            case UInt8(ascii: "Y"): entries[name] = .stored
            case UInt8(ascii: "N"): entries[name] = .left
            case UInt8(ascii: "R"), UInt8(ascii: "T"): if !name.isEmpty { renamed.append(MemberPath(name)) }
            default: break
            }
        }
    }

    /// The entry `name`; `nil` when the directory had none.
    subscript(name: ArraySlice<UInt8>) -> Entry? { entries[name] }
}
