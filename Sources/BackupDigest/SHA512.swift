import COpenSSL

/// SHA-512, by libcrypto: its code fits the processor it runs on.
///
/// The state can be written down and taken up again, so that a transfer that broke goes on without reading again what is
/// there already.
package struct SHA512: Sendable {
    /// Bytes of a digest.
    package static let length = 64
    private static let blockLength = Int(SHA512_CBLOCK)

    private var context = SHA512_CTX()
    /// The bytes that were hashed so far.
    package private(set) var count: Int64 = 0

    package init() { SHA512_Init(&context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        SHA512_Update(&context, bytes.baseAddress, bytes.count)
        count += Int64(bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all bytes so far, ``length`` bytes. The state stays as it is.
    package func digest() -> [UInt8] {
        var copy = context
        return [UInt8](unsafeUninitializedCapacity: Self.length) { result, written in
            SHA512_Final(result.baseAddress, &copy)
            written = Self.length
        }
    }

    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA512()
        hash.update(bytes)
        return hash.digest()
    }

    // MARK: - The state

    /// What a written state begins with: the version of its form, and the bytes behind the count.
    private static let layout = Int64(1) << 32 | 216
    private static let stateLength = 232

    /// The state, for ``init(state:)``, in a form that is the same on every machine: integers with the lowest byte first.
    ///
    ///     8 bytes  the layout      8 × 8 bytes  the words of the digest      4 bytes  bytes in the block that has begun
    ///     8 bytes  the count      16 bytes      whole blocks so far        128 bytes  that block         4 bytes  of zero
    package var state: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.stateLength)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(Self.layout)
        append(count)
        withUnsafeBytes(of: context.h) { words in
            for word in words.bindMemory(to: UInt64.self) { append(word) }
        }
        append(count / Int64(Self.blockLength))
        append(Int64(0))
        let index = Int(count % Int64(Self.blockLength))
        append(UInt32(index))
        withUnsafeBytes(of: context.u) { bytes.append(contentsOf: $0.prefix(index)) }
        bytes.append(contentsOf: repeatElement(0, count: Self.stateLength - bytes.count))
        return bytes
    }

    /// `nil` for what is no such state.
    package init?(state: [UInt8]) {
        guard state.count == Self.stateLength else { return nil }
        self.init()
        let isSound = state.withUnsafeBytes { bytes in
            func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
                Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
            }
            let count = integer(at: 8, as: Int64.self)
            let index = Int(integer(at: 96, as: UInt32.self))
            guard integer(at: 0, as: Int64.self) == Self.layout, count >= 0,
                Int64(index) == count % Int64(Self.blockLength)
            else { return false }
            self.count = count
            withUnsafeMutableBytes(of: &context.h) { words in
                for word in 0..<8 {
                    words.storeBytes(
                        of: integer(at: 16 + 8 * word, as: UInt64.self), toByteOffset: 8 * word, as: UInt64.self)
                }
            }
            context.Nl = UInt64(count) << 3
            context.Nh = UInt64(count) >> 61
            context.num = UInt32(index)
            withUnsafeMutableBytes(of: &context.u) { $0.copyBytes(from: bytes[100..<(100 + index)]) }
            return true
        }
        guard isSound else { return nil }
    }
}
