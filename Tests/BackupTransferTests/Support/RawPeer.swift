import BackupModel
import BackupSystem
import Glibc

/// A frame as it came, whatever it says.
struct RawFrame: Sendable, Equatable {
    let type: Character
    let payload: [UInt8]

    var text: String { String(decoding: payload, as: UTF8.self) }

    static func bytes(_ type: Character, length: UInt32) -> [UInt8] {
        [type.asciiValue ?? 0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    }

    static func bytes(_ type: Character, _ payload: [UInt8]) -> [UInt8] {
        bytes(type, length: UInt32(payload.count)) + payload
    }

    static func bytes(_ type: Character, _ text: String = "") -> [UInt8] { bytes(type, Array(text.utf8)) }
}

/// One end of a connection without any manners: bytes in, bytes out. Blocking, for a thread of its own; what takes longer
/// than ``patience`` is an error, so that no test hangs.
final class RawPeer: Sendable {
    static let patience = 60

    let socket: OwnedDescriptor

    init(_ socket: OwnedDescriptor) throws(BackupError) {
        self.socket = socket
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            let (raw, size) = (socket.raw, socklen_t(MemoryLayout<timeval>.size))
            _ = try systemCall("set a limit for", socket.name) { setsockopt(raw, SOL_SOCKET, option, &limit, size) }
        }
    }

    /// Connects to a listening socket.
    convenience init(path: String) throws(BackupError) {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = OwnedDescriptor(
            try systemCall("create", "a socket") { Glibc.socket(AF_UNIX, type, 0) }, name: path)
        let raw = socket.raw
        _ = try systemCall("connect to", path) { withSocketAddress(path) { connect(raw, $0, $1) } }
        try self.init(socket)
    }

    func close() { socket.close() }

    /// - Returns: `false` when the other side has hung up.
    @discardableResult
    func send(_ bytes: [UInt8]) throws(BackupError) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let raw = socket.raw
            let count = rest.withUnsafeBytes { Glibc.send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE || errno == ECONNRESET { return false }
            guard count > 0 else { throw BackupError(.timedOut, "nothing was taken for \(Self.patience) seconds") }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func send(_ type: Character, _ text: String = "") throws(BackupError) -> Bool {
        try send(RawFrame.bytes(type, text))
    }

    /// At most `count` bytes; empty when the other side has hung up.
    func receive(_ count: Int) throws(BackupError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let raw = socket.raw
            let found = buffer.withUnsafeMutableBytes { recv(raw, $0.baseAddress, $0.count, 0) }
            if found < 0, errno == EINTR { continue }
            if found < 0, errno == ECONNRESET { return [] }
            guard found >= 0 else { throw BackupError(.timedOut, "nothing came for \(Self.patience) seconds") }
            return Array(buffer.prefix(found))
        }
    }

    /// Exactly `count` bytes; `nil` when the other side hangs up before.
    private func receive(exactly count: Int) throws(BackupError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(min(count - bytes.count, 1 << 20))
            if more.isEmpty { return nil }
            bytes += more
        }
        return bytes
    }

    /// The next frame; `nil` when the other side has hung up.
    func next() throws(BackupError) -> RawFrame? {
        guard let header = try receive(exactly: 5) else { return nil }
        let length = (0..<4).reduce(0) { $0 | Int(header[1 + $1]) << (8 * $1) }
        guard let payload = try receive(exactly: length) else { return nil }
        return RawFrame(type: Character(Unicode.Scalar(header[0])), payload: payload)
    }

    /// The frames until the other side hangs up.
    @discardableResult
    func rest() throws(BackupError) -> [RawFrame] {
        var frames: [RawFrame] = []
        while let frame = try next() { frames.append(frame) }
        return frames
    }

    /// Sends a request, and returns what comes for it: the pieces of a stream as one, and the frame that ends the answer.
    /// Requests of the other side are passed over. `nil` when the other side hangs up.
    func ask(_ request: String) throws(BackupError) -> (stream: [UInt8], end: RawFrame)? {
        guard try send("S", request) else { return nil }
        var stream: [UInt8] = []
        while let frame = try next() {
            switch frame.type {
            case "S": continue
            case "P": stream += frame.payload
            default: return (stream, frame)
            }
        }
        return nil
    }

    /// Agrees with the other side on version 2.
    func greet() throws(BackupError) {
        let answer = try ask(#"["getPolicyInfo", {"protocol": 2, "features": ["listing", "ping", "receipts"]}]"#)
        guard answer?.end.type == "R" else { throw BackupError(.failed, "no answer to the greeting") }
    }

    /// Answers requests until the other side hangs up: its offer of the shutdown as it should be, all else by `answer`.
    ///
    /// - Parameter answer: bytes that are sent; `nil` hangs up.
    func serve(_ answer: (_ method: String, _ request: JSONValue) throws(BackupError) -> [UInt8]?) throws(BackupError) {
        while let frame = try next() {
            guard frame.type == "S" else { continue }
            guard !frame.payload.isEmpty else {
                try send(RawFrame.bytes("R") + RawFrame.bytes("S"))
                continue
            }
            let request = try JSONParser.parse(frame.payload)
            guard let bytes = try answer(request.arrayValue?.first?.stringValue ?? "", request) else { return }
            guard try send(bytes) else { return }
        }
    }
}

/// Calls `body` with the address of a UNIX socket.
func withSocketAddress<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
}

extension RawPeer {
    /// Whether the other side has hung up; does not wait, and reads nothing.
    var isAbandoned: Bool {
        var entry = pollfd(fd: socket.raw, events: 0, revents: 0)
        return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLHUP | POLLERR) != 0
    }

    /// Waits until the other side has read everything.
    func waitUntilRead() {
        var unread: CInt = 1
        while ioctl(socket.raw, UInt(TIOCOUTQ), &unread) == 0, unread > 0, !isAbandoned { sched_yield() }
    }

    /// Sends `bytes` again and again, ten times a second, until the other side hangs up.
    ///
    /// - Throws: when it does not for ``patience`` seconds.
    func trickle(_ bytes: [UInt8]) throws(BackupError) {
        for _ in 0..<Self.patience * 10 {
            guard try send(bytes) else { return }
            usleep(100_000)
        }
        throw BackupError(.timedOut, "the other side never hung up")
    }
}
