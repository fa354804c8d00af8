/// The beginning and the end of what a process writes to standard error; the middle is dropped.
struct StandardErrorLog {
    private static let headLimit = 16 << 10
    private static let tailLimit = 48 << 10

    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    /// Bytes that were taken, dropped ones included.
    private(set) var total = 0

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        total += bytes.count
        let toHead = min(Self.headLimit - head.count, bytes.count)
        head.append(contentsOf: bytes.prefix(toHead))
        tail.append(contentsOf: bytes.dropFirst(toHead))
        if tail.count > 2 * Self.tailLimit { tail.removeFirst(tail.count - Self.tailLimit) }
    }

    /// At most 64 KiB, with invalid UTF-8 repaired, and a line that says how much is left out.
    var text: String {
        if head.count + tail.count <= Self.headLimit + Self.tailLimit, tail.count == total - head.count {
            let whole = String(decoding: head + tail, as: UTF8.self)
            // Repaired bytes take up to three times their room.
            if whole.utf8.count <= Self.headLimit + Self.tailLimit { return whole }
        }
        let beginning = Self.cutEnd(String(decoding: head, as: UTF8.self), to: Self.headLimit)
        let kept = min(tail.count, Self.tailLimit)
        let mark = "\n[… \(total - head.count - kept) bytes left out …]\n"
        let end = Self.cutBeginning(
            String(decoding: tail.suffix(Self.tailLimit), as: UTF8.self), to: Self.tailLimit - mark.utf8.count)
        return beginning + mark + end
    }

    private static func cutEnd(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var bytes = Array(text.utf8.prefix(limit))
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func cutBeginning(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.suffix(limit).drop { $0 & 0xC0 == 0x80 }, as: UTF8.self)
    }
}
