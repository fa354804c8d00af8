import Foundation
import Testing

/// How a process ended, and what it wrote.
struct GBResult: CustomTestStringConvertible {
    /// The exit code; 128 + N after signal N; -1 when it had to be killed since its time was over.
    var status: Int
    var output: String
    var errors: String

    var testDescription: String { "exit \(status)\nstandard output:\n\(output)\nstandard error:\n\(errors)" }

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// Each line of standard output as a JSON object; fails where one is none.
    func jsonLines() throws -> [[String: Any]] {
        try lines.map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(value as? [String: Any], "no JSON object: \(line)")
        }
    }

    /// The only JSON object of standard output that is an error: its code, exit code and message.
    func jsonError() throws -> (code: String, exit: Int, message: String) {
        let errors = try jsonLines().compactMap { $0["error"] as? [String: Any] }
        let error = try #require(errors.first, "no error in: \(output)")
        return (
            try #require(error["code"] as? String), try #require(error["exit"] as? Int),
            try #require(error["message"] as? String)
        )
    }
}

/// A program that was started by a test: `gb`, as a person or a script starts it, in a session of its own without a
/// terminal.
final class GBProcess: Sendable {
    let number: pid_t
    /// Stands in the environment of the process and of all that it starts.
    let token: String
    private let output: CInt
    private let errors: CInt

    /// The program under test: it lies beside the test bundle.
    static let gb: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("gb").path
        // `swift test` may run the bundle by a helper that lies elsewhere.
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        let arguments = CommandLine.arguments.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/gb" }
        return arguments.first { FileManager.default.isExecutableFile(atPath: $0) } ?? beside
    }()

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - words: the program's path or name first.
    ///   - environment: is added to that of the tests, without what would change messages or ask a person.
    ///   - input: what it can read from standard input.
    ///   - outputPath: where standard output goes instead of being kept.
    init(
        _ words: [String], environment: [String: String] = [:], input: String = "", directory: String? = nil,
        outputPath: String? = nil
    ) throws {
        token = "GB_TEST_TOKEN=\(UInt64.random(in: 0 ... .max))"
        output = try Self.unnamedFile()
        errors = try Self.unnamedFile()
        let inputFile = try Self.unnamedFile()
        defer { close(inputFile) }
        let bytes = Array(input.utf8)
        try #require(write(inputFile, bytes, bytes.count) == bytes.count)
        lseek(inputFile, 0, SEEK_SET)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputFile, 0)
        if let outputPath {
            posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY, 0)
        } else {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        }
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        let place = directory.map { ["env", "-C", $0] } ?? []
        number = try spawnProgram(place + words, &actions, Self.variables(environment, token))
    }

    /// `gb` with these arguments.
    static func start(_ arguments: [String], environment: [String: String] = [:], input: String = "") throws
        -> GBProcess
    {
        try GBProcess([gb] + arguments, environment: environment, input: input)
    }

    static func variables(_ changes: [String: String], _ token: String = "GB_TEST_TOKEN=") -> [String] {
        var variables = ProcessInfo.processInfo.environment
        for name in ["GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "TAR_OPTIONS", "LANGUAGE", "NOTIFY_SOCKET"] {
            variables[name] = nil
        }
        variables["LC_ALL"] = "C.UTF-8"
        variables["TZ"] = "UTC"
        variables.merge(changes) { _, new in new }
        return variables.map { "\($0.key)=\($0.value)" } + [token]
    }

    private static func unnamedFile() throws -> CInt {
        var name = Array((NSTemporaryDirectory() + "/gb-test-XXXXXX").utf8CString)
        let file = mkstemp(&name)
        try #require(file >= 0, "an unnamed file: \(String(cString: strerror(errno)))")
        unlink(name)
        try #require(fcntl(file, F_SETFD, FD_CLOEXEC) == 0)
        return file
    }

    func signal(_ number: CInt) { kill(self.number, number) }

    /// Waits for the end of the process; kills it when `limit` seconds are over.
    func wait(limit: Double = 60) -> GBResult {
        var status = CInt(0)
        let isOver = waitUntil(limit) { waitpid(number, &status, WNOHANG) == number }
        if !isOver {
            kill(number, SIGKILL)
            waitpid(number, &status, 0)
        }
        defer {
            close(output)
            close(errors)
        }
        return GBResult(
            status: isOver ? exitCode(status) : -1, output: Self.contents(output), errors: Self.contents(errors))
    }

    private static func contents(_ file: CInt) -> String {
        lseek(file, 0, SEEK_SET)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(file, &buffer, buffer.count), count > 0 { bytes += buffer.prefix(count) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The processes that this one has started and that still run, but for GnuPG's agent, which stays on purpose.
    func descendants() -> [String] { family().filter { !$0.isAgent }.map { "\($0.number) \($0.command)" } }

    /// Ends the agents that GnuPG has started for this process.
    func endAgents() {
        for member in family() where member.isAgent { kill(member.number, SIGTERM) }
        waitUntil(10, interval: 0.05) { family().allSatisfy { !$0.isAgent } }
    }

    private struct Member {
        let number: pid_t
        let command: String
        var isAgent: Bool { ["gpg-agent", "scdaemon", "keyboxd"].contains(command) }
    }

    private func family() -> [Member] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { name in
            guard let process = pid_t(name), process != number,
                let environment = FileManager.default.contents(atPath: "/proc/\(name)/environ"),
                environment.range(of: Data(token.utf8)) != nil,
                let command = FileManager.default.contents(atPath: "/proc/\(name)/comm")
            else { return nil }
            return Member(
                number: process,
                command: String(decoding: command, as: UTF8.self).trimmingCharacters(in: .newlines))
        }
    }

    /// What is left of ``descendants()`` when they have been given time to notice that they are alone, with all that
    /// may explain why.
    func leftOver(limit: Double = 60) -> [String] {
        waitUntil(limit, interval: 0.02) { descendants().isEmpty }
        return family().filter { !$0.isAgent }.map { member in
            let place = "/proc/\(member.number)"
            func text(_ name: String) -> String {
                String(decoding: FileManager.default.contents(atPath: "\(place)/\(name)") ?? Data(), as: UTF8.self)
                    .replacingOccurrences(of: "\0", with: " ")
            }
            let descriptors = ((try? FileManager.default.contentsOfDirectory(atPath: place + "/fd")) ?? []).map {
                "\($0)=" + ((try? FileManager.default.destinationOfSymbolicLink(atPath: "\(place)/fd/\($0)")) ?? "?")
            }
            // Twice, so that one sees whether it computes or waits.
            let before = text("stat")
            usleep(500_000)
            return [
                "\(member.number) \(text("cmdline"))", text("wchan"), "\(descriptors)", before, text("stat"),
                text("status"),
            ].joined(separator: "\n")
        }
    }
}

