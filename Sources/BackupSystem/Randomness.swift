/// Random text for names.
package enum Randomness {
    /// 16 hexadecimal digits from the kernel's generator.
    package static func token() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = String(generator.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
