/// The identity under which a machine was registered: a UUID as RFC 9562 writes it, in lower case.
package struct MachineID: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// - Throws: `BackupError` with code `invalidValue` for anything but 8-4-4-4-12 hexadecimal digits; upper case is
    ///   taken, too.
    package init(_ text: String) throws(BackupError) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [8, 4, 4, 4, 12],
            parts.allSatisfy({ $0.utf8.allSatisfy(Self.isHexadecimal) })
        else { throw .machineID(text) }
        description = text.lowercased()
    }

    /// A new one of version 4: 122 bits of `generator`.
    package init(using generator: inout some RandomNumberGenerator) {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        description = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
