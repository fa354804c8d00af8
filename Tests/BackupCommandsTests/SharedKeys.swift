import Foundation
import Testing

/// Throw-away keys, made once for all tests of the commands.
struct Keys: Sendable {
    /// A GnuPG home directory with the secret keys.
    let ring: String
    /// One with the public keys alone, as a machine has it that only makes backups.
    let publicRing: String
    /// Fingerprints.
    let good, expired, revoked, locked: String
    /// Of the locked key.
    static let passphrase = "open sesame"

    @TaskLocal static var current: Keys?

    fileprivate init(in directory: String) throws {
        ring = directory + "/ring"
        publicRing = directory + "/public"
        for path in [ring, publicRing] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try #require(chmod(path, 0o700) == 0)
        }
        good = try Self.makeKey(ring, "Good Key <good@example.org>")
        expired = try Self.makeKey(ring, "Old Key <old@example.org>", expires: "1d", at: "20200101T000000")
        revoked = try Self.makeKey(ring, "Gone Key <gone@example.org>")
        locked = try Self.makeKey(ring, "Locked Key <locked@example.org>", passphrase: Self.passphrase)
        let certificate = try String(contentsOfFile: "\(ring)/openpgp-revocs.d/\(revoked).rev", encoding: .utf8)
        try certificate.replacingOccurrences(of: ":-----BEGIN", with: "-----BEGIN")
            .write(toFile: directory + "/revocation", atomically: true, encoding: .utf8)
        try runTool("gpg", "--homedir", ring, "--batch", "--no-tty", "--import", directory + "/revocation")
        try runTool(
            "gpg", "--homedir", ring, "--batch", "--no-tty", "--output", directory + "/exported", "--export")
        try runTool("gpg", "--homedir", publicRing, "--batch", "--no-tty", "--import", directory + "/exported")
    }

    private static func makeKey(
        _ ring: String, _ userID: String, expires: String = "never", passphrase: String = "", at time: String? = nil
    ) throws -> String {
        let clock = time.map { ["--faked-system-time", $0] } ?? []
        let made = try GBProcess(
            ["gpg", "--homedir", ring, "--batch", "--no-tty", "--status-fd", "1", "--pinentry-mode", "loopback"]
                + ["--passphrase", passphrase] + clock
                + ["--quick-generate-key", userID, "future-default", "default", expires]
        ).wait()
        let line = try #require(made.lines.first { $0.contains("KEY_CREATED") }, "\(made.testDescription)")
        return String(try #require(line.split(separator: " ").last))
    }

    fileprivate func forget() {
        for path in [ring, publicRing] { _ = try? runTool("gpgconf", "--homedir", path, "--kill", "all") }
    }
}

/// Makes the keys before the first test of a suite, and removes them with their agents after the last.
struct SharedKeys: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        // Short: the path of the agent's socket has a limit.
        var template = Array("/tmp/gbk-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            // An agent that ends removes its sockets at the same time.
            for _ in 0..<10 where FileManager.default.fileExists(atPath: directory) {
                try? FileManager.default.removeItem(atPath: directory)
            }
        }
        let keys = try Keys(in: directory)
        defer { keys.forget() }
        try await Keys.$current.withValue(keys) { try await function() }
    }
}

extension Trait where Self == SharedKeys {
    static var sharedKeys: Self { SharedKeys() }
}
