import BackupModel
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc

/// A line between two machines that does what real lines do: it breaks, or it is slow. The machine on the left offers,
/// the one on the right fetches.
final class Relay: Sendable {
    enum Kind: Sendable {
        /// Breaks when so many bytes have gone to the right.
        case cut(after: Int)
        /// Makes the right side speak version 1: it takes what it says of version 2 out of its first request.
        case version1
        /// Breaks, and speaks version 1.
        case version1Cut(after: Int)
    }

    /// The ends for the two machines.
    let leftEnd: OwnedDescriptor
    let rightEnd: OwnedDescriptor
    private let left: OwnedDescriptor
    private let right: OwnedDescriptor
    private let kind: Kind

    init(_ kind: Kind) throws(BackupError) {
        self.kind = kind
        (leftEnd, left) = try PeerStream.socketPair()
        (rightEnd, right) = try PeerStream.socketPair()
    }

    /// Carries bytes until both sides have closed, or the line breaks.
    func run() async throws(BackupError) {
        let task = Task { () -> Void in
            try? await BlockingThread.run("gb relay") {
                self.pump(self.right, self.left, edit: self.isVersion1, limit: nil)
            }
        }
        try await BlockingThread.run("gb relay") { self.pump(self.left, self.right, edit: false, limit: self.limit) }
        await task.value
    }

    private var isVersion1: Bool {
        switch kind {
        case .version1, .version1Cut: true
        case .cut: false
        }
    }

    private var limit: Int? {
        switch kind {
        case .cut(let count), .version1Cut(let count): count
        case .version1: nil
        }
    }

    private func pump(_ from: OwnedDescriptor, _ to: OwnedDescriptor, edit: Bool, limit: Int?) {
        var rest = limit ?? .max
        if edit, !send(Self.version1Greeting(from), to) { return hangUp() }
        while rest > 0 {
            guard let bytes = receive(from, min(rest, 1 << 16)) else { return hangUp() }
            if bytes.isEmpty {
                shutdown(to.raw, CInt(SHUT_WR))
                return
            }
            rest -= bytes.count
            guard send(bytes, to) else { return hangUp() }
        }
        hangUp()
    }

    private func hangUp() {
        for socket in [left, right] { shutdown(socket.raw, CInt(SHUT_RDWR)) }
    }

    /// Reads the first frame, `["getPolicyInfo", {…}]`, and gives it without the second item.
    private static func version1Greeting(_ from: OwnedDescriptor) -> [UInt8] {
        func take(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let found = recv(from.raw, &bytes, count, CInt(MSG_WAITALL))
            return found == count ? bytes : []
        }
        let header = take(5)
        guard header.count == 5 else { return [] }
        let length = (1...4).reduce(0) { $0 | Int(header[$1]) << (8 * ($1 - 1)) }
        guard length > 0 else { return header }
        _ = take(length)
        let text = Array("[\"getPolicyInfo\"]".utf8)
        return [UInt8(ascii: "S"), UInt8(text.count), 0, 0, 0] + text
    }

    /// `nil` when the line is broken, empty at the end.
    private func receive(_ from: OwnedDescriptor, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = recv(from.raw, &bytes, count, 0)
        return found < 0 ? nil : Array(bytes[..<found])
    }

    private func send(_ bytes: [UInt8], _ to: OwnedDescriptor) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(to.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
