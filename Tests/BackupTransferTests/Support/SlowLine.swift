import BackupModel
import BackupSystem
import BackupTransfer
import Glibc

/// A line that lets the answers to `readElement` come back together: those to the first `burst` requests, those to the
/// next ones, and so on. Somebody who asks for one element after the other waits for ever.
///
/// The other requests are answered at once, and counted.
struct SlowLine: Sendable {
    let leftEnd: OwnedDescriptor
    let rightEnd: OwnedDescriptor
    private let left: OwnedDescriptor
    private let right: OwnedDescriptor
    private let burst: Int
    private let total: Int
    private var asked = FrameCutter()
    private var answered = FrameCutter()
    /// Whether the requests that wait for their answers are for elements, oldest first.
    private var open: [Bool] = []
    private var reads = 0
    private var waiting = 0
    private var mayPass = 0
    private var held: [[UInt8]] = []

    /// Requests that are neither for elements nor confirmations.
    private(set) var others = 0
    /// How often answers have come back.
    private(set) var bursts = 0

    /// - Parameter total: the number of elements: behind the last one nobody waits for more.
    init(burst: Int, total: Int) throws(BackupError) {
        self.burst = burst
        self.total = total
        (leftEnd, left) = try PeerStream.socketPair()
        (rightEnd, right) = try PeerStream.socketPair()
    }

    /// Carries frames until one side has closed. Blocking.
    mutating func run() {
        defer { for socket in [left, right] { shutdown(socket.raw, CInt(SHUT_RDWR)) } }
        while true {
            var polled = [
                pollfd(fd: left.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: right.raw, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, 2, 90_000) > 0 else { return }
            if polled[1].revents != 0 {
                guard let bytes = receive(right) else { return }
                for frame in asked.take(bytes) {
                    note(frame)
                    guard send(frame, left) else { return }
                }
            }
            if polled[0].revents != 0 {
                guard let bytes = receive(left) else { return flush() }
                held += answered.take(bytes)
            }
            guard pass() else { return }
        }
    }

    private mutating func note(_ frame: [UInt8]) {
        guard frame[0] == UInt8(ascii: "S") else { return }
        let request = String(decoding: frame[5...], as: UTF8.self)
        let isRead = request.hasPrefix("[\"readElement\"")
        open.append(isRead)
        guard isRead else {
            // Confirmations are waited for by nobody.
            if !request.hasPrefix("[\"confirmElements\"") { others += 1 }
            return
        }
        reads += 1
        waiting += 1
        guard waiting == burst || reads == total else { return }
        mayPass += waiting
        waiting = 0
        bursts += 1
    }

    /// Sends on what may come back now.
    private mutating func pass() -> Bool {
        while let frame = held.first {
            let isAnswer = frame[0] != UInt8(ascii: "S")
            if isAnswer, open.first == true, mayPass == 0 { return true }
            guard send(frame, right) else { return false }
            held.removeFirst()
            guard isAnswer, frame[0] != UInt8(ascii: "P"), !open.isEmpty else { continue }
            if open.removeFirst() { mayPass -= 1 }
        }
        return true
    }

    private func flush() { for frame in held { _ = send(frame, right) } }

    private func receive(_ from: OwnedDescriptor) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(from.raw, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    private func send(_ bytes: [UInt8], _ to: OwnedDescriptor) -> Bool {
        bytes.withUnsafeBytes { Glibc.send(to.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) } == bytes.count
    }
}

/// Cuts bytes into whole frames.
struct FrameCutter {
    private var rest: [UInt8] = []

    mutating func take(_ bytes: [UInt8]) -> [[UInt8]] {
        rest += bytes
        var frames: [[UInt8]] = []
        while rest.count >= 5 {
            let length = 5 + (1...4).reduce(0) { $0 | Int(rest[$1]) << (8 * ($1 - 1)) }
            guard rest.count >= length else { break }
            frames.append(Array(rest[..<length]))
            rest.removeFirst(length)
        }
        return frames
    }
}
