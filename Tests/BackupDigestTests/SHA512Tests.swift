import BackupDigest
import Testing

@Suite struct SHA512Tests {
    private let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    private let digest =
        "8a61ead00d8fe5381604579f3e5fbfeeced02c3bdbe130618e26ce9971f005d5b629253264fdef166d9f4d2a11b1b1c064343e07f4be328aaf16b43239c9c3e0"

    @Test(arguments: [
        (
            "",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
        (
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ])
    func `The digests of the standard`(text: String, expected: String) {
        #expect(Self.hex(SHA512.hash(Array(text.utf8))) == expected)
    }

    @Test(arguments: [0, 1, 127, 128, 129, 500, 1000])
    func `A digest taken up in the middle is that of the whole`(cut: Int) throws {
        var first = SHA512()
        first.update(Array(bytes[..<cut]))
        var second = try #require(SHA512(state: first.state))
        #expect(second.count == Int64(cut))
        #expect(second.state == first.state)
        second.update(Array(bytes[cut...]))
        #expect(Self.hex(second.digest()) == digest)
    }

    @Test
    func `A state has the form in which former versions wrote it, and stays as it is when the digest is asked for`()
        throws
    {
        // After the first 300 of the bytes.
        let words =
            "94eee85918c656544499b39e477dca1fad7ab33d12e086f8dbe914a4063a4e99ce51e0db9c06bdd3f3cebcccaa80c7af7b550482bd46f796130cb16fd7a4abc1"
        let block =
            "001f3e5d7c9bbad9f81736557493b2d1f00f2e4d6c8baac9e80726456483a2c1e0ff1e3d5c7b9ab9d8f71635"
        let written =
            "d800000001000000" + "2c01000000000000" + words + "0200000000000000" + "0000000000000000" + "2c000000"
            + block + String(repeating: "00", count: 88)
        var hash = SHA512()
        hash.update(Array(bytes[..<300]))
        _ = hash.digest()
        #expect(Self.hex(hash.state) == written)
        hash.update(Array(bytes[300...]))
        #expect(Self.hex(hash.digest()) == digest)
    }

    @Test func `A state that was cut or changed in its layout, count or index is refused`() {
        var hash = SHA512()
        hash.update(bytes)
        let state = hash.state
        #expect(SHA512(state: Array(state.dropLast())) == nil)
        for position in [0, 8, 15, 96, 99] {
            var changed = state
            changed[position] ^= 0x81
            #expect(SHA512(state: changed) == nil)
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
