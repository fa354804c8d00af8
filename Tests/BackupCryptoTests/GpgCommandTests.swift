import BackupCrypto
import BackupModel
import Foundation
import Testing

/// The command lines, run as processes.
extension KeyRingTests {
    private func encrypt(_ plain: Data, _ fingerprints: [String], in directory: String) throws -> Data {
        let outcome = try run(
            GpgCommand.encrypt(homeDirectory: directory, fingerprints: fingerprints), input: plain)
        try #require(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors == "")
        return outcome.output
    }

    @Test func roundTripForEachOfTwoRecipients() throws {
        let plain = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        let message = try encrypt(plain, [keys.good, keys.other], in: keys.ring.directory)
        for key in [keys.good, keys.other] {
            let secret = try keys.ring.gpg("--armor", "--export-secret-keys", key)
            let holder = try TestRing()
            try holder.gpg("--import", input: String(decoding: secret.output, as: UTF8.self))
            for mayAsk in [true, false] {
                let command = GpgCommand.decrypt(homeDirectory: holder.directory, mayAsk: mayAsk)
                let outcome = try run(command, input: message)
                #expect(
                    GpgCommand.isDecrypted(exitStatus: outcome.status, errorOutput: outcome.errors), "\(outcome.errors)"
                )
                #expect(outcome.output == plain)
            }
        }
    }

    @Test func onlyTheKnownFalseAlarmIsExcused() {
        let good = "[GNUPG:] BEGIN_DECRYPTION\n[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] GOODMDC\n[GNUPG:] END_DECRYPTION\n"
        let alarm = "gpg: ecdh failed in gcry_cipher_decrypt: Checksum error\n"
        func verdict(_ status: Int32, _ errors: String) -> Bool {
            GpgCommand.isDecrypted(exitStatus: status, errorOutput: errors)
        }
        #expect(verdict(0, good))
        #expect(GpgCommand.messages(errorOutput: good + alarm) == String(alarm.dropLast()))
        #expect(verdict(2, alarm + good))
        #expect(verdict(0, "gpg: a note\n" + good))
        #expect(!verdict(2, alarm + good + "gpg: error writing to '-': No space left on device\n"))
        #expect(!verdict(2, alarm))
        #expect(!verdict(0, ""))
        #expect(!verdict(2, good + "[GNUPG:] DECRYPTION_FAILED\n"))
        #expect(!verdict(1, good))
        #expect(!verdict(9, good))
    }

    @Test func readersOfCardsAreNotQuoted() {
        let good = "[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] END_DECRYPTION\n"
        let noise = "gpg: selecting card failed: No such device\ngpg: error getting version from 'scdaemon': No\n"
        #expect(GpgCommand.isDecrypted(exitStatus: 2, errorOutput: noise + good))
        #expect(GpgCommand.messages(errorOutput: noise + good + "gpg: a note\n") == "gpg: a note")
    }

    /// Only with the session key at hand can gpg tell wrong bytes from a wrong key.
    @Test(arguments: [
        ("[GNUPG:] NODATA 3\n", true), ("[GNUPG:] UNEXPECTED 0\n", true),
        (
            "[GNUPG:] DECRYPTION_KEY A B u\n[GNUPG:] DECRYPTION_INFO 2 9 0\n[GNUPG:] BADMDC\n[GNUPG:] DECRYPTION_FAILED\n",
            true
        ),
        ("[GNUPG:] DECRYPTION_INFO 2 9 0\n[GNUPG:] DECRYPTION_FAILED\n", true),
        (
            "[GNUPG:] DECRYPTION_FAILED\ngpg: can't connect to the agent: IPC\ngpg: decryption failed: No secret key\n",
            false
        ),
        ("gpg: out of core\n", false),
    ])
    func damageIsToldFromAMissingKey(errors: String, isDamaged: Bool) {
        let error = GpgCommand.diagnosis(errorOutput: errors, homeDirectory: "/nonexistent", mayAsk: false)
        #expect((error?.code == .damaged) == isDamaged)
        #expect(isDamaged || error == nil)
    }

    /// Decrypts, and says what was wrong.
    private func diagnosis(_ message: Data, _ ring: TestRing, mayAsk: Bool = false) throws -> BackupError? {
        let outcome = try run(
            GpgCommand.decrypt(homeDirectory: ring.directory, mayAsk: mayAsk), input: message,
            environment: ["LC_ALL": "C"])
        try #require(!GpgCommand.isDecrypted(exitStatus: outcome.status, errorOutput: outcome.errors))
        return GpgCommand.diagnosis(errorOutput: outcome.errors, homeDirectory: ring.directory, mayAsk: mayAsk)
    }

    @Test func aKeyThatIsNotHereIsSaidToBeMissing() throws {
        let hidden = try encrypt(Data("plain".utf8), [keys.good], in: keys.ring.directory)
        let named = try run(
            ["gpg", "--homedir", keys.ring.directory, "--batch", "--trust-model", "always"]
                + ["--recipient", keys.good, "--encrypt"], input: Data("plain".utf8)
        ).output
        let empty = try TestRing()
        for message in [hidden, named] {
            let error = try #require(try diagnosis(message, empty))
            #expect(error.code == .keyUnusable)
            #expect(error.message.contains("is not in the keys directory \(empty.directory)"), "\(error)")
            #expect(error.remedy.contains("--import"))
        }
        let other = try TestRing()
        _ = try other.makeKey("Other <other@example.org>", "rsa2048", usage: "encrypt")
        let said = try #require(try diagnosis(named, other))
        #expect(said.code == .keyUnusable && said.message.contains("is not in the keys directory"), "\(said)")
        // Of a hidden recipient nobody can tell whether it is somebody else or a damaged packet.
        let open = try #require(try diagnosis(hidden, other))
        #expect(open.code == .keyUnusable && open.message.contains("or the first bytes are damaged"), "\(open)")
        #expect(open.remedy.contains("gb storage verify"))
    }

    @Test func aDamagedPacketIsToldFromAMissingKeyWhereItNamesTheKey() throws {
        let ring = try TestRing()
        let key = try ring.makeKey("Curve <curve@example.org>")
        for (option, code) in [("--recipient", BackupError.Code.damaged), ("--hidden-recipient", .keyUnusable)] {
            var message = try run(
                ["gpg", "--homedir", ring.directory, "--batch", "--trust-model", "always", option, key, "--encrypt"],
                input: Data("plain".utf8)
            ).output
            message[30] ^= 1
            #expect(try diagnosis(message, ring)?.code == code)
        }
    }

    @Test func recipientsAreHiddenAndNothingIsCompressed() throws {
        let plain = Data(repeating: 0, count: 200_000)
        // A configuration in the directory must not matter.
        let configuration = keys.ring.directory + "/gpg.conf"
        try "encrypt-to \(keys.twin)\narmor\ncompress-algo zip\n".write(
            toFile: configuration, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: configuration) }
        let message = try encrypt(plain, [keys.good, keys.other], in: keys.ring.directory)
        #expect(message.count > plain.count)
        let packets = try run(
            ["gpg", "--homedir", keys.ring.directory, "--no-options", "--batch", "--list-packets"], input: message)
        let recipients = String(decoding: packets.output, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix(":pubkey enc packet:") }
        #expect(recipients.count == 2)
        #expect(recipients.allSatisfy { $0.contains("keyid 0000000000000000") })
    }

    @Test func encryptionStartsNoAgentAndWritesNothing() throws {
        let exported = try keys.ring.gpg("--armor", "--export", keys.good)
        let source = try TestRing()
        try source.gpg("--import", input: String(decoding: exported.output, as: UTF8.self))
        _ = try run(["gpgconf", "--homedir", source.directory, "--kill", "all"])
        for name in ["trustdb.gpg", "random_seed"] {
            try? FileManager.default.removeItem(atPath: source.directory + "/" + name)
        }
        let before = try FileManager.default.contentsOfDirectory(atPath: source.directory).sorted()
        _ = try encrypt(Data("x".utf8), [keys.good], in: source.directory)
        #expect(try FileManager.default.contentsOfDirectory(atPath: source.directory).sorted() == before)
    }

    @Test func encryptionToAnUnusableKeyFails() throws {
        for key in [keys.expired, keys.revoked, keys.signOnly, String(repeating: "A", count: 40)] {
            let outcome = try run(
                GpgCommand.encrypt(homeDirectory: keys.ring.directory, fingerprints: [keys.good, key]),
                input: Data("x".utf8))
            #expect(outcome.status != 0)
            #expect(outcome.output.isEmpty)
        }
    }

    @Test func decryptionFailsWithoutTheSecretKey() throws {
        let message = try encrypt(Data("plain".utf8), [keys.good], in: keys.ring.directory)
        let stranger = try TestRing()
        let outcome = try run(GpgCommand.decrypt(homeDirectory: stranger.directory), input: message)
        #expect(outcome.status != 0)
        #expect(outcome.output.isEmpty)
    }

    @Test func damageAndTruncationFail() throws {
        let message = try encrypt(Data(repeating: 7, count: 100_000), [keys.good], in: keys.ring.directory)
        var flipped = message
        flipped[60_000] ^= 1
        for bad in [flipped, message.prefix(60_000), Data()] {
            let command = GpgCommand.decrypt(homeDirectory: keys.ring.directory, mayAsk: false)
            let outcome = try run(command, input: Data(bad))
            #expect(outcome.status != 0)
            #expect(!GpgCommand.isDecrypted(exitStatus: outcome.status, errorOutput: outcome.errors))
        }
    }

    @Test func passphraseComesFromPinentryOrNot() throws {
        let secret = try run(
            [
                "gpg", "--homedir", keys.ring.directory, "--batch", "--pinentry-mode", "loopback", "--passphrase",
                "secret",
            ]
                + ["--armor", "--export-secret-keys", keys.locked])
        try #require(secret.status == 0, "\(secret.errors)")
        let holder = try TestRing()
        let imported = try run(
            ["gpg", "--homedir", holder.directory, "--batch", "--import"], input: secret.output)
        try #require(imported.status == 0, "\(imported.errors)")
        let plain = Data("plain".utf8)
        let message = try encrypt(plain, [keys.locked], in: holder.directory)
        // Nobody is there, or whoever is there cancels: it fails, and does not wait.
        for mayAsk in [false, true] {
            let command = GpgCommand.decrypt(homeDirectory: holder.directory, mayAsk: mayAsk)
            let outcome = try run(command, input: message)
            #expect(outcome.status != 0 && outcome.status != 124)
            #expect(outcome.output.isEmpty)
        }
        try Data().write(to: URL(fileURLWithPath: holder.directory + "/answer"))
        let outcome = try run(GpgCommand.decrypt(homeDirectory: holder.directory), input: message)
        #expect(GpgCommand.isDecrypted(exitStatus: outcome.status, errorOutput: outcome.errors), "\(outcome.errors)")
        #expect(outcome.output == plain)
    }
}
