import BackupCrypto
import BackupModel
import Foundation
import Testing

/// Signatures made and checked with a real `gpg`.
@Suite(.serialized, SharedKeys(), .timeLimit(.minutes(10))) struct SignatureTests {
    let keys: Keys
    var home: String { keys.ring.directory }
    /// A little late: keys that a test has just made must be valid.
    var now: Timestamp { Timestamp(Int64(Date().timeIntervalSince1970) + 5) }
    let data = Array("what is signed\nin two lines\n".utf8)

    init() throws { keys = try #require(Keys.current) }

    func signer(_ fingerprint: String) throws -> Signer {
        try Signer(homeDirectory: home, fingerprint: fingerprint, at: now)
    }

    func verifier(_ allowed: String..., home: String? = nil) throws -> SignatureVerifier {
        try SignatureVerifier(homeDirectory: home ?? self.home, allowed: allowed)
    }

    func refusal(_ verifier: SignatureVerifier, _ signature: [UInt8], of bytes: [UInt8]) throws -> BackupError {
        let error = try #require(throws: BackupError.self) { try verifier.verify(signature, of: bytes) }
        #expect(error.code == .untrusted, "\(error)")
        return error
    }

    /// What `gpg` writes for ``data`` with these arguments.
    func made(_ words: String..., by key: String, at time: String? = nil) throws -> [UInt8] {
        let clock = time.map { ["--faked-system-time", $0] } ?? []
        let outcome = try run(
            ["gpg", "--homedir", home, "--batch", "--no-tty", "--local-user", key] + clock + words, input: Data(data))
        try #require(outcome.status == 0, "\(outcome.errors)")
        return Array(outcome.output)
    }

    // MARK: - Good ones

    @Test func signedAndVerified() throws {
        let before = Int64(Date().timeIntervalSince1970)
        let signature = try signer(keys.good).sign(data)
        let result = try verifier(keys.other, keys.good).verify(signature, of: data)
        #expect(result.fingerprint == keys.good)
        #expect((before...before + 60).contains(result.time.seconds))
        #expect(try SignaturePacket(signature).claimedIssuer == keys.good)
        // Also with nothing to sign.
        #expect(try verifier(keys.good).verify(try signer(keys.good).sign([]), of: []).fingerprint == keys.good)
    }

    @Test func theProgramAgrees() throws {
        let folder = try Folder()
        try Data(data).write(to: URL(fileURLWithPath: folder.path + "/data"))
        try Data(try signer(keys.signOnly).sign(data)).write(to: URL(fileURLWithPath: folder.path + "/sig"))
        try keys.ring.gpg("--verify", folder.path + "/sig", folder.path + "/data")
        let own = try made("--detach-sign", by: keys.signOnly)
        #expect(try verifier(keys.signOnly).verify(own, of: data).fingerprint == keys.signOnly)
    }

    @Test func filesAreSignedWhole() throws {
        let folder = try Folder()
        let path = folder.path + "/large"
        var bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) })
        try bytes.write(to: URL(fileURLWithPath: path))
        func reading<Value>(_ body: (CInt) throws -> Value) throws -> Value {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            let value = try body(file.fileDescriptor)
            #expect(fcntl(file.fileDescriptor, F_GETFD) >= 0, "the descriptor stays the caller's")
            return value
        }
        let (signer, verifier) = (try signer(keys.good), try verifier(keys.good))
        let signature = try reading { try signer.signFile($0) }
        #expect(try reading { try verifier.verify(signature, ofFile: $0) }.fingerprint == keys.good)
        #expect(try verifier.verify(signature, of: Array(bytes)).fingerprint == keys.good)
        bytes[2_999_999] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(throws: BackupError.self) { try reading { try verifier.verify(signature, ofFile: $0) } }
        try bytes.dropLast().write(to: URL(fileURLWithPath: path))
        #expect(throws: BackupError.self) { try reading { try verifier.verify(signature, ofFile: $0) } }
    }

    @Test func whatCannotBeReadIsNeitherSignedNorVerified() throws {
        let signature = try signer(keys.good).sign([])
        let directory = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(directory) }
        try #require(directory >= 0)
        // A failure to read must not look like an empty file.
        #expect(throws: BackupError.self) { try signer(keys.good).signFile(directory) }
        #expect(throws: BackupError.self) { try verifier(keys.good).verify(signature, ofFile: directory) }
    }

    @Test func manyThreadsAtOnce() async throws {
        let (signer, verifier, data) = (try signer(keys.good), try verifier(keys.good), data)
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<8 {
                let bytes = data + [UInt8(number)]
                group.addTask { try verifier.verify(try signer.sign(bytes), of: bytes).fingerprint }
            }
            for try await fingerprint in group { #expect(fingerprint == keys.good) }
        }
    }

    // MARK: - Subkeys

    @Test func aSubkeySpeaksForItsPrimaryKey() throws {
        let ring = try TestRing()
        let primary = try ring.makeKey("Sub <sub@example.org>", "ed25519", usage: "cert")
        for _ in 0..<2 { try ring.gpg("--passphrase", "", "--quick-add-key", primary, "ed25519", "sign") }
        let listing = try ring.gpg("--with-colons", "--list-keys", primary)
        let fingerprints = String(decoding: listing.output, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("fpr:") }.map { String($0.split(separator: ":")[1]) }
        try #require(fingerprints.count == 3)
        let signer = try Signer(homeDirectory: ring.directory, fingerprint: fingerprints[1], at: now)
        #expect(signer.fingerprint == primary)
        let byItself = try signer.sign(data)
        let any = try verifier(primary, home: ring.directory)
        #expect(try any.verify(byItself, of: data).fingerprint == primary)

        for subkey in fingerprints.dropFirst() {
            let outcome = try run(
                ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "-u", subkey + "!", "--detach-sign"],
                input: Data(data))
            let signature = Array(outcome.output)
            #expect(try any.verify(signature, of: data).fingerprint == primary)
            for allowed in fingerprints.dropFirst() {
                let one = try verifier(allowed, home: ring.directory)
                if allowed == subkey {
                    #expect(try one.verify(signature, of: data).fingerprint == primary)
                } else {
                    #expect(try refusal(one, signature, of: data).message.contains(primary))
                }
            }
        }
    }
}
