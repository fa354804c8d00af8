import BackupModel
import BackupTestKit
import BackupTransfer
import NIOCore
import Testing

/// The bytes of a frame as the contract writes it, by other code than the one that is tested.
func frame(_ type: Character, _ payload: [UInt8] = []) -> [UInt8] {
    let count = payload.count
    return [type.asciiValue ?? 0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + payload
}

func frame(_ type: Character, _ payload: String) -> [UInt8] { frame(type, Array(payload.utf8)) }

extension ByteBuffer {
    var bytes: [UInt8] { Array(readableBytesView) }
    var text: String { String(decoding: readableBytesView, as: UTF8.self) }
}

extension ProtocolState {
    /// Receives bytes cut into chunks of these lengths, the last one repeated, and returns what they meant.
    mutating func events(_ bytes: [UInt8], chunks: [Int] = [.max]) throws(BackupError) -> [Event] {
        var events: [Event] = []
        var start = 0
        var chunk = 0
        repeat {
            let length = min(bytes.count - start, chunks[min(chunk, chunks.count - 1)])
            try receive(ByteBuffer(bytes: bytes[start..<start + length])) { events.append($0) }
            start += length
            chunk += 1
        } while start < bytes.count
        return events
    }

    /// Receives bytes that must be one event.
    mutating func event(_ bytes: [UInt8]) throws -> Event {
        let events = try events(bytes)
        return try #require(events.count == 1 ? events.first : nil, "\(events)")
    }

    /// As if both directions had agreed on version 2.
    static func ofVersion2(_ limits: ProtocolLimits = ProtocolLimits()) -> ProtocolState {
        var state = ProtocolState(limits: limits)
        state.clientVersion = 2
        state.serverVersion = 2
        return state
    }
}

extension ProtocolState.Event {
    /// The bytes of events that carry some.
    var payload: ByteBuffer? {
        switch self {
        case .request(let bytes), .part(let bytes), .response(let bytes), .failure(let bytes): bytes
        case .shutdownOffered, .abortRequested, .shutdownAnswered, .finished: nil
        }
    }
}

/// Joins pieces of a stream that follow each other, so that chunking does not show.
func joined(_ events: [ProtocolState.Event]) -> [ProtocolState.Event] {
    events.reduce(into: []) { result, event in
        if case .part(let piece) = event, case .part(var whole) = result.last {
            whole.writeImmutableBuffer(piece)
            result[result.count - 1] = .part(whole)
        } else {
            result.append(event)
        }
    }
}

/// The lengths of random chunks, many of them short.
func randomChunks(_ generator: inout SeededGenerator) -> [Int] {
    (0..<200).map { _ in
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: 1
        case 1: .random(in: 1...8, using: &generator)
        case 2: .random(in: 1...400, using: &generator)
        default: .random(in: 1...100_000, using: &generator)
        }
    }
}
