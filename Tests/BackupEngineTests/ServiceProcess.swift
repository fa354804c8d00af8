import BackupModel
import BackupTestKit
import Glibc
import Testing

/// `gb generator run` as a process, as systemd starts it.
final class ServiceProcess {
    let number: pid_t
    private let site: Site
    private var status: CInt?

    /// The program lies beside the test bundle.
    private static let program: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? 0
        }
        let candidates = [String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)] + CommandLine.arguments
        let paths = candidates.map { $0.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/gb" }
        return paths.first { access($0, X_OK) == 0 } ?? "gb"
    }()

    /// - Parameter notify: the value of `NOTIFY_SOCKET`.
    init(_ site: Site, notify: String = "") throws {
        self.site = site
        let log = open(site.place.path("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(log) }
        number = try ToolRun.spawn(
            ["env", "NOTIFY_SOCKET=" + notify, Self.program, "generator", "run", "--config-dir", site.configuration],
            output: log)
    }

    deinit {
        if status == nil {
            kill(number, SIGKILL)
            waitpid(number, nil, 0)
        }
    }

    var log: String { (try? site.place.read("log")).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    func send(_ signal: CInt) { kill(number, signal) }

    var isRunning: Bool {
        guard status == nil else { return false }
        var status: CInt = 0
        guard waitpid(number, &status, WNOHANG) == number else { return true }
        self.status = status
        return false
    }

    /// Waits for the end. Gives the exit code, 128 + N after signal N.
    func end() async throws -> Int {
        try await eventually("the service ends: \(log)") { !isRunning }
        let status = try #require(status)
        return Int(status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f))
    }
}

/// The socket of whoever started the service.
final class NotifySocket {
    private let number: CInt

    /// - Parameter path: `@` at the beginning for the abstract name space.
    init(_ path: String) throws {
        number = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        try #require(number >= 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            target.copyBytes(from: path.utf8)
            if path.hasPrefix("@") { target[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count + (path.hasPrefix("@") ? 0 : 1))
        let (number, result) = (
            number,
            withUnsafePointer(to: &address) { [number] pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, length) }
            }
        )
        try #require(result == 0, "\(number)")
    }

    deinit { close(number) }

    private var received: [String] = []

    /// All messages so far.
    var messages: [String] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(number, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { return received }
            received.append(String(decoding: buffer.prefix(count), as: UTF8.self))
        }
    }
}
