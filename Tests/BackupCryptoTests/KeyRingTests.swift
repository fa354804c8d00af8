import BackupCrypto
import BackupModel
import Testing

@Suite(.serialized, SharedKeys()) struct KeyRingTests {
    let keys: Keys
    let ring: KeyRing

    init() throws {
        keys = try #require(Keys.current)
        ring = try KeyRing(directory: keys.ring.directory)
    }

    private func refusal(_ name: String, at time: Timestamp = now) throws -> BackupError {
        try #require(throws: BackupError.self) { try ring.encryptionKey(name, at: time) }
    }

    @Test func findsAKeyByEveryFormOfItsName() throws {
        let groups = stride(from: 0, to: 40, by: 4).map { String(keys.good.dropFirst($0).prefix(4)) }
        for name in [
            keys.good, keys.good.lowercased(), "0x" + keys.good, groups.joined(separator: " "),
            String(keys.good.suffix(16)), "good@example.org", "<good@example.org>", "Good Key", " \(keys.good) ",
        ] {
            let key = try ring.encryptionKey(name, at: now)
            #expect(key.fingerprint == keys.good, "\(name)")
            #expect(key.userID == "Good Key <good@example.org>")
            #expect(key.hasSecret)
            #expect(key.expires == nil)
        }
        #expect(ring.warnings.isEmpty)
    }

    @Test func subkeyFingerprintGivesThePrimaryOne() throws {
        let listing = try keys.ring.gpg("--with-colons", "--with-subkey-fingerprint", "--list-keys", keys.good)
        let fingerprints = String(decoding: listing.output, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("fpr:") }.map { String($0.split(separator: ":")[1]) }
        try #require(fingerprints.count == 2)
        #expect(try ring.encryptionKey(fingerprints[1], at: now).fingerprint == keys.good)
    }

    @Test func missingKeyNamesDirectoryAndImport() throws {
        for name in ["nobody@example.org", String(repeating: "A", count: 40), "ood@example.org", "--version"] {
            let error = try refusal(name)
            #expect(error.code == .keyUnusable)
            #expect(error.message.contains(keys.ring.directory))
            #expect(error.remedy.contains("gpg --homedir \(keys.ring.directory) --import"))
        }
    }

    @Test(arguments: ["", "  ", "\u{1b}[31m", "a\nb", "DEADBEEF", "0123456789ABCDEF0123456789ABCDEF01234567!"])
    func hostileNamesAreRefused(_ name: String) throws {
        let error = try refusal(name)
        #expect(error.code == .invalidValue)
        #expect(!error.description.contains("\u{1b}") && !error.description.contains("\n"))
    }

    @Test func ambiguousNameListsTheFingerprints() throws {
        let error = try refusal("double@example.org")
        #expect(error.code == .keyUnusable)
        #expect(error.message.contains(keys.other) && error.message.contains(keys.twin))
        #expect(try ring.encryptionKey(keys.twin, at: now).fingerprint == keys.twin)
    }

    @Test func unusableKeysSayWhy() throws {
        for (name, words) in [
            (keys.expired, "expired at 2020-01-02T"), (keys.revoked, "revoked"), (keys.disabled, "disabled"),
            (keys.signOnly, "no subkey for encryption"),
        ] {
            let error = try refusal(name)
            #expect(error.code == .keyUnusable)
            #expect(error.message.contains(words), "\(error.message)")
            #expect(error.message.contains(name) && !error.remedy.isEmpty)
        }
    }

    @Test func theGivenTimeDecides() throws {
        let key = try ring.encryptionKey(keys.limited, at: now)
        let end = try #require(key.expires)
        #expect(end.description.hasPrefix("2099-12-31"))
        #expect(try ring.encryptionKey(keys.limited, at: Timestamp(end.seconds - 1)).fingerprint == keys.limited)
        #expect(try refusal(keys.limited, at: end).message.contains("expired"))
        #expect(try refusal(keys.good, at: Timestamp(1_000_000_000)).message.contains("valid only from"))
    }

    @Test func listsAllWithTheirProblems() throws {
        let found = Dictionary(
            uniqueKeysWithValues: try ring.keys(at: now).map { ($0.key.fingerprint, $0.problem) })
        #expect(found.count == 9)
        #expect(found[keys.good] == .some(nil))
        #expect(found[keys.revoked] == .revoked)
        #expect(found[keys.disabled] == .disabled)
        #expect(found[keys.signOnly] == .cannotEncrypt)
    }

    @Test func secretKeysThatDecrypt() throws {
        let found = Set(try ring.secretKeyFingerprints())
        #expect(found.isSuperset(of: [keys.good, keys.expired, keys.revoked]))
        #expect(!found.contains(keys.signOnly))
    }

    @Test func aRingOfPublicKeysHasNoSecrets() throws {
        let exported = try keys.ring.gpg("--armor", "--export", keys.good)
        let source = try TestRing()
        try source.gpg("--import", input: String(decoding: exported.output, as: UTF8.self))
        let ring = try KeyRing(directory: source.directory)
        #expect(try ring.encryptionKey(keys.good, at: now).hasSecret == false)
        #expect(try ring.secretKeyFingerprints().isEmpty)
    }

    @Test func emptyRingHasNoKeys() throws {
        let folder = try Folder()
        let ring = try KeyRing(directory: folder.path)
        #expect(try ring.keys(at: now).isEmpty)
        #expect(throws: BackupError.self) { try ring.encryptionKey("x@example.org", at: now) }
    }

    @Test(arguments: ["/nonexistent/gpg", "/bin/sh"])
    func missingProgramIsNamed(_ program: String) throws {
        let ring = try KeyRing(directory: keys.ring.directory, program: program)
        let error = try #require(throws: BackupError.self) { try ring.encryptionKey(keys.good, at: now) }
        #expect(error.code == .programMissing)
        #expect(error.message.contains(program))
    }

    @Test func versionOfTheProgram() throws {
        let version = try ring.engineVersion()
        #expect(version.split(separator: ".").count == 3)
        let printed = try run(GpgCommand.version())
        #expect(String(decoding: printed.output, as: UTF8.self).hasPrefix("gpg (GnuPG) \(version)"))
    }

    @Test func manyThreadsAtOnce() async throws {
        let (ring, name) = (ring, keys.good)
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { try ring.encryptionKey(name, at: now).fingerprint } }
            for try await fingerprint in group { #expect(fingerprint == name) }
        }
    }
}
