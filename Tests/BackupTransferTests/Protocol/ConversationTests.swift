import BackupModel
import BackupTestKit
import BackupTransfer
import NIOCore
import Testing

/// One side of a random conversation: a state, and an application that asks, answers and checks what it is answered.
private struct RandomSide {
    var state = ProtocolState()
    /// Bytes under way to the other side.
    var out = ByteBuffer()
    var requestsLeft: Int
    let wantsVersion2: Bool
    /// Requests of ours that are open, with what came for each, and whether an abort may have hit it.
    var asked: [(question: [UInt8], answer: [UInt8], mayBeCut: Bool)] = []
    /// Questions of the peer in the order of their answers, and what is left of the answer to the first.
    var questions: [[UInt8]] = []
    var rest: [UInt8]?
    var isAborted = false
    var isOffered = false
    var answered = 0
    var aborted = 0

    init(requestsLeft: Int, wantsVersion2: Bool) {
        self.requestsLeft = requestsLeft
        self.wantsVersion2 = wantsVersion2
    }

    private static let negotiation = Array("version 2".utf8)

    /// What the answer to a question is: its bytes, several times.
    private static func answer(_ question: [UInt8]) -> [UInt8] {
        Array(repeatElement(question, count: Int(question.last ?? 0) % 8).joined())
    }

    /// Does one random thing, if the state allows it.
    mutating func act(_ generator: inout SeededGenerator) throws {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: try ask(&generator)
        case 1 where state.clientVersion == 2 && Int.random(in: 0..<10, using: &generator) == 0:
            // Refused where no stream is being received.
            do { try state.sendAbort(into: &out) } catch { return }
            for index in asked.indices { asked[index].mayBeCut = true }
        default: try reply(&generator)
        }
    }

    private mutating func ask(_ generator: inout SeededGenerator) throws {
        let isFree = state.clientVersion == 2 ? state.openRequests < 32 : state.openRequests == 0
        guard isFree, !state.hasOffered else { return }
        guard requestsLeft > 0 else { return try state.offerShutdown(into: &out) }
        requestsLeft -= 1
        let length = Int.random(in: 1...40, using: &generator)
        let question = wantsVersion2 && state.clientVersion == 1 ? Self.negotiation : generator.bytes(length)
        try state.sendRequest(ByteBuffer(bytes: question), into: &out)
        asked.append((question, [], false))
    }

    private mutating func reply(_ generator: inout SeededGenerator) throws {
        guard let question = questions.first else {
            guard isOffered else { return }
            isOffered = false
            return try state.answerShutdown(into: &out)
        }
        if let left = rest {
            guard !left.isEmpty, !isAborted else {
                try state.endStream(into: &out)
                return done()
            }
            let length = Int.random(in: 0...left.count, using: &generator)
            try state.beginPart(length: length, into: &out)
            out.writeBytes(left.prefix(length))
            rest = Array(left.dropFirst(length))
        } else if question == Self.negotiation {
            try state.respond(ByteBuffer(bytes: question), into: &out)
            state.serverVersion = 2
            done()
        } else if state.serverVersion == 2, question.last == 0xff {
            try state.respondFailure(ByteBuffer(bytes: question), into: &out)
            done()
        } else if Bool.random(using: &generator) {
            rest = Self.answer(question)
        } else {
            try state.respond(ByteBuffer(bytes: Self.answer(question)), into: &out)
            done()
        }
    }

    private mutating func done() {
        questions.removeFirst()
        rest = nil
        isAborted = false
    }

    /// Takes a random number of the bytes that are under way from the other side.
    mutating func receive(_ bytes: inout ByteBuffer, _ generator: inout SeededGenerator) throws {
        let length = Int.random(in: 0...min(bytes.readableBytes, 300), using: &generator)
        guard let slice = bytes.readSlice(length: length) else { return }
        var events: [ProtocolState.Event] = []
        try state.receive(slice) { events.append($0) }
        for event in events { take(event, generator.comment) }
    }

    private mutating func take(_ event: ProtocolState.Event, _ comment: Comment) {
        switch event {
        case .request(let payload): questions.append(payload.bytes)
        case .shutdownOffered: isOffered = true
        case .part(let piece): asked[0].answer += piece.bytes
        case .response(let payload):
            let (question, pieces, mayBeCut) = asked.removeFirst()
            answered += 1
            let answer = pieces + payload.bytes
            if question == Self.negotiation {
                #expect(answer == question, comment)
                state.clientVersion = 2
            } else if mayBeCut {
                #expect(Self.answer(question).starts(with: answer), comment)
            } else {
                #expect(answer == Self.answer(question), comment)
            }
        case .failure(let payload):
            #expect(payload.bytes == asked.removeFirst().question, comment)
            answered += 1
        case .abortRequested:
            isAborted = true
            aborted += 1
        case .shutdownAnswered: #expect(asked.isEmpty, comment)
        case .finished: #expect(state.isFinished, comment)
        }
    }
}

@Suite struct ConversationTests {
    @Test func `Two sides that keep the rules never see a violation, however the bytes are cut`() throws {
        var generator = SeededGenerator()
        var answered = 0
        var aborted = 0
        for _ in 0..<300 {
            var sides = (0..<2).map { _ in
                RandomSide(
                    requestsLeft: .random(in: 0...60, using: &generator), wantsVersion2: .random(using: &generator))
            }
            let total = sides[0].requestsLeft + sides[1].requestsLeft
            var steps = 0
            while !sides.allSatisfy(\.state.isFinished) {
                steps += 1
                try #require(steps < 200_000, generator.comment)
                // Several in a row, so that requests pile up on one side.
                for side in 0..<2 {
                    for _ in 0..<Int.random(in: 0...10, using: &generator) { try sides[side].act(&generator) }
                }
                for side in 0..<2 {
                    var bytes = sides[1 - side].out
                    try sides[side].receive(&bytes, &generator)
                    sides[1 - side].out = bytes
                }
            }
            for side in 0..<2 {
                // Only an abort that came too late can still be under way.
                let events = try sides[side].state.events(sides[1 - side].out.bytes)
                #expect(events.isEmpty, generator.comment)
                try sides[side].state.receiveEnd()
            }
            answered += sides[0].answered + sides[1].answered
            #expect(sides[0].answered + sides[1].answered == total, generator.comment)
            aborted += sides[0].aborted + sides[1].aborted
        }
        #expect(answered > 5000, generator.comment)
        #expect(aborted > 50, generator.comment)
    }
}
