import Foundation
import Testing

/// What a process left behind.
struct Outcome {
    var status: Int32
    var output: Data
    var errors: String
}

/// Runs `words` with `input` on its standard input; kills it when it has not ended after a minute.
func run(_ words: [String], input: Data = Data(), environment: [String: String] = [:]) throws -> Outcome {
    let folder = try Folder()
    let inputPath = folder.path + "/in"
    try input.write(to: URL(fileURLWithPath: inputPath))
    for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: folder.path + "/" + name)) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // A session of its own has no terminal, whoever runs the tests.
    process.arguments = ["setsid", "--wait", "timeout", "60"] + words
    var variables = ProcessInfo.processInfo.environment
    for name in ["GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY"] { variables[name] = nil }
    process.environment = variables.merging(environment) { _, new in new }
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: inputPath))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/out"))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/err"))
    try process.run()
    process.waitUntilExit()
    return Outcome(
        status: process.terminationStatus,
        output: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/out")),
        errors: String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/err")), as: UTF8.self))
}

/// A directory that goes away with its object. The path is short: the agent's socket lies in it.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/gbk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        // An agent that ends removes its sockets at the same time.
        for _ in 0..<10 where FileManager.default.fileExists(atPath: path) {
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}

/// A key ring made for the tests, with its agent, which ends with it.
final class TestRing: Sendable {
    let folder: Folder
    var directory: String { folder.path }

    init() throws {
        folder = try Folder()
        // A pinentry that answers "secret" lets a test unlock a key as a person would.
        let pinentry = folder.path + "/pinentry"
        let script = """
            #!/bin/sh
            echo OK ready
            while read -r word rest; do
                case "$word" in
                    GETPIN) test -e "$(dirname "$0")/answer" || { echo "ERR 83886179 Operation cancelled"; continue; }
                        echo "D secret"; echo OK ;;
                    BYE) echo OK; exit 0 ;;
                    *) echo OK ;;
                esac
            done

            """
        try script.write(toFile: pinentry, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: pinentry)
        try "pinentry-program \(pinentry)\n".write(
            toFile: folder.path + "/gpg-agent.conf", atomically: true, encoding: .utf8)
    }

    deinit { _ = try? run(["gpgconf", "--homedir", folder.path, "--kill", "all"]) }

    @discardableResult
    func gpg(_ words: String..., input: String = "") throws -> Outcome {
        let outcome = try run(
            ["gpg", "--homedir", directory, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback"] + words,
            input: Data(input.utf8))
        try #require(outcome.status == 0, "gpg \(words): \(outcome.errors)")
        return outcome
    }

    /// Makes a key and gives its fingerprint.
    func makeKey(
        _ userID: String, _ algorithm: String = "future-default", usage: String = "default", expires: String = "never",
        passphrase: String = "", at time: String? = nil
    ) throws -> String {
        let clock = time.map { ["--faked-system-time", $0] } ?? []
        let outcome = try run(
            ["gpg", "--homedir", directory, "--batch", "--no-tty", "--status-fd", "1", "--pinentry-mode", "loopback"]
                + ["--passphrase", passphrase] + clock + ["--quick-generate-key", userID, algorithm, usage, expires])
        try #require(outcome.status == 0, "\(outcome.errors)")
        let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
        let created = try #require(lines.first { $0.contains("KEY_CREATED") })
        return String(try #require(created.split(separator: " ").last))
    }
}
