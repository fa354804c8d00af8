import BackupModel
import BackupTestKit
import BackupTransfer
import NIOCore
import Testing

/// `bytes` with one to three changes: a byte, a bit, a piece left out, doubled, moved or cut off, a text put in.
func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    let texts = [
        "\"", "[", "{", "]", ",", "\\u0000", "null", "-1", "1e99", "\u{0}", "..", "S\u{0}\u{0}\u{0}\u{0}", "A", "R",
    ]
    var result = bytes
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !result.isEmpty {
        let place = Int.random(in: 0..<result.count, using: &generator)
        let end = min(result.count, place + Int.random(in: 1...30, using: &generator))
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: result[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: result[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        case 2: result.removeSubrange(place..<end)
        case 3: result.insert(contentsOf: result[place..<end], at: place)
        case 4: result.swapAt(place, end - 1)
        case 5: result.removeSubrange(place...)
        default: result.insert(contentsOf: Array((texts.randomElement(using: &generator) ?? "").utf8), at: place)
        }
    }
    return result
}

/// Conversations in which the peer says something else than it should.
@Suite struct MutationTests {
    /// One side of a conversation, without the bytes of the other.
    private struct Application {
        private var state = ProtocolState()
        private var out = ByteBuffer()

        init() {}

        /// Answers as a server does that knows no element, and asks for the policy and one page.
        private mutating func take(_ event: ProtocolState.Event) throws(BackupError) {
            switch event {
            case .request(let payload):
                do throws(BackupError) { try answer(payload) } catch {
                    guard state.serverVersion == 2 else { throw error }
                    let failure = RemoteFailure(code: .badRequest, message: error.message)
                    try state.respondFailure(failure.encoded, into: &out)
                }
            case .shutdownOffered:
                try state.answerShutdown(into: &out)
                if !state.hasOffered, state.openRequests == 0 { try state.offerShutdown(into: &out) }
            case .response(let payload) where state.clientVersion == 1:
                guard case .version2 = try PolicyAnswer(parsing: payload).form, !state.hasOffered else { return }
                state.clientVersion = 2
                try state.sendRequest(PeerRequest.listElements(after: nil, limit: 10).encoded, into: &out)
                try state.offerShutdown(into: &out)
            case .response(let payload): _ = try ElementPage(parsing: payload)
            case .failure(let payload): _ = try RemoteFailure(parsing: payload)
            case .part, .abortRequested, .shutdownAnswered, .finished: break
            }
        }

        private mutating func answer(_ payload: ByteBuffer) throws(BackupError) {
            switch try PeerRequest(parsing: payload, version: state.serverVersion, limits: .init()) {
            case .getPolicyInfo(nil): try state.respond(PolicyAnswer(.version1(name: nil)).encoded, into: &out)
            case .getPolicyInfo:
                let form = PolicyAnswer.Form.version2(policy: nil, features: [], agent: nil, software: nil)
                try state.respond(PolicyAnswer(form).encoded, into: &out)
                state.serverVersion = 2
            case .readElement, .getDataElementStream:
                try state.beginPart(length: 1, into: &out)
                out.writeInteger(UInt8(0))
                try state.endStream(into: &out)
            default: try state.respond(ByteBuffer(), into: &out)
            }
        }

        /// Takes a whole conversation of the peer; `true` when it was finished.
        mutating func run(_ bytes: [UInt8], chunks: [Int]) throws(BackupError) -> Bool {
            let greeting = PeerRequest.getPolicyInfo(PeerGreeting(agent: "test"))
            try state.sendRequest(greeting.encoded, into: &out)
            var start = 0
            for length in chunks + [.max] {
                let end = start + min(length, bytes.count - start)
                var events: [ProtocolState.Event] = []
                try state.receive(ByteBuffer(bytes: bytes[start..<end])) { events.append($0) }
                for event in events { try take(event) }
                start = end
            }
            try state.receiveEnd()
            return state.isFinished
        }
    }

    /// What a peer says that keeps the rules; each frame is told before the next.
    private static let conversations: [[UInt8]] = [
        frame("S", #"["getPolicyInfo"]"#) + frame("R", #""SenderMoveDataTransferPolicy""#)
            + frame("S", #"["startTransaction", null]"#) + frame("S", #"["nextDataElement", true]"#)
            + frame("S", #"["getDataElementInfo"]"#) + frame("S", #"["getDataElementStream"]"#) + frame("S")
            + frame("R"),
        frame("S", #"["getPolicyInfo", {"protocol": 2}]"#)
            + frame("R", #"{"features": [], "policy": {"name": "keep"}, "protocol": 2}"#)
            + frame("S", #"["listElements", {"after": null, "limit": 2}]"#)
            + frame("S", #"["readElement", {"id": "/a", "offset": 0}]"#) + frame("A") + frame("S", #"["ping"]"#)
            + frame("S") + frame("R", #"{"elements": [\#(MessageSample.entry("/a"))], "next": "/a"}"#) + frame("R"),
        frame("R", #"{"features": [], "policy": null, "protocol": 2}"#)
            + frame("S", #"["getPolicyInfo", {"protocol": 2}]"#)
            + frame("P", "part") + frame("E", #"{"code": "busy", "message": "later"}"#) + frame("S") + frame("R"),
    ]

    /// The lengths of the frames in a conversation that keeps the rules.
    private static func lengths(_ bytes: [UInt8]) -> [Int] {
        var lengths: [Int] = []
        var start = 0
        while start + 5 <= bytes.count {
            let length = 5 + Int(bytes[start + 1]) + Int(bytes[start + 2]) << 8
            lengths.append(length)
            start += length
        }
        return lengths
    }

    @Test func `The conversations that are changed are legal`() throws {
        for bytes in Self.conversations {
            var application = Application()
            #expect(try application.run(bytes, chunks: Self.lengths(bytes)))
        }
    }

    @Test func `Random changes to a conversation are followed or end it`() throws {
        var generator = SeededGenerator()
        var finished = 0
        let rounds = 100_000
        for round in 0..<rounds {
            let bytes = Self.conversations[round % Self.conversations.count]
            var application = Application()
            do throws(BackupError) {
                if try application.run(mutated(bytes, &generator), chunks: Self.lengths(bytes)) { finished += 1 }
            } catch {
                // `failed` would mean that the peer made us break the rules.
                #expect([.untrusted, .usage, .inputOutput].contains(error.code), "\(error); \(generator.comment)")
            }
        }
        #expect(finished > 0, generator.comment)
        #expect(finished < rounds / 2, generator.comment)
    }
}
