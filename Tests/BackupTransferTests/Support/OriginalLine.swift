import BackupModel

/// The frames of an ``OriginalPeer``, and how many bytes it lives to see.
struct OriginalLine {
    enum Stop: Error {
        case cut
        case violation(String)
    }

    private let peer: RawPeer
    private var budget: Int?
    private var buffer: [UInt8] = []

    init(_ peer: RawPeer, budget: Int?) {
        self.peer = peer
        self.budget = budget
    }

    mutating func send(_ type: Character, _ text: String = "") throws(Stop) { try send(RawFrame.bytes(type, text)) }

    mutating func send(_ bytes: [UInt8]) throws(Stop) {
        let allowed = min(bytes.count, budget ?? .max)
        let isSent: Bool
        do throws(BackupError) { isSent = try peer.send(Array(bytes.prefix(allowed))) } catch {
            throw .violation("\(error)")
        }
        budget? -= allowed
        guard isSent, allowed == bytes.count else { throw .cut }
    }

    mutating func next() throws(Stop) -> RawFrame {
        while true {
            if let frame = try firstFrame() { return frame }
            try fill()
        }
    }

    /// An original has one request open, and takes no second one: what has come so far holds none.
    func expectNoRequestWaits() throws(Stop) {
        var rest = buffer[...]
        while rest.count >= 5 {
            if rest.first == UInt8(ascii: "S") { throw .violation("a second request while one is open") }
            rest = rest.dropFirst(5 + Self.length(rest))
        }
    }

    private mutating func fill() throws(Stop) {
        let allowed = min(1 << 18, budget ?? .max)
        guard allowed > 0 else { throw .cut }
        let bytes: [UInt8]
        do throws(BackupError) { bytes = try peer.receive(allowed) } catch { throw .violation("\(error)") }
        guard !bytes.isEmpty else { throw .cut }
        budget? -= bytes.count
        buffer += bytes
    }

    private mutating func firstFrame() throws(Stop) -> RawFrame? {
        guard buffer.count >= 5 else { return nil }
        let length = Self.length(buffer[...])
        guard length <= 1_048_576 else { throw .violation("a frame of \(length) bytes") }
        guard buffer.count >= 5 + length else { return nil }
        let frame = RawFrame(type: Character(Unicode.Scalar(buffer[0])), payload: Array(buffer[5..<5 + length]))
        buffer.removeFirst(5 + length)
        return frame
    }

    private static func length(_ bytes: ArraySlice<UInt8>) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[bytes.startIndex + 1 + $1]) << (8 * $1) }
    }
}
