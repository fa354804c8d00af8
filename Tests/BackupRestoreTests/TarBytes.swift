/// Pieces of tar archives, also of such as no tar writes.
enum TarBytes {
    /// What ends an archive.
    static let end = [UInt8](repeating: 0, count: 1024)

    /// A header block with the right checksum.
    ///
    /// - Parameter size: the field as it is written, octal digits or base 256.
    static func header(
        _ type: Character, _ name: String = "a", size: [UInt8], link: String = "", magic: String = "ustar\u{0}00"
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Collection<UInt8>, at start: Int) {
            block.replaceSubrange(start..<(start + bytes.count), with: bytes)
        }
        put(name.utf8, at: 0)
        put("0000755".utf8, at: 100)
        for start in [108, 116, 136] { put("0000000".utf8, at: start) }
        put(size, at: 124)
        put(link.utf8, at: 157)
        put(magic.utf8, at: 257)
        block[156] = type.asciiValue ?? 0
        return summed(block)
    }

    static func header(_ type: Character, _ name: String, size: Int = 0, link: String = "") -> [UInt8] {
        header(type, name, size: octal(size), link: link)
    }

    /// The block with its checksum.
    static func summed(_ block: [UInt8]) -> [UInt8] {
        var block = block
        block.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let digits = octal(block.reduce(0) { $0 + Int($1) })
        block.replaceSubrange(148..<156, with: digits + [UInt8](repeating: 0, count: 8 - digits.count))
        return block
    }

    static func octal(_ number: Int) -> [UInt8] { Array(String(number, radix: 8).utf8) }

    /// Filled up to whole blocks.
    static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    static func file(_ name: String, _ text: String = "text") -> [UInt8] {
        header("0", name, size: text.utf8.count) + padded(Array(text.utf8))
    }

    // MARK: - Extended headers

    /// A long name (`L`) or target of a link (`K`).
    static func long(_ type: Character, _ name: String) -> [UInt8] {
        header(type, "././@LongLink", size: name.utf8.count + 1) + padded(Array(name.utf8) + [0])
    }

    /// `<length> <key>=<value>\n`
    static func record(_ key: String, _ value: String) -> String {
        let rest = " \(key)=\(value)\n"
        var length = rest.utf8.count
        while String(length).utf8.count + rest.utf8.count != length {
            length = String(length).utf8.count + rest.utf8.count
        }
        return "\(length)\(rest)"
    }

    static func pax(
        _ records: KeyValuePairs<String, String>, type: Character = "x", name: String = "pax"
    ) -> [UInt8] {
        pax(text: records.map { record($0.key, $0.value) }.joined(), type: type, name: name)
    }

    static func pax(text: String, type: Character = "x", name: String = "pax") -> [UInt8] {
        header(type, name, size: text.utf8.count) + padded(Array(text.utf8))
    }

    // MARK: - Sparse files

    /// A file in version 1.0 of the form with pax headers, as GNU tar writes them.
    ///
    /// - Parameter content: the bytes that are no holes, 512 or more.
    static func sparse(_ name: String, map: String, size: Int, content: Int) -> [UInt8] {
        let body = padded(Array(map.utf8)) + [UInt8](repeating: 0x71, count: content)
        let keys: KeyValuePairs = [
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
            "GNU.sparse.realsize": String(size),
        ]
        return pax(keys) + header("0", "a/placeholder", size: body.count) + body
    }

    /// A file in the old form of GNU.
    ///
    /// - Parameter isExtended: whether it says that more of its map follows.
    static func oldSparse(
        _ name: String, _ pieces: [(offset: Int, count: Int)], realSize: Int, content: Int, isExtended: Bool = false
    ) -> [UInt8] {
        var block = header("S", name, size: octal(content), magic: "ustar  \u{0}")
        for (index, piece) in pieces.enumerated() {
            for (number, place) in [(piece.offset, 0), (piece.count, 12)] {
                let digits = Array(repeating: UInt8(ascii: "0"), count: 11 - octal(number).count) + octal(number)
                block.replaceSubrange((386 + 24 * index + place)..<(386 + 24 * index + place + 11), with: digits)
            }
        }
        block[482] = isExtended ? 1 : 0
        let digits = octal(realSize)
        block.replaceSubrange(483..<(483 + digits.count), with: digits)
        return summed(block) + [UInt8](repeating: 0x71, count: content)
    }
}
