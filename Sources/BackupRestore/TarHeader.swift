import BackupModel

/// The 512 bytes that begin each member of a tar archive, in the forms of version 7, ustar, pax and GNU.
struct TarHeader {
    static let size = 512

    let block: [UInt8]

    /// - Parameter block: 512 bytes.
    /// - Throws: `damaged` when the checksum is not theirs.
    init(_ block: [UInt8]) throws(BackupError) {
        self.block = block
        guard Self.hasChecksum(block) else { throw .tarDamaged("a header has the wrong checksum") }
    }

    /// Whether `block` holds the checksum of itself, as no other data does.
    static func hasChecksum(_ block: [UInt8]) -> Bool {
        guard block.count == size, let stored = try? number(block[148..<156]) else { return false }
        var unsigned: Int64 = 8 * 32
        var signed: Int64 = 8 * 32
        for (index, byte) in block.enumerated() where !(148..<156).contains(index) {
            unsigned += Int64(byte)
            signed += Int64(Int8(bitPattern: byte))
        }
        // Some programs of old added up signed characters; tar takes both.
        return stored == unsigned || stored == signed
    }

    var type: UInt8 { block[156] }

    /// A second name of a file whose first one is another member.
    var isHardLink: Bool { type == UInt8(ascii: "1") }

    /// A directory, in the old form also by a slash at the end of its name.
    ///
    /// - Parameter nameEndsWithSlash: of the name in an extended header; `nil` where there is none.
    func isDirectory(nameEndsWithSlash: Bool?) -> Bool {
        if type == UInt8(ascii: "5") || type == UInt8(ascii: "D") { return true }
        guard type == 0 || type == UInt8(ascii: "0") else { return false }
        return nameEndsWithSlash ?? (block[0..<100].prefix { $0 != 0 }.last == UInt8(ascii: "/"))
    }

    /// Whether nothing follows members of this type: links, devices, directories, pipes. tar does not pass over content that
    /// they claim to have.
    var isWithoutContent: Bool { (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type) }

    /// Whether it is in the format of GNU, which alone has the type `S` as it is read here.
    var isGNU: Bool { block[257..<265].elementsEqual(Array("ustar  \0".utf8)) }

    /// Bytes of content that follow.
    ///
    /// - Throws: `damaged` for a number that is negative or none.
    func contentSize() throws(BackupError) -> Int64 {
        // Whatever a hard link says, nothing follows it.
        isHardLink ? 0 : try Self.number(block[124..<136])
    }

    var name: MemberPath {
        let name = block[0..<100].prefix { $0 != 0 }
        // Only "ustar\0" has a prefix; the old GNU format uses the room otherwise.
        guard block[257..<263].elementsEqual(Array("ustar\0".utf8)) else { return MemberPath(name) }
        return MemberPath(block[345..<500].prefix { $0 != 0 } + [UInt8(ascii: "/")] + name)
    }

    var linkName: MemberPath { MemberPath(block[157..<257].prefix { $0 != 0 }) }

    /// Whether blocks with more of the map of a sparse file in the old GNU format follow; `size` does not count them.
    var hasMoreSparseMap: Bool { type == UInt8(ascii: "S") && block[482] != 0 }

    /// The same, asked of such a block.
    static func hasMoreSparseMap(_ block: [UInt8]) -> Bool { block[504] != 0 }

    /// A number of 0 or more: octal digits up to a blank or a zero byte, or base 256 when the first bit is set.
    static func number(_ field: ArraySlice<UInt8>) throws(BackupError) -> Int64 {
        if let first = field.first, first & 0x80 != 0 {
            guard first & 0x40 == 0 else { throw .tarDamaged("a number is negative") }
            var value = Int64(first & 0x3f)
            for byte in field.dropFirst() {
                guard value <= Int64.max >> 8 else { throw .tarDamaged("a number is too large") }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        var value: Int64 = 0
        for byte in field.drop(while: { $0 == 0x20 }).prefix(while: { $0 != 0x20 && $0 != 0 }) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value <= Int64.max >> 3 else {
                throw .tarDamaged("a number is not octal")
            }
            value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
