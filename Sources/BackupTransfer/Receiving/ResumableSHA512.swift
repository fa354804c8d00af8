import BackupModel
import CNettle

/// SHA-512 whose state can be written down and taken up again, so that a transfer that broke goes on without reading
/// again what is there already.
///
/// nettle's context is a plain structure, which swift-crypto's is not: that is why this one digest is nettle's.
package struct ResumableSHA512: Sendable {
    private var context = sha512_ctx()
    /// The bytes that were hashed so far.
    package private(set) var count: Int64 = 0

    package init() { gb_sha512_init(&context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        gb_sha512_update(&context, bytes.count, base.assumingMemoryBound(to: UInt8.self))
        count += Int64(bytes.count)
    }

    /// The digest of all bytes so far, 64 bytes. The state stays as it is.
    package func digest() -> [UInt8] {
        var copy = context
        var result = [UInt8](repeating: 0, count: 64)
        gb_sha512_digest(&copy, &result)
        return result
    }

    /// The state, for ``init(state:)`` of the same build of this program on the same machine: ``layout``, the count, and
    /// nettle's structure as it lies in memory.
    package var state: [UInt8] {
        var bytes = withUnsafeBytes(of: Self.layout.littleEndian) { Array($0) }
        withUnsafeBytes(of: count.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: context) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// `nil` for a state that another build has written.
    package init?(state: [UInt8]) {
        let size = MemoryLayout<sha512_ctx>.size
        guard state.count == 16 + size else { return nil }
        let (layout, count) = state.withUnsafeBytes {
            (
                Int64(littleEndian: $0.loadUnaligned(as: Int64.self)),
                Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: Int64.self))
            )
        }
        guard layout == Self.layout, count >= 0 else { return nil }
        var restored = sha512_ctx()
        withUnsafeMutableBytes(of: &restored) { $0.copyBytes(from: state[16...]) }
        // An index past the block would make the library write beyond it.
        guard restored.index < 128, Int64(restored.index) == count % 128 else { return nil }
        context = restored
        self.count = count
    }

    /// What the written state depends on: the version of this form, and the size of the structure.
    private static let layout = Int64(1) << 32 | Int64(MemoryLayout<sha512_ctx>.size)
}
