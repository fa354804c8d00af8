import BackupCrypto
import BackupModel
import Foundation
import Testing

/// Signatures that must not be accepted.
extension SignatureTests {
    @Test func changedDataOrSignatureIsBad() throws {
        let signature = try signer(keys.good).sign(data)
        let verifier = try verifier(keys.good)
        for changed in [data + [0], data.dropLast(), [], Array("what is signed\r\nin two lines\r\n".utf8)] {
            let error = try refusal(verifier, signature, of: Array(changed))
            #expect(error.message.contains("bad") && error.message.contains(keys.good), "\(error)")
        }
        for position in data.indices {
            var changed = data
            changed[position] ^= 1
            _ = try refusal(verifier, signature, of: changed)
        }
        // The last bytes are the signature proper; those before them can be written in several ways that mean the same.
        for position in signature.count - 28..<signature.count {
            var changed = signature
            changed[position] ^= 4
            _ = try refusal(verifier, changed, of: data)
        }
        for length in signature.indices { _ = try refusal(verifier, Array(signature.prefix(length)), of: data) }
    }

    @Test func onlyTheListCounts() throws {
        let signature = try signer(keys.good).sign(data)
        let error = try refusal(try verifier(keys.other, keys.twin), signature, of: data)
        for word in [keys.good, keys.other, keys.twin, "not among"] {
            #expect(error.message.contains(word), "\(error)")
        }
    }

    @Test func aMissingKeyIsNamed() throws {
        let signature = try signer(keys.good).sign(data)
        let stranger = try TestRing()
        let error = try refusal(try verifier(keys.good, home: stranger.directory), signature, of: data)
        #expect(error.message.contains(keys.good) && error.message.contains(stranger.directory), "\(error)")
        #expect(error.remedy.contains("--import"))
    }

    @Test func expiredKeysSignaturesAndRevokedKeys() throws {
        let old = try made("--detach-sign", by: keys.expired, at: "20200101T120000")
        let expired = try refusal(try verifier(keys.expired), old, of: data)
        #expect(expired.message.contains("key \(keys.expired), which is expired") && expired.remedy.contains("extend"))
        let short = try made(
            "--default-sig-expire", "1d", "--detach-sign", by: keys.good,
            at: String(Int64(Date().timeIntervalSince1970) + 10) + "!")
        #expect(try verifier(keys.good).verify(short, of: data).fingerprint == keys.good)
        // Made with a key of its own, which is old enough.
        let ring = try TestRing()
        let key = try ring.makeKey("Early <early@example.org>", "ed25519", usage: "sign", at: "20200101T000000")
        let outcome = try run(
            ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "--faked-system-time", "20200102T000000"]
                + ["--default-sig-expire", "1d", "--detach-sign"], input: Data(data))
        let over = try refusal(try verifier(key, home: ring.directory), Array(outcome.output), of: data)
        #expect(over.message.contains("signature by the key \(key) is expired"), "\(over)")

        let signature = try run(
            ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "--detach-sign"], input: Data(data))
        #expect(
            try verifier(key, home: ring.directory).verify(Array(signature.output), of: data).fingerprint == key)
        let certificate = try String(contentsOfFile: "\(ring.directory)/openpgp-revocs.d/\(key).rev", encoding: .utf8)
        try ring.gpg("--import", input: certificate.replacingOccurrences(of: ":-----BEGIN", with: "-----BEGIN"))
        let revoked = try refusal(try verifier(key, home: ring.directory), Array(signature.output), of: data)
        #expect(revoked.message.contains(key) && revoked.message.contains("revoked"), "\(revoked)")
    }

    @Test func anExtendedKeyIsGoodAgain() throws {
        let ring = try TestRing()
        let key = try ring.makeKey(
            "Late <late@example.org>", "ed25519", usage: "sign", expires: "1d", at: "20200101T000000")
        let outcome = try run(
            ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "--faked-system-time", "20200101T120000"]
                + ["--detach-sign"], input: Data(data))
        _ = try refusal(try verifier(key, home: ring.directory), Array(outcome.output), of: data)
        try ring.gpg("--passphrase", "", "--quick-set-expire", key, "20y")
        #expect(try verifier(key, home: ring.directory).verify(Array(outcome.output), of: data).fingerprint == key)
    }

    @Test func disabledKeysSignNothing() throws {
        let signature = try made("--detach-sign", by: keys.good)
        let ring = try TestRing()
        let exported = try keys.ring.gpg("--armor", "--export", keys.good)
        try ring.gpg("--import", input: String(decoding: exported.output, as: UTF8.self))
        #expect(try verifier(keys.good, home: ring.directory).verify(signature, of: data).fingerprint == keys.good)
        _ = try run(
            ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "--command-fd", "0", "--edit-key", keys.good],
            input: Data("disable\nsave\n".utf8))
        let error = try refusal(try verifier(keys.good, home: ring.directory), signature, of: data)
        #expect(error.message.contains("disabled"))
    }

    @Test func onlyOneDetachedBinarySignatureIsAccepted() throws {
        let verifier = try verifier(keys.good, keys.other)
        let one = try made("--detach-sign", by: keys.good)
        let forms: [(String, [UInt8], String)] = [
            ("none", [], "empty"),
            ("two", one + (try made("--detach-sign", by: keys.other)), "exactly one"),
            ("more", one + [0], "exactly one"),
            ("armored", try made("--armor", "--detach-sign", by: keys.good), "armor"),
            ("of text", try made("--textmode", "--detach-sign", by: keys.good), "binary data"),
            ("with its own data", try made("--compress-algo", "none", "--sign", by: keys.good), "other OpenPGP data"),
            ("compressed", try made("--sign", by: keys.good), "other OpenPGP data"),
            ("clear", try made("--clear-sign", by: keys.good), "armor"),
            ("by SHA-1", try made("--digest-algo", "SHA1", "--detach-sign", by: keys.good), "digest"),
            ("a key", Array(try keys.ring.gpg("--export", keys.good).output), "other OpenPGP data"),
            ("no OpenPGP", Array("signature".utf8), "no OpenPGP"),
            ("huge", one + [UInt8](repeating: 0, count: 1 << 20), "most"),
        ]
        for (name, bytes, words) in forms {
            let error = try refusal(verifier, bytes, of: data)
            #expect(error.message.contains(words), "\(name): \(error)")
        }
        #expect(try verifier.verify(one, of: data).fingerprint == keys.good)
    }

    @Test func garbageIsRefusedWithoutHarm() throws {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0 ... .max, using: &random)
        var state = seed
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let good = try made("--detach-sign", by: keys.good)
        for _ in 0..<20_000 {
            // Headers of all kinds, bodies of all lengths; and good ones with some bytes changed.
            var bytes = next() & 1 == 0 ? (0..<Int(next())).map { _ in next() } : good
            if !bytes.isEmpty { bytes[0] = next() & 1 == 0 ? 0x88 : next() }
            for _ in 0..<next() % 4 where !bytes.isEmpty { bytes[Int(next()) % bytes.count] = next() }
            do throws(BackupError) { _ = try SignaturePacket(bytes) } catch {
                #expect(error.code == .untrusted, "seed \(seed)")
            }
        }
    }
}
