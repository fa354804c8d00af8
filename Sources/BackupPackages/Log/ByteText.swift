import Glibc

/// A piece of a line, without owning it: valid as long as the bytes that it was made of. Nothing becomes a `String` before a
/// record is made.
struct ByteText {
    private let base: UnsafePointer<UInt8>
    let count: Int

    init(base: UnsafePointer<UInt8>, count: Int) {
        self.base = base
        self.count = count
    }

    /// `nil` for no bytes.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return nil }
        self.init(base: start.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    }

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> UInt8 { base[index] }

    /// The bytes from `start` on, which is at most ``count``.
    func from(_ start: Int) -> ByteText { ByteText(base: base + start, count: count - start) }

    /// The bytes from `start` up to `end`, which is not below `start`.
    func slice(_ start: Int, _ end: Int) -> ByteText { ByteText(base: base + start, count: end - start) }

    func hasPrefix(_ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func hasSuffix(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && memcmp(base + (count - length), text.utf8Start, length) == 0
    }

    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasPrefix(text) }

    func equals(_ other: [UInt8]) -> Bool {
        count == other.count
            && other.withUnsafeBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return true }
                return memcmp(base, start, count) == 0
            }
    }

    func equals(_ other: ByteText) -> Bool { count == other.count && memcmp(base, other.base, count) == 0 }

    /// What follows `prefix`; `nil` where the text does not begin with it.
    func after(_ prefix: StaticString) -> ByteText? {
        hasPrefix(prefix) ? from(prefix.utf8CodeUnitCount) : nil
    }

    /// What stands before `suffix`; `nil` where the text does not end with it.
    func before(suffix: StaticString) -> ByteText? {
        hasSuffix(suffix) ? slice(0, count - suffix.utf8CodeUnitCount) : nil
    }

    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count, let found = memchr(base + start, CInt(byte), count - start) else { return nil }
        return UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
    }

    func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index -= 1
            if base[index] == byte { return index }
        }
        return nil
    }

    /// Where `text`, which is not empty, begins.
    func firstIndex(of text: StaticString, from start: Int = 0) -> Int? {
        let length = text.utf8CodeUnitCount
        var position = start
        while let found = firstIndex(of: text.utf8Start[0], from: position), found + length <= count {
            if memcmp(base + found, text.utf8Start, length) == 0 { return found }
            position = found + 1
        }
        return nil
    }

    /// Calls `body` for each line, without its newline; nothing stands behind the last newline.
    func forEachLine(_ body: (ByteText) -> Void) {
        var start = 0
        while start < count {
            let end = firstIndex(of: UInt8(ascii: "\n"), from: start) ?? count
            body(slice(start, end))
            start = end + 1
        }
    }

    func allSatisfy(_ predicate: (UInt8) -> Bool) -> Bool {
        for index in 0..<count where !predicate(base[index]) { return false }
        return true
    }

    var array: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

    /// The bytes as text; what is no UTF-8 becomes `U+FFFD`.
    var string: String { String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }

    /// The digits at `start` as a number; `nil` for none, or more than 18.
    func number(at start: Int) -> (value: Int64, end: Int)? {
        var index = start
        var value: Int64 = 0
        while index < count, case let digit = base[index] &- UInt8(ascii: "0"), digit < 10 {
            guard index - start < 18 else { return nil }
            value = value &* 10 &+ Int64(digit)
            index += 1
        }
        return index > start ? (value, index) : nil
    }

    /// The whole text as a number of digits.
    var number: Int64? {
        guard let found = number(at: 0), found.end == count else { return nil }
        return found.value
    }

    /// FNV-1a with 64 bits.
    var digest: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<count { hash = (hash ^ UInt64(base[index])) &* 0x100_0000_01b3 }
        return hash
    }
}

extension UInt64 {
    /// Reads what ``hexadecimalDigits`` gives, and nothing else.
    init?(hexadecimalDigits text: String) {
        guard text.utf8.count == 16, let value = UInt64(text, radix: 16), value.hexadecimalDigits == text else {
            return nil
        }
        self = value
    }

    /// 16 hexadecimal digits.
    var hexadecimalDigits: String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: self >> UInt64(60 - 4 * index)) & 15
                buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 16
        }
    }
}

extension Array<UInt8> {
    /// Calls `body` with the array as a text.
    func withByteText<Value>(_ body: (ByteText) -> Value) -> Value {
        withUnsafeBytes { bytes in
            if let text = ByteText(bytes) { return body(text) }
            return withUnsafePointer(to: UInt8(0)) { body(ByteText(base: $0, count: 0)) }
        }
    }
}
