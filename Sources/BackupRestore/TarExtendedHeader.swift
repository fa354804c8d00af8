import BackupModel

/// What extended headers say about the member that follows them.
struct TarExtendedHeader {
    private(set) var name: MemberPath?
    private(set) var linkName: MemberPath?
    private(set) var size: Int64?
    /// The names in a directory, see ``TarDirectory``.
    private(set) var directory: [UInt8]?

    /// Whether `type` is that of an extended header for one member: pax, or the long names of GNU.
    static func isType(_ type: UInt8) -> Bool {
        [UInt8(ascii: "x"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(type)
    }

    /// - Throws: `damaged` when the bytes are not in the form of their type.
    mutating func read(_ bytes: ArraySlice<UInt8>, type: UInt8) throws(BackupError) {
        switch type {
        case UInt8(ascii: "L"): name = MemberPath(bytes.prefix { $0 != 0 })
        case UInt8(ascii: "K"): linkName = MemberPath(bytes.prefix { $0 != 0 })
        default: try readRecords(bytes)
        }
    }

    /// Reads records `<length> <key>=<value>\n`.
    private mutating func readRecords(_ bytes: ArraySlice<UInt8>) throws(BackupError) {
        var rest = bytes
        while !rest.isEmpty {
            guard let blank = rest.firstIndex(of: UInt8(ascii: " ")),
                let length = Int(String(decoding: rest[rest.startIndex..<blank], as: UTF8.self)),
                length > blank - rest.startIndex + 1, length <= rest.count,
                let equals = rest[blank...].firstIndex(of: UInt8(ascii: "=")), equals < rest.startIndex + length - 1
            else { throw .tarDamaged("an extended header is cut off") }
            let key = String(decoding: rest[(blank + 1)..<equals], as: UTF8.self)
            try set(key, rest[(equals + 1)..<(rest.startIndex + length - 1)])
            rest = rest[(rest.startIndex + length)...]
        }
    }

    private mutating func set(_ key: String, _ value: ArraySlice<UInt8>) throws(BackupError) {
        switch key {
        // The true name of a sparse file is the other one, and stands before it.
        case "path" where name == nil: name = MemberPath(value)
        case "GNU.sparse.name": name = MemberPath(value)
        case "linkpath": linkName = MemberPath(value)
        case "GNU.dumpdir": directory = Array(value)
        case "size":
            guard let number = Int64(String(decoding: value, as: UTF8.self)), number >= 0 else {
                throw .tarDamaged("an extended header gives no size")
            }
            size = number
        default: break
        }
    }
}
