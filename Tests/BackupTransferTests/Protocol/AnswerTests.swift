import BackupModel
import BackupTransfer
import NIOCore
import Testing

/// What one side does in the two versions, and what it must not be made to do.
@Suite struct AnswerTests {
    private let ping = ByteBuffer(string: "[\"ping\"]")

    @Test func `In version 2 answers come in the order of 32 requests, and one more is not sent`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        for number in 0..<32 { try state.sendRequest(ByteBuffer(string: "[\(number)]"), into: &out) }
        #expect(state.openRequests == 32)
        let length = out.readableBytes
        let error = try #require(throws: BackupError.self) { try state.sendRequest(ping, into: &out) }
        #expect(error.code == .failed)
        #expect(out.readableBytes == length)
        // The offer may follow at once, and is answered last.
        try state.offerShutdown(into: &out)
        #expect(state.hasOffered)
        var answers: [UInt8] = []
        for number in 0..<32 {
            switch number % 3 {
            case 0: answers += frame("P", "\(number)") + frame("R")
            case 1: answers += frame("R", "\(number)")
            default: answers += frame("E", "\(number)")
            }
        }
        let events = try state.events(answers + frame("R"))
        #expect(events.compactMap { $0.payload?.text }.filter { !$0.isEmpty } == (0..<32).map(String.init))
        #expect(events.filter { if case .failure = $0 { true } else { false } }.count == 10)
        #expect(events.last == .shutdownAnswered)
        #expect(state.openRequests == 0)
        #expect(!state.isFinished)
    }

    @Test func `In version 1 one request is open, and the shutdown waits for its answer`() throws {
        var state = ProtocolState()
        var out = ByteBuffer()
        try state.sendRequest(ping, into: &out)
        #expect(out.bytes == frame("S", "[\"ping\"]"))
        #expect(throws: BackupError.self) { try state.sendRequest(ping, into: &out) }
        #expect(throws: BackupError.self) { try state.offerShutdown(into: &out) }
        #expect(throws: BackupError.self) { try state.sendAbort(into: &out) }
        #expect(out.bytes == frame("S", "[\"ping\"]"))
        #expect(try state.event(frame("R", "true")) == .response(ByteBuffer(string: "true")))
        try state.offerShutdown(into: &out)
        #expect(throws: BackupError.self) { try state.sendRequest(ping, into: &out) }
        #expect(throws: BackupError.self) { try state.offerShutdown(into: &out) }
        #expect(out.bytes == frame("S", "[\"ping\"]") + frame("S"))
    }

    @Test func `A side that has offered goes on to answer`() throws {
        var state = ProtocolState()
        var out = ByteBuffer()
        try state.offerShutdown(into: &out)
        #expect(try state.events(frame("S", "[\"ping\"]") + frame("R")) == [.request(ping), .shutdownAnswered])
        try state.respond(ByteBuffer(), into: &out)
        #expect(try state.event(frame("S")) == .shutdownOffered)
        #expect(state.peerHasOffered)
        #expect(!state.isFinished)
        try state.answerShutdown(into: &out)
        #expect(state.isFinished)
        #expect(out.bytes == frame("S") + frame("R") + frame("R"))
        try state.receiveEnd()
    }

    @Test func `The answer that finishes the conversation is told as its end`() throws {
        var state = ProtocolState()
        var out = ByteBuffer()
        _ = try state.events(frame("S"))
        try state.answerShutdown(into: &out)
        try state.offerShutdown(into: &out)
        #expect(try state.events(frame("R")) == [.shutdownAnswered, .finished])
    }

    @Test func `Nothing is answered that was not asked, and nothing twice`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        let answers: [(inout ProtocolState, inout ByteBuffer) throws -> Void] = [
            { try $0.respond(ByteBuffer(string: "null"), into: &$1) }, { try $0.beginPart(length: 0, into: &$1) },
            { try $0.endStream(into: &$1) }, { try $0.respondFailure(ByteBuffer(string: "{}"), into: &$1) },
            { try $0.answerShutdown(into: &$1) },
        ]
        func expectNoAnswers(_ answers: ArraySlice<(inout ProtocolState, inout ByteBuffer) throws -> Void>) {
            let before = out
            for answer in answers {
                let error = #expect(throws: BackupError.self) { try answer(&state, &out) }
                #expect(error?.code == .failed)
            }
            #expect(out == before)
        }
        expectNoAnswers(answers[...])
        _ = try state.events(frame("S", "[\"ping\"]") + frame("S"))
        #expect(state.unanswered == 1)
        // The offer stands behind the request.
        expectNoAnswers(answers[4...])
        try state.beginPart(length: 0, into: &out)
        expectNoAnswers(answers[..<1])
        try state.endStream(into: &out)
        #expect(state.unanswered == 0)
        expectNoAnswers(answers[..<4])
        try state.answerShutdown(into: &out)
        expectNoAnswers(answers[...])
        #expect(out.bytes == frame("P") + frame("R") + frame("R"))
    }

    @Test func `There is no error frame and no empty request in version 1, and nothing is too long`() throws {
        var state = ProtocolState()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[\"ping\"]"))
        let long = ByteBuffer(repeating: 0x20, count: (1 << 20) + 1)
        #expect(throws: BackupError.self) { try state.respondFailure(ByteBuffer(string: "{}"), into: &out) }
        #expect(throws: BackupError.self) { try state.sendRequest(ByteBuffer(), into: &out) }
        #expect(throws: BackupError.self) { try state.sendRequest(long, into: &out) }
        #expect(throws: BackupError.self) { try state.respond(long, into: &out) }
        #expect(throws: BackupError.self) { try state.beginPart(length: long.readableBytes, into: &out) }
        #expect(throws: BackupError.self) { try state.beginPart(length: -1, into: &out) }
        #expect(out.readableBytes == 0)
        #expect(state.unanswered == 1)
        #expect(state.openRequests == 0)
    }

    // MARK: - Abort

    @Test func `A stream is asked to end once, when it has begun`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        try state.sendRequest(ping, into: &out)
        try state.sendRequest(ping, into: &out)
        #expect(throws: BackupError.self) { try state.sendAbort(into: &out) }
        #expect(try state.events(frame("P")) == [])
        out.clear()
        try state.sendAbort(into: &out)
        #expect(throws: BackupError.self) { try state.sendAbort(into: &out) }
        #expect(out.bytes == frame("A"))
        // The peer may have sent more before it heard of it.
        _ = try state.events(frame("P", "more") + frame("R"))
        #expect(throws: BackupError.self) { try state.sendAbort(into: &out) }
        _ = try state.events(frame("P", "x"))
        try state.sendAbort(into: &out)
    }

    @Test func `An abort is told while the stream is being sent, and passed over when it has ended`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[1]") + frame("S", "[2]"))
        try state.beginPart(length: 0, into: &out)
        #expect(try state.event(frame("A")) == .abortRequested)
        try state.endStream(into: &out)
        try state.beginPart(length: 0, into: &out)
        try state.endStream(into: &out)
        #expect(try state.events(frame("A")) == [])
    }

    @Test func `Each of two streams can be asked to end`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[1]") + frame("S", "[2]"))
        for _ in 0..<2 {
            try state.beginPart(length: 0, into: &out)
            #expect(try state.event(frame("A")) == .abortRequested)
            try state.endStream(into: &out)
        }
    }

    @Test func `An abort that comes after both shutdowns were answered is passed over`() throws {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[1]") + frame("S"))
        try state.beginPart(length: 0, into: &out)
        try state.endStream(into: &out)
        try state.answerShutdown(into: &out)
        try state.offerShutdown(into: &out)
        #expect(try state.events(frame("R") + frame("A")) == [.shutdownAnswered, .finished])
        try state.receiveEnd()
    }

    // MARK: - Negotiation

    @Test func `Version 2 holds for each direction by itself`() throws {
        var state = ProtocolState()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[\"getPolicyInfo\", {}]"))
        try state.respond(ByteBuffer(string: "{}"), into: &out)
        state.serverVersion = 2
        #expect(try state.events(frame("S", "[1]") + frame("S", "[2]")).count == 2)
        try state.respondFailure(ByteBuffer(string: "{}"), into: &out)
        try state.sendRequest(ping, into: &out)
        #expect(throws: BackupError.self) { try state.sendRequest(ping, into: &out) }
        #expect(throws: BackupError.self) { try state.events(frame("E", "{}")) }
    }

    @Test func `The limits are those that were given`() throws {
        var limits = ProtocolLimits()
        limits.frameLength = 10
        limits.openRequests = 2
        var state = ProtocolState.ofVersion2(limits)
        var out = ByteBuffer()
        for _ in 0..<2 { try state.sendRequest(ping, into: &out) }
        #expect(throws: BackupError.self) { try state.sendRequest(ping, into: &out) }
        _ = try state.events(frame("S", "0123456789"))
        #expect(throws: BackupError.self) { try state.events(frame("S", "01234567890")) }
    }
}
