import BackupModel
import BackupSystem
import BackupTransfer
import Glibc
import NIOCore
import NIOPosix

/// Somebody who speaks version 2 and says what the test wants. Blocking.
struct BlockingPeer {
    enum Answer {
        case response(String)
        case failure(String)
    }

    private let socket: OwnedDescriptor
    private var cutter = FrameCutter()
    private var frames: ArraySlice<[UInt8]> = []

    init(_ socket: OwnedDescriptor) { self.socket = socket }

    /// Sends a request, and gives its answer; `nil` when the other side has hung up.
    mutating func ask(_ request: PeerRequest) throws(BackupError) -> Answer? {
        send("S", Array(request.encoded.readableBytesView))
        while let frame = next() {
            let text = String(decoding: frame[5...], as: UTF8.self)
            switch Character(Unicode.Scalar(frame[0])) {
            case "R": return .response(text)
            case "E": return .failure(text)
            // The other side asks for nothing.
            case "S": send("R", [])
            default: break
            }
        }
        return nil
    }

    /// As ``ask(_:)``, the answer to a confirmation.
    mutating func confirm(_ confirmation: ElementConfirmation) throws(BackupError) -> ConfirmationAnswer? {
        guard case .response(let text) = try ask(.confirmElements([confirmation])) else { return nil }
        return try ConfirmationAnswer(parsing: ByteBuffer(string: text))
    }

    /// Answers requests by `answer`, which gets the name of each, until the other side hangs up.
    mutating func serve(_ answer: (String) -> String) {
        send("S", [])
        while let frame = next() {
            guard frame[0] == UInt8(ascii: "S") else { continue }
            let text = String(decoding: frame[5...], as: UTF8.self)
            let name = text.split(separator: "\"").dropFirst().first.map(String.init)
            send("R", name.map { Array(answer($0).utf8) } ?? [])
        }
    }

    func hangUp() { shutdown(socket.raw, CInt(SHUT_RDWR)) }

    private func send(_ type: Character, _ payload: [UInt8]) {
        let head = (0..<4).map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
        let bytes = [type.asciiValue ?? 0] + head + payload
        _ = bytes.withUnsafeBytes { Glibc.send(socket.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    private mutating func next() -> [UInt8]? {
        while frames.isEmpty {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(socket.raw, &bytes, bytes.count, 0)
            guard count > 0 else { return nil }
            frames = cutter.take(Array(bytes[..<count]))[...]
        }
        return frames.popFirst()
    }
}

extension Machine {
    /// One connection with a peer of the test's own.
    func meet<Value: Sendable>(
        sender: (any SenderPolicy)? = nil, receiver: ReceiverPolicy? = nil, checkReceipt: ReceiptCheck? = nil,
        _ script: @escaping @Sendable (inout BlockingPeer) throws(BackupError) -> Value
    ) async throws -> (outcome: ConnectionOutcome, value: Value) {
        let (near, far) = try PeerStream.socketPair()
        let context = TransferContext(
            agent: try AgentName("peer"), senderPolicy: sender, receiverPolicy: receiver, checkReceipt: checkReceipt)
        let stream = try await PeerStream.adopt(near, on: .singleton)
        async let outcome = agent.run(stream, as: context, via: "test")
        let value = try await BlockingThread.run("gb test peer") { () throws(BackupError) in
            var peer = BlockingPeer(far)
            defer { peer.hangUp() }
            return try script(&peer)
        }
        return (await outcome, value)
    }
}
