import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Glibc
import Testing

/// A peer that is silent, or says just enough not to be, does not hold a connection for ever.
@Suite struct SilenceTests {
    private static var short: PeerConnection.Limits {
        var limits = PeerConnection.Limits()
        limits.idleTimeout = TimeSpan(seconds: 1)
        limits.stallTimeout = TimeSpan(seconds: 1)
        return limits
    }

    /// What a peer does that fetches from us, or whom we ask.
    enum Silence: String, CaseIterable, Sendable {
        case nothing, requestByTheByte, unreadStream, unreadAnswers
        case noAnswer, answerByTheByte, streamByTheByte, emptyParts
    }

    @Test(arguments: Silence.allCases)
    func `Who keeps silent is disconnected, and a good peer is served afterwards`(silence: Silence) async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let source = try SourceURL("/large")
            let data = [UInt8](repeating: 1, count: 8 << 20)
            if silence == .unreadStream { try pair.left.store(source, data: data) }
            let before = try await pair.left.inventory()
            let isAsked = [.noAnswer, .answerByTheByte, .streamByTheByte, .emptyParts].contains(silence)
            let context = try TransferPair.context(
                sender: isAsked ? nil : pair.movePolicy, receiver: isAsked ? ReceiverPolicy() : nil, limits: Self.short)
            let entry = HostileSender.entry("a", "/theirs/\(silence)", data)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                switch silence {
                case .nothing, .noAnswer: try peer.rest()
                case .requestByTheByte:
                    try peer.send(RawFrame.bytes("S", length: 10000))
                    try peer.trickle([UInt8(ascii: "[")])
                case .unreadStream:
                    try peer.greet()
                    let listing = try peer.ask(#"["listElements", {"after": null, "limit": 10}]"#)?.end.payload ?? []
                    let id = try JSONParser.parse(listing).objectValue?["elements"]?.arrayValue?.first?.objectValue?[
                        "id"]
                    try peer.send("S", #"["readElement", {"id": "\#(id?.stringValue ?? "")", "offset": 0}]"#)
                    while !peer.isAbandoned { usleep(10000) }
                case .unreadAnswers:
                    try peer.greet()
                    let ping = RawFrame.bytes("S", #"["getPolicyInfo", {"protocol": 2}]"#)
                    while !peer.isAbandoned {
                        try peer.send(ping)
                        peer.waitUntilRead()
                        // Not faster than it is answered: that would be another violation.
                        usleep(200)
                    }
                case .answerByTheByte:
                    _ = try peer.next()
                    try peer.send(RawFrame.bytes("R", length: 10000))
                    try peer.trickle([UInt8(ascii: "[")])
                case .streamByTheByte, .emptyParts:
                    try peer.serve { method, _ throws(BackupError) in
                        switch method {
                        case "getPolicyInfo": return HostileSender.policy
                        case "listElements": return RawFrame.bytes("R", #"{"elements": [\#(entry)], "next": null}"#)
                        default:
                            if silence == .emptyParts {
                                try peer.trickle(RawFrame.bytes("P"))
                            } else {
                                try peer.trickle(RawFrame.bytes("P", [1]))
                            }
                            return nil
                        }
                    }
                }
            }
            let code = try #require(met.outcome.failure).code
            // When nobody takes its requests from the socket any more, one too many is open.
            let isExpected = code == .timedOut || (code == .untrusted && silence == .unreadAnswers)
            #expect(isExpected, "\(String(describing: met.outcome.failure))")
            #expect(pair.leftEvents.disconnection?.code == code)
            #expect(try await pair.left.inventory() == before)
            try await pair.expectWorks()
        }
    }

    @Test func `Work of our own that takes long is not held against the peer`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/host1/root"))
            let context = try TransferPair.context(sender: SlowPolicy(), limits: Self.short)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                return try peer.ask(#"["listElements", {"after": null, "limit": 10}]"#)?.end.type
            }
            #expect(met.value == "R")
        }
    }
}

/// Takes longer for its decision than a peer may be silent, as a slow disk does.
private struct SlowPolicy: SenderPolicy {
    let name = "slow"
    let hidesConfirmed = false
    let filter = ElementFilter()
    let prioritise: [String] = []

    func offers(_ element: StoredElement, to agent: AgentName) -> Bool {
        sleep(3)
        return true
    }

    func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] { [] }
}
