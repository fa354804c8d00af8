/// Memory of a fixed size at an address from which the kernel can write to a disk without a copy.
///
/// `@unchecked Sendable`: who holds it agrees with others who may write into it, and when.
package final class AlignedMemory: @unchecked Sendable {
    /// Bytes of which the address is a multiple: the largest block that a common disk writes at least.
    package static let alignment = 4096

    /// All of it, not initialised.
    package let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter count: bytes, at least 1.
    package init(count: Int) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: Self.alignment)
    }

    deinit { bytes.deallocate() }
}
