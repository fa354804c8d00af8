import BackupModel
import Foundation
import Testing

/// The keys all tests share: making them takes longer than looking at them.
struct Keys {
    let ring: TestRing
    let good, other, twin, expired, revoked, signOnly, disabled, limited, locked: String

    @TaskLocal static var current: Keys?

    init() throws {
        ring = try TestRing()
        good = try ring.makeKey("Good Key <good@example.org>")
        other = try ring.makeKey("Other Key <double@example.org>")
        twin = try ring.makeKey("Twin Key <double@example.org>")
        expired = try ring.makeKey("Old Key <old@example.org>", expires: "1d", at: "20200101T000000")
        limited = try ring.makeKey("Limited Key <limited@example.org>", expires: "20991231T000000")
        revoked = try ring.makeKey("Gone Key <gone@example.org>")
        let certificate = try String(
            contentsOfFile: "\(ring.directory)/openpgp-revocs.d/\(revoked).rev", encoding: .utf8)
        try ring.gpg(
            "--import", input: certificate.replacingOccurrences(of: ":-----BEGIN", with: "-----BEGIN"))
        signOnly = try ring.makeKey("Sign Key <sign@example.org>", "ed25519", usage: "sign")
        disabled = try ring.makeKey("Off Key <off@example.org>")
        _ = try run(
            ["gpg", "--homedir", ring.directory, "--batch", "--no-tty", "--command-fd", "0", "--edit-key", disabled],
            input: Data("disable\nsave\n".utf8))
        locked = try ring.makeKey("Locked Key <locked@example.org>", passphrase: "secret")
    }
}

/// Makes the keys before the first test of a suite, and removes them after the last.
struct SharedKeys: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let keys = try Keys()
        try await Keys.$current.withValue(keys) { try await function() }
    }
}

let now = Timestamp(Int64(Date().timeIntervalSince1970) + 5)