/// Starts a program in a session of its own, with the default handling of all signals.
func spawnProgram(
    _ words: [String], _ actions: inout posix_spawn_file_actions_t, _ variables: [String]
) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    // POSIX_SPAWN_SETSID is a macro with a cast, which Swift does not import.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | 0x80))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for word in arguments + environment { free(word) } }
    var process = pid_t()
    let error = posix_spawnp(&process, words.first ?? "", &actions, &attributes, &arguments, &environment)
    try #require(error == 0, "start \(words): \(String(cString: strerror(error)))")
    return process
}

/// An exit status as a shell says it.
func exitCode(_ status: CInt) -> Int { Int(status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)) }

/// Asks `condition` until it holds, for `limit` seconds at most, every `interval` seconds.
@discardableResult
func waitUntil(_ limit: Double, interval: Double = 0.002, _ condition: () -> Bool) -> Bool {
    let end = DispatchTime.now() + limit
    while !condition() {
        guard DispatchTime.now() < end else { return false }
        usleep(UInt32(interval * 1e6))
    }
    return true
}

/// Runs a program of the system; fails when that does.
@discardableResult
func runTool(_ words: String..., environment: [String: String] = [:], directory: String? = nil) throws -> GBResult {
    let result = try GBProcess(words, environment: environment, directory: directory).wait()
    try #require(result.status == 0, "\(words): \(result.testDescription)")
    return result
}
