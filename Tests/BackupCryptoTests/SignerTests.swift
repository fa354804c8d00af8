import BackupCrypto
import BackupModel
import Foundation
import Testing

/// How signers are named, and what they need.
extension SignatureTests {
    @Test(arguments: ["DEADBEEF", "0123456789ABCDEF", "good@example.org", "", "0x", String(repeating: "A", count: 64)])
    func onlyFingerprintsNameSigners(_ name: String) throws {
        for error in [
            try #require(throws: BackupError.self) { try verifier(keys.good, name) },
            try #require(throws: BackupError.self) { try signer(name) },
        ] {
            #expect(error.code == .invalidValue)
            #expect(error.remedy.contains("40 hexadecimal digits"))
        }
        let empty = try #require(throws: BackupError.self) {
            try SignatureVerifier(homeDirectory: home, allowed: [])
        }
        #expect(empty.code == .invalidValue)
    }

    @Test func everyFormOfAFingerprint() throws {
        let groups = stride(from: 0, to: 40, by: 4).map { String(keys.good.dropFirst($0).prefix(4)) }
        let signature = try signer("0x" + keys.good.lowercased()).sign(data)
        let verifier = try verifier(groups.joined(separator: " "))
        #expect(try verifier.verify(signature, of: data).fingerprint == keys.good)
    }

    // MARK: - Keys that cannot sign

    @Test func unusableSecretKeysSayWhy() throws {
        try Data().write(to: URL(fileURLWithPath: home + "/answer"))
        defer { try? FileManager.default.removeItem(atPath: home + "/answer") }
        let encryptOnly = try keys.ring.makeKey("Crypt <crypt@example.org>", "rsa2048", usage: "encrypt")
        defer { _ = try? keys.ring.gpg("--delete-secret-and-public-key", encryptOnly) }
        for (name, words, way) in [
            (keys.expired, "expired at 2020-01-02T", "extend"), (keys.revoked, "revoked", "another key"),
            (keys.disabled, "disabled", "enable"), (encryptOnly, "not for signing", "--quick-add-key"),
            // A pinentry that would answer is not asked.
            (keys.locked, "passphrase", "without passphrase"),
            (String(repeating: "A", count: 40), "not in the keys directory", "--import"),
        ] {
            let error = try #require(throws: BackupError.self) { try signer(name) }
            #expect(error.code == .keyUnusable, "\(error)")
            #expect(error.message.contains(words) && error.message.contains(name), "\(error)")
            #expect(error.remedy.contains(way), "\(error)")
        }
        let error = try #require(throws: BackupError.self) {
            try Signer(homeDirectory: home, fingerprint: keys.good, at: Timestamp(1_000_000_000))
        }
        #expect(error.message.contains("valid only from"))
    }

    @Test func keysThatMaySignAreFoundByTheirPublicHalf() throws {
        let ring = try TestRing()
        let exported = try keys.ring.gpg("--armor", "--export", keys.good, keys.expired, keys.revoked)
        try ring.gpg("--import", input: String(decoding: exported.output, as: UTF8.self))
        let keyRing = try KeyRing(directory: ring.directory)
        let good = try keyRing.signerKey(keys.good.lowercased(), at: now)
        #expect(good.fingerprint == keys.good && good.problem == nil, "\(good)")
        for (name, words) in [(keys.expired, "expired at 2020-01-02T"), (keys.revoked, "revoked")] {
            let problem = try #require(try keyRing.signerKey(name, at: now).problem)
            #expect(problem.code == .keyUnusable)
            #expect(problem.message.contains(words) && problem.message.contains(name), "\(problem)")
        }
        let error = try #require(throws: BackupError.self) {
            try keyRing.signerKey(String(repeating: "A", count: 40), at: now)
        }
        #expect(error.code == .keyUnusable && error.message.contains("not in the keys directory"))
    }

    @Test func aKeyThatTheAgentHasUnlockedSigns() throws {
        let ring = try TestRing()
        let key = try ring.makeKey("Lock <lock@example.org>", "ed25519", usage: "sign", passphrase: "secret")
        #expect(throws: BackupError.self) { try Signer(homeDirectory: ring.directory, fingerprint: key, at: now) }
        try Data().write(to: URL(fileURLWithPath: ring.directory + "/answer"))
        let unlocked = try run(["gpg", "--homedir", ring.directory, "--batch", "--detach-sign"], input: Data("x".utf8))
        try #require(unlocked.status == 0, "\(unlocked.errors)")
        let signature = try Signer(homeDirectory: ring.directory, fingerprint: key, at: now).sign(data)
        #expect(try verifier(key, home: ring.directory).verify(signature, of: data).fingerprint == key)
    }

    @Test func aPublicKeyCannotSign() throws {
        let ring = try TestRing()
        let exported = try keys.ring.gpg("--armor", "--export", keys.good)
        try ring.gpg("--import", input: String(decoding: exported.output, as: UTF8.self))
        let error = try #require(throws: BackupError.self) {
            try Signer(homeDirectory: ring.directory, fingerprint: keys.good, at: now)
        }
        #expect(error.code == .keyUnusable)
        #expect(error.message.contains("secret half") && error.remedy.contains("--import"), "\(error)")
    }

    @Test func whatIsTakenAwayLaterFails() throws {
        let ring = try TestRing()
        let key = try ring.makeKey("Short <short@example.org>", "ed25519", usage: "sign")
        let signer = try Signer(homeDirectory: ring.directory, fingerprint: key, at: now)
        _ = try signer.sign(data)
        try ring.gpg("--delete-secret-keys", key)
        let error = try #require(throws: BackupError.self) { try signer.sign(data) }
        #expect(error.code == .keyUnusable, "\(error)")
    }

    @Test func settingsOfTheDirectoryCannotSpoilASignature() throws {
        let ring = try TestRing()
        let key = try ring.makeKey("Conf <conf@example.org>", "ed25519", usage: "sign")
        for line in ["armor", "digest-algo SHA1", "textmode"] {
            try (line + "\n").write(toFile: ring.directory + "/gpg.conf", atomically: true, encoding: .utf8)
            let error = try #require(throws: BackupError.self, "\(line)") {
                try Signer(homeDirectory: ring.directory, fingerprint: key, at: now)
            }
            #expect(error.description.contains("gpg.conf"), "\(line): \(error)")
        }
    }

    @Test func missingProgramIsNamed() throws {
        for error in [
            try #require(throws: BackupError.self) {
                try Signer(homeDirectory: home, fingerprint: keys.good, at: now, program: "/nonexistent/gpg")
            },
            try #require(throws: BackupError.self) {
                try SignatureVerifier(homeDirectory: home, allowed: [keys.good], program: "/nonexistent/gpg")
            },
        ] { #expect(error.code == .programMissing) }
    }
}
