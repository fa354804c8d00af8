import BackupModel
import NIOCore

/// The type byte of a frame.
package enum FrameType: UInt8, Sendable, CustomStringConvertible {
    case request = 0x53
    case response = 0x52
    case part = 0x50
    case abort = 0x41
    case failure = 0x45

    package var description: String { String(Unicode.Scalar(rawValue)) }

    /// Bytes of type and length in front of a payload.
    package static let headerLength = 5
}

extension ByteBuffer {
    /// Writes type and length of a frame with a payload of `length` bytes, 0 to 2^32 - 1.
    mutating func writeFrameHeader(_ type: FrameType, length: Int) {
        writeInteger(type.rawValue)
        writeInteger(UInt32(truncatingIfNeeded: length), endianness: .little)
    }
}

/// Cuts a stream of bytes into frames, however it was cut on its way.
///
/// Payloads of `P` are handed on as they come; those of the other types, at most a frame's length, are collected. Memory
/// is taken for what has come, not for what a header promises.
struct FrameDecoder: Sendable {
    enum Item {
        /// A header whose type is known and whose length is within the limit.
        case begin(FrameType, length: Int)
        /// At least one byte of the payload of the `P` that has begun.
        case piece(ByteBuffer)
        /// The whole payload of the frame that has begun, which is no `P`.
        case payload(FrameType, ByteBuffer)
    }

    private enum State: Sendable {
        case header
        case part(remaining: Int)
        case collecting(FrameType, remaining: Int)
    }

    /// Bytes of payloads that have come so far: headers move nothing.
    private(set) var payloadBytes: Int64 = 0

    private let frameLength: Int
    private var state = State.header
    /// What there is of a header or of a payload that came in pieces.
    private var pending = ByteBuffer()

    init(frameLength: Int) { self.frameLength = frameLength }

    /// Whether the stream stands between two frames.
    var isBetweenFrames: Bool {
        if case .header = state { return pending.readableBytes == 0 }
        return false
    }

    /// The next item, or `nil` when `input` is used up.
    ///
    /// - Throws: `BackupError` with code `untrusted`: unknown type, length over the limit.
    mutating func next(_ input: inout ByteBuffer) throws(BackupError) -> Item? {
        switch state {
        case .header: return try header(&input)
        case .part(let remaining):
            guard let piece = input.readSlice(length: min(remaining, input.readableBytes)), piece.readableBytes > 0
            else { return nil }
            payloadBytes += Int64(piece.readableBytes)
            state = piece.readableBytes == remaining ? .header : .part(remaining: remaining - piece.readableBytes)
            return .piece(piece)
        case .collecting(let type, let remaining):
            guard var piece = input.readSlice(length: min(remaining, input.readableBytes)) else { return nil }
            payloadBytes += Int64(piece.readableBytes)
            let isWhole = piece.readableBytes == remaining
            guard isWhole, pending.readableBytes == 0 else {
                state = .collecting(type, remaining: remaining - piece.readableBytes)
                pending.writeBuffer(&piece)
                guard isWhole else { return nil }
                state = .header
                defer { pending = ByteBuffer() }
                return .payload(type, pending)
            }
            state = .header
            return .payload(type, piece)
        }
    }

    private mutating func header(_ input: inout ByteBuffer) throws(BackupError) -> Item? {
        let missing = FrameType.headerLength - pending.readableBytes
        guard var bytes = input.readSlice(length: min(missing, input.readableBytes)) else { return nil }
        if bytes.readableBytes < FrameType.headerLength {
            pending.writeBuffer(&bytes)
            bytes = pending
        }
        try checkType(bytes)
        guard bytes.readableBytes == FrameType.headerLength else { return nil }
        pending = ByteBuffer()
        return try begin(bytes)
    }

    /// An unknown type is refused at its first byte: what follows it may never come.
    private func checkType(_ bytes: ByteBuffer) throws(BackupError) {
        guard let byte = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return }
        guard FrameType(rawValue: byte) != nil else { throw .unknownFrameType(byte) }
    }

    private mutating func begin(_ bytes: ByteBuffer) throws(BackupError) -> Item? {
        var header = bytes
        guard let byte = header.readInteger(as: UInt8.self), let type = FrameType(rawValue: byte),
            let number = header.readInteger(endianness: .little, as: UInt32.self)
        else { return nil }
        let length = Int(number)
        guard length <= frameLength else { throw .frameTooLong(type, length, limit: frameLength) }
        if type != .part {
            state = .collecting(type, remaining: length)
        } else if length > 0 {
            state = .part(remaining: length)
        }
        return .begin(type, length: length)
    }
}
