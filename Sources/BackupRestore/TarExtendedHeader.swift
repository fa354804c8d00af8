import BackupModel

/// What extended headers say about the member that follows them.
///
/// Read as GNU tar reads them, or refused: where tar found another name or another length, it would write what nobody has
/// looked at.
struct TarExtendedHeader {
    private(set) var size: Int64?
    /// The names in a directory, see ``TarDirectory``.
    private(set) var directory: [UInt8]?
    /// Whether a map at the beginning of the content tells where its bytes belong, see ``TarSparseMap``.
    private(set) var hasSparseMap = false

    /// Of a name, in bytes; no system has longer ones. The parts of one take fifty times the memory.
    static let maximumName = 64 << 10

    private var longName: [UInt8]?
    private var longLinkName: [UInt8]?
    private var path: [UInt8]?
    private var linkPath: [UInt8]?
    /// The true name of a sparse file: `path` is then one that older programs shall give it.
    private var sparseName: [UInt8]?
    private var sparseKeys: [String: [UInt8]] = [:]
    private var types: Set<UInt8> = []

    /// The name as it stands there. That of pax counts, in whatever order they come.
    private var ownName: [UInt8]? { sparseName ?? path ?? longName }

    var name: MemberPath? { ownName.map { MemberPath($0) } }
    var linkName: MemberPath? { (linkPath ?? longLinkName).map { MemberPath($0) } }
    /// Whether the name ends with a slash, which makes a file of the old form a directory; `nil` where there is no name.
    var nameEndsWithSlash: Bool? { ownName.map { $0.last == UInt8(ascii: "/") } }

    /// Whether `type` is that of an extended header for one member: pax, its form of Solaris, or the long names of GNU.
    static func isType(_ type: UInt8) -> Bool {
        [UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(type)
    }

    /// - Throws: `damaged` when the bytes are not in the form of their type.
    mutating func read(_ bytes: ArraySlice<UInt8>, type: UInt8) throws(BackupError) {
        let kind = type == UInt8(ascii: "X") ? UInt8(ascii: "x") : type
        // Of two, tar takes the last as a whole.
        guard types.insert(kind).inserted else { throw .tarDamaged("a member has two extended headers of one type") }
        switch kind {
        case UInt8(ascii: "L"): longName = Array(bytes.prefix { $0 != 0 })
        case UInt8(ascii: "K"): longLinkName = Array(bytes.prefix { $0 != 0 })
        default:
            try Self.forEachRecord(bytes) { key, value throws(BackupError) in try set(key, value) }
            try checkSparse()
        }
    }

    /// Checks an extended header that is for all members to come: it may say nothing that counts here.
    ///
    /// - Throws: `damaged`.
    static func checkGlobal(_ bytes: ArraySlice<UInt8>) throws(BackupError) {
        try forEachRecord(bytes) { key, _ throws(BackupError) in
            guard !["path", "linkpath", "size"].contains(key), !key.hasPrefix("GNU.") else {
                throw .tarDamaged("an extended header gives all members the same \(key.escapedForMessage)")
            }
        }
    }

    /// Reads records `<length> <key>=<value>\n`.
    private static func forEachRecord(
        _ bytes: ArraySlice<UInt8>, _ body: (String, ArraySlice<UInt8>) throws(BackupError) -> Void
    ) throws(BackupError) {
        var rest = bytes
        while !rest.isEmpty {
            guard let blank = rest.firstIndex(of: UInt8(ascii: " ")),
                let length = number(rest[..<blank]).flatMap({ Int(exactly: $0) }),
                length > blank - rest.startIndex + 1, length <= rest.count,
                let equals = rest[blank...].firstIndex(of: UInt8(ascii: "=")), equals < rest.startIndex + length - 1,
                rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { throw .tarDamaged("an extended header is cut off") }
            let key = rest[(blank + 1)..<equals]
            // tar passes over more blanks, and reads to a zero byte.
            guard let first = key.first, first != UInt8(ascii: " "), first != UInt8(ascii: "\t"), !key.contains(0)
            else {
                throw .tarDamaged("an extended header has a wrong key")
            }
            try body(String(decoding: key, as: UTF8.self), rest[(equals + 1)..<(rest.startIndex + length - 1)])
            rest = rest[(rest.startIndex + length)...]
        }
    }

    /// The last of several records with one key counts.
    private mutating func set(_ key: String, _ value: ArraySlice<UInt8>) throws(BackupError) {
        switch key {
        // Behind the true name of a sparse file the other one means nothing; before it, it is overruled.
        case "path": path = try Self.text(value)
        case "GNU.sparse.name": sparseName = try Self.text(value)
        case "linkpath": linkPath = try Self.text(value)
        case "GNU.dumpdir": directory = Array(value)
        case "size":
            guard let number = Self.number(value) else { throw .tarDamaged("an extended header gives no size") }
            size = number
        default: if key.hasPrefix("GNU.sparse.") { sparseKeys[key] = Array(value) }
        }
    }

    /// Takes files with holes in the form that GNU tar writes (1.0, since 2006): older ones have their map in the header.
    private mutating func checkSparse() throws(BackupError) {
        guard !sparseKeys.isEmpty || sparseName != nil else { return }
        let known: Set = ["GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.realsize"]
        guard sparseKeys["GNU.sparse.major"] == [UInt8(ascii: "1")],
            sparseKeys["GNU.sparse.minor"] == [UInt8(ascii: "0")], Set(sparseKeys.keys) == known
        else { throw .tarDamaged("a file with holes is in a form that is not known") }
        hasSparseMap = true
    }

    /// Digits, and nothing else; `nil` for anything else, or more than 2^63 - 1.
    private static func number(_ value: ArraySlice<UInt8>) -> Int64? {
        guard !value.isEmpty, value.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
        return Int64(String(decoding: value, as: UTF8.self))
    }

    /// A name. For tar it ends at a zero byte.
    private static func text(_ value: ArraySlice<UInt8>) throws(BackupError) -> [UInt8] {
        guard !value.contains(0) else { throw .tarDamaged("an extended header has a name with a zero byte") }
        guard value.count <= maximumName else { throw .tarDamaged("a name has \(value.count) bytes") }
        return Array(value)
    }
}
