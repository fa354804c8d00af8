import BackupTransfer
import Crypto
import Testing

@Suite struct ResumableSHA512Tests {
    private let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test(arguments: [0, 1, 127, 128, 129, 500, 1000])
    func `A digest taken up in the middle is that of the whole`(cut: Int) throws {
        var first = ResumableSHA512()
        bytes[..<cut].withUnsafeBytes { first.update($0) }
        var second = try #require(ResumableSHA512(state: first.state))
        #expect(second.count == Int64(cut))
        bytes[cut...].withUnsafeBytes { second.update($0) }
        #expect(second.digest() == Array(SHA512.hash(data: bytes)))
    }

    @Test func `A state that was cut or changed in its index is refused`() {
        var hash = ResumableSHA512()
        bytes.withUnsafeBytes { hash.update($0) }
        var state = hash.state
        #expect(ResumableSHA512(state: Array(state.dropLast())) == nil)
        state[8] ^= 1
        #expect(ResumableSHA512(state: state) == nil)
    }
}
