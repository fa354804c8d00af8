import Foundation
import Testing

/// A running `gb transfer serve`.
final class ServiceRun {
    let process: GBProcess
    let notices: NoticeSocket

    /// Starts the service, and returns when it says that it is ready.
    init(_ machine: Machine, location: SourceLocation = #_sourceLocation) throws {
        notices = try NoticeSocket(machine.path("notify"))
        process = try machine.start(["transfer", "serve"], environment: ["NOTIFY_SOCKET": notices.path])
        let isReady = notices.wait(for: "READY=1")
        if !isReady {
            process.signal(SIGKILL)
            try #require(isReady, "\(process.wait().testDescription)", sourceLocation: location)
        }
    }

    /// Asks it to end, and waits for that.
    @discardableResult
    func stop(_ signal: CInt = SIGTERM, location: SourceLocation = #_sourceLocation) -> GBResult {
        process.signal(signal)
        let result = process.wait(limit: 25)
        #expect(
            result.status == (signal == SIGKILL ? 128 + 9 : 0), "\(result.testDescription)", sourceLocation: location)
        #expect(process.leftOver() == [], sourceLocation: location)
        notices.close()
        return result
    }
}

/// Runs `body` while the services of these machines run.
func withServices(
    _ machines: Machine..., location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) throws {
    var services: [ServiceRun] = []
    defer { for service in services { service.stop(location: location) } }
    for machine in machines { services.append(try ServiceRun(machine, location: location)) }
    try body()
}

/// Where a service says that it is ready, as systemd has it (sd_notify(3)).
final class NoticeSocket {
    let path: String
    private let descriptor: CInt
    /// All that came.
    private(set) var text = ""

    init(_ path: String) throws {
        self.path = path
        unlink(path)
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        let result = withSocketAddress(path) { bind(descriptor, $0, $1) }
        try #require(result == 0, "bind \(path): \(String(cString: strerror(errno)))")
    }

    func wait(for word: String, limit: Double = 30) -> Bool {
        waitUntil(limit) {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT)), count > 0 {
                text += String(decoding: buffer.prefix(count), as: UTF8.self) + "\n"
            }
            return text.contains(word)
        }
    }

    func close() {
        Glibc.close(descriptor)
        unlink(path)
    }
}

/// Calls `body` with the address of the UNIX socket at `path`.
func withSocketAddress<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
}
