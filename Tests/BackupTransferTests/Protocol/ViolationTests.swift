import BackupModel
import BackupTransfer
import NIOCore
import Testing

/// What a peer must not send, and what becomes of the connection.
@Suite struct ViolationTests {
    /// A state and bytes that it must refuse.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let bytes: [UInt8]
        let state: @Sendable () throws -> ProtocolState

        init(
            _ name: String, _ bytes: [UInt8], _ reason: String,
            in state: @Sendable @escaping () throws -> ProtocolState = { ProtocolState() }
        ) {
            testDescription = name
            self.reason = reason
            self.bytes = bytes
            self.state = state
        }
    }

    /// With one request of ours open, of version 1 or 2.
    private static func asking(_ version: Int) -> @Sendable () throws -> ProtocolState {
        {
            var state = ProtocolState()
            state.clientVersion = version
            var out = ByteBuffer()
            try state.sendRequest(ByteBuffer(string: "[\"x\"]"), into: &out)
            return state
        }
    }

    private static let offered: @Sendable () throws -> ProtocolState = {
        var state = ProtocolState()
        var out = ByteBuffer()
        try state.offerShutdown(into: &out)
        return state
    }

    /// In version 2, after a stream of ours whose end was sent, and one abort of the peer.
    private static let abortedOnce: @Sendable () throws -> ProtocolState = {
        var state = ProtocolState.ofVersion2()
        var out = ByteBuffer()
        _ = try state.events(frame("S", "[\"x\"]"))
        try state.beginPart(length: 0, into: &out)
        _ = try state.events(frame("A"))
        try state.endStream(into: &out)
        return state
    }

    private static let request = frame("S", "[\"x\"]")

    static let cases = [
        Case("an unknown type", frame("X", "text"), "unknown type 0x58"),
        Case("another kind of stream", Array("GET / HTTP/1.1\r\n".utf8), "unknown type 0x47"),
        Case("a request over the limit", [0x53, 1, 0, 0x10, 0], "1048577 bytes, and 1048576 is the most"),
        Case("the longest length there is", [0x53, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes"),
        Case("an answer over the limit", [0x52, 1, 0, 0x10, 0], "1048577 bytes", in: asking(1)),
        Case("a part over the limit", [0x50, 1, 0, 0x10, 0], "1048577 bytes", in: asking(2)),
        Case("an answer to nothing", frame("R", "null"), "nothing was asked"),
        Case("an empty answer to nothing", frame("R"), "nothing was asked"),
        Case("a part of nothing", frame("P", "data"), "nothing was asked"),
        Case("an error where nothing was asked", frame("E", "{}"), "nothing was asked") { .ofVersion2() },
        Case("two answers to one request", frame("R", "null") + frame("R", "null"), "nothing was asked", in: asking(1)),
        Case("a stream that ends with bytes", frame("P", "data") + frame("R", "more"), "ends a stream", in: asking(1)),
        Case("an error frame in version 1", frame("E", "{}"), "error frame in version 1", in: asking(1)),
        Case("an answer with bytes to an offer", frame("R", "null"), "nothing was asked", in: offered),
        Case("a part as the answer to an offer", frame("P") + frame("R"), "nothing was asked", in: offered),
        Case("two answers to an offer", frame("R") + frame("R"), "nothing was asked", in: offered),
        Case("a second request in version 1", request + request, "the 1 that may be open"),
        Case("an offer while a request is open in version 1", request + frame("S"), "the 1 that may be open"),
        Case("request 33 of version 2", Array(repeatElement(request, count: 33).joined()), "the 32 that may be open") {
            .ofVersion2()
        },
        Case("a request after the offer", frame("S") + request, "after the shutdown offer"),
        Case("a second offer", frame("S") + frame("S"), "after the shutdown offer") { .ofVersion2() },
        Case("an abort in version 1", request + frame("A"), "abort in version 1"),
        Case("an abort with bytes", frame("A", "x"), "abort with 1 bytes") { .ofVersion2() },
        Case("an abort of nothing", frame("A"), "no stream was sent") { .ofVersion2() },
        Case("an abort before the stream", request + frame("A"), "no stream was sent") { .ofVersion2() },
        Case("a second abort of the only stream", frame("A"), "no stream was sent", in: abortedOnce),
    ]

    @Test(arguments: cases, [[Int.max], [1], [3, 1, 7]])
    func `A violation ends the connection`(_ test: Case, chunks: [Int]) throws {
        var state = try test.state()
        let error = try #require(throws: BackupError.self) { try state.events(test.bytes, chunks: chunks) }
        #expect(error.code == .untrusted)
        #expect(error.message.contains(test.reason), "\(error)")
        #expect(!error.remedy.isEmpty)
        // It is dead: nothing more is taken or given.
        var out = ByteBuffer()
        let calls: [(inout ProtocolState) throws -> Void] = [
            { _ = try $0.events(frame("R")) }, { try $0.receiveEnd() },
            { try $0.sendRequest(ByteBuffer(string: "[\"x\"]"), into: &out) }, { try $0.offerShutdown(into: &out) },
            { try $0.sendAbort(into: &out) }, { try $0.respond(ByteBuffer(), into: &out) },
            { try $0.beginPart(length: 1, into: &out) }, { try $0.endStream(into: &out) },
            { try $0.respondFailure(ByteBuffer(), into: &out) }, { try $0.answerShutdown(into: &out) },
        ]
        for call in calls {
            let again = try #require(throws: BackupError.self) { try call(&state) }
            #expect(again.message == error.message)
        }
        #expect(out.readableBytes == 0)
    }

    @Test func `What came before a violation is told`() throws {
        var state = ProtocolState()
        var events: [ProtocolState.Event] = []
        let bytes = ByteBuffer(bytes: frame("S", "[\"ping\"]") + frame("X"))
        #expect(throws: BackupError.self) { try state.receive(bytes) { events.append($0) } }
        #expect(events == [.request(ByteBuffer(string: "[\"ping\"]"))])
    }

    @Test(arguments: ["S", "R", "P", "E"])
    func `A frame of just the longest length is taken`(type: String) throws {
        var state = try Self.asking(2)()
        let payload = [UInt8](repeating: 0x5b, count: 1 << 20)
        let events = joined(try state.events(frame(Character(type), payload), chunks: [7, 4096]))
        #expect(events.map { $0.payload?.bytes } == [payload])
    }

    @Test(arguments: [0, 1, 4, 5, 6, 9])
    func `An end within the conversation is a broken connection`(length: Int) throws {
        var state = ProtocolState()
        _ = try state.events(Array(frame("S", "[\"ping\"]").prefix(length)))
        let error = try #require(throws: BackupError.self) { try state.receiveEnd() }
        #expect(error.code == .inputOutput)
        #expect(error.message.contains("within a frame") == (length > 0))
        #expect(error.message.contains("version 1 as server with 0 unanswered requests"), "\(error)")
        #expect(throws: BackupError.self) { try state.events([]) }
    }

    @Test func `An end between the two offers is a broken connection`() throws {
        var state = try Self.offered()
        _ = try state.events(frame("R"))
        let error = try #require(throws: BackupError.self) { try state.receiveEnd() }
        #expect(error.message.contains("before both sides were done"))
        #expect(error.message.contains("the shutdown done"))
    }

    @Test func `Half a frame after both shutdowns is no good end`() throws {
        var state = try Self.offered()
        var out = ByteBuffer()
        _ = try state.events(frame("R") + frame("S"))
        try state.answerShutdown(into: &out)
        #expect(state.isFinished)
        #expect(try state.events(Array(frame("R").prefix(3))) == [])
        let error = try #require(throws: BackupError.self) { try state.receiveEnd() }
        #expect(error.message.contains("within a frame"))
    }
}
