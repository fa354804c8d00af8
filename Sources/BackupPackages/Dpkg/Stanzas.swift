/// Paragraphs of `Field: value` lines, as Debian's control files have them. A line that begins with a blank continues the one
/// before.
enum Stanzas {
    /// Calls `body` for each paragraph with the fields that are wanted; those names are compared without regard to case.
    static func forEach(_ bytes: [UInt8], fields names: [StaticString], _ body: ([String?]) -> Void) {
        var values = [String?](repeating: nil, count: names.count)
        var isEmpty = true
        var last: Int?
        bytes.withByteText { text in
            text.forEachLine { line in
                if line.isEmpty {
                    if !isEmpty { body(values) }
                    for index in values.indices { values[index] = nil }
                    isEmpty = true
                    last = nil
                    return
                }
                isEmpty = false
                if line[0] == UInt8(ascii: " ") || line[0] == UInt8(ascii: "\t") {
                    if let last { values[last]? += "\n" + line.string.trimmed }
                    return
                }
                last = nil
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
                let name = line.slice(0, colon)
                for (index, wanted) in names.enumerated() where matches(name, wanted) {
                    values[index] = line.from(colon + 1).string.trimmed
                    last = index
                }
            }
        }
        if !isEmpty { body(values) }
    }

    private static func matches(_ name: ByteText, _ wanted: StaticString) -> Bool {
        guard name.count == wanted.utf8CodeUnitCount else { return false }
        for index in 0..<name.count where (name[index] | 0x20) != (wanted.utf8Start[index] | 0x20) { return false }
        return true
    }
}
