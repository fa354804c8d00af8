import BackupModel
import BackupSystem
import BackupTestKit
import BackupTransfer
import NIOCore
import Testing

/// A recorded conversation of two originals: one line a frame.
private struct Recording {
    struct Line {
        let side: String
        /// `S`, `R`, `P`, or `nil` for the end of the stream.
        let type: Character?
        let length: Int
        /// `nil` for data of elements, which the recording does not hold.
        let text: String?

        /// The payload; for data of elements other bytes of the same length.
        var payload: [UInt8] { text.map { Array($0.utf8) } ?? [UInt8](repeating: 0xd5, count: length) }
    }

    let lines: [Line]

    init() throws {
        let parts = #filePath.split(separator: "/").dropLast(2)
        let fixtures = try Directory(path: "/" + parts.joined(separator: "/") + "/Fixtures")
        let text = String(
            decoding: try fixtures.readFile("reference-transfer.jsonl", limit: 1 << 20), as: UTF8.self)
        lines = try text.split(separator: "\n").map { line in
            let object = try #require(try JSONParser.parse(String(line)).objectValue)
            return Line(
                side: try #require(object["from"]?.stringValue), type: object["type"]?.stringValue?.first,
                length: Int(object["length"]?.integerValue ?? 0), text: object["text"]?.stringValue)
        }
        try #require(lines.count == 52)
    }
}

@Suite struct RecordingTests {
    /// What this side would send: read into our types and written again.
    private func rewritten(_ line: Recording.Line, answerTo request: PeerRequest?) throws -> ByteBuffer {
        let payload = ByteBuffer(bytes: line.payload)
        if line.type == "S" {
            return try PeerRequest(parsing: payload, version: 1, limits: ProtocolLimits()).encoded
        }
        switch request {
        case .getPolicyInfo: return try PolicyAnswer(parsing: payload).encoded
        case .nextDataElement: return try NextElementAnswer(parsing: payload).encoded
        case .getDataElementInfo:
            let answer = try #require(try ElementInfoAnswer(parsing: payload))
            #expect(line.text?.contains(JSONValue.string(answer.metadata.text).canonicalText) == true)
            return try answer.encoded()
        default:
            #expect(payload.readableBytes == 0)
            return payload
        }
    }

    private func send(
        _ line: Recording.Line, _ state: inout ProtocolState, _ asked: inout [PeerRequest]
    ) throws -> [UInt8] {
        var out = ByteBuffer()
        switch (line.type, line.length) {
        case ("S", 0): try state.offerShutdown(into: &out)
        case ("S", _): try state.sendRequest(try rewritten(line, answerTo: nil), into: &out)
        case ("P", _):
            try state.beginPart(length: line.length, into: &out)
            out.writeBytes(line.payload)
        case (_, _) where asked.isEmpty: try state.answerShutdown(into: &out)
        default:
            let request = asked.removeFirst()
            if request == .getDataElementStream {
                try state.endStream(into: &out)
            } else {
                try state.respond(try rewritten(line, answerTo: request), into: &out)
            }
        }
        return out.bytes
    }

    /// Plays one side: receives what the other sent, in chunks, and sends what this one sent.
    private func play(_ side: String, chunks: () -> [Int]) throws -> [ProtocolState.Event] {
        let recording = try Recording()
        var state = ProtocolState()
        var events: [ProtocolState.Event] = []
        var incoming: [UInt8] = []
        var asked: [PeerRequest] = []
        for line in recording.lines {
            if line.side != side, let type = line.type {
                incoming += frame(type, line.payload)
                continue
            }
            // What has come is read before the next frame is sent, and at the end.
            let new = joined(try state.events(incoming, chunks: chunks()))
            incoming = []
            for case .request(let payload) in new {
                asked.append(try PeerRequest(parsing: payload, version: 1, limits: ProtocolLimits()))
            }
            events += new
            guard let type = line.type else { break }
            #expect(try send(line, &state, &asked) == frame(type, line.payload), "\(line)")
        }
        #expect(asked.isEmpty)
        #expect(state.isFinished)
        try state.receiveEnd()
        return events
    }

    @Test(arguments: ["sender", "receiver"])
    func `Either side of the recorded conversation is read and written byte for byte`(side: String) throws {
        var generator = SeededGenerator()
        let whole = try play(side) { [.max] }
        #expect(try play(side) { [1] } == whole)
        for _ in 0..<20 {
            #expect(try play(side) { randomChunks(&generator) } == whole, generator.comment)
        }
        let recording = try Recording()
        // Every request, answer and stream of the other side was told, with its bytes.
        let sent = recording.lines.filter { $0.side != side && $0.length > 0 }.flatMap(\.payload)
        #expect(whole.flatMap { $0.payload?.bytes ?? [] } == sent)
        #expect(whole.filter { $0 == .shutdownOffered }.count == 1)
        #expect(whole.filter { $0 == .shutdownAnswered }.count == 1)
    }
}
