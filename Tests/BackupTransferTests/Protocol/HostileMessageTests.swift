import BackupModel
import BackupTestKit
import BackupTransfer
import NIOCore
import Testing

/// Messages that nobody vouches for: each is read or refused, and nothing crashes.
@Suite struct HostileMessageTests {
    /// Places in messages, and what must not stand there; "-" leaves it out.
    static let refused: [(name: String, place: String, values: [String])] = [
        ("nextDataElement", "1", ["null", "1", #""true""#, "[]"]),
        ("getPolicyInfo", "1", ["1", #""2""#, "[]", "true"]),
        ("getPolicyInfo", "1.protocol", ["0", "-1", "65536", "2.0", #""2""#, "null", "-"]),
        ("getPolicyInfo", "1.features", ["null", "1", "[1]", #"[""]"#, #"["a b"]"#, "{}"]),
        ("getPolicyInfo", "1.agent", [#""""#, #"".a""#, #""..""#, #""a/b""#, #""a\u0000""#, #""é""#, "1", "[]"]),
        ("getPolicyInfo", "1.software", [#""""#, #""a\nb""#, "1", #""\#(String(repeating: "x", count: 201))""#]),
        ("listElements", "1", ["null", "[]", "1", "{}"]),
        ("listElements", "1.limit", ["0", "-1", "2147483648", "1.5", "1e2", #""5""#, "null", "true", "-"]),
        ("listElements", "1.after", ["1", #""""#, #""a\u0000b""#, #""a b""#, "{}"]),
        ("readElement", "1.offset", ["-1", "9223372036854775808", "1.0", "null", #""0""#, "-"]),
        (
            "readElement", "1.id",
            ["null", #""""#, #""/a\u0000""#, "5", "-", #""\#(String(repeating: "x", count: 4097))""#]
        ),
        ("confirmElements", "1", ["null", "{}", "[1]", "[null]", "[[]]", "[{}]"]),
        ("confirmElements", "1.1.sha512", ["null", #""""#, #""AAEC""#, #""?""#, "1", "-"]),
        ("confirmElements", "1.1.id", ["null", #""""#, "1", "-"]),
        ("confirmElements", "1.1.receipt", ["1", "[]", "{}"]),
        ("policy of version 2", "protocol", ["1", "3", "null", #""2""#, "-"]),
        ("policy of version 2", "policy", ["1", "[]", "{}", #"{"name": 1}"#, #"{"name": ""}"#, #""keep""#]),
        ("policy of version 1", "", ["1", "true", "[]", #""""#, #""a\u0007""#]),
        ("next element", "", ["null", "1", #""true""#, "[]"]),
        ("element", "", ["1", "[]", "{}", #"["/a"]"#, #"["/a", "{}"]"#, #"["/a", "{}", null]"#]),
        ("element", "0", [#""""#, #""a""#, #""/a/""#, #""/..""#, #""/a\u0000""#, "null"]),
        ("element", "0", [#""/\#(String(repeating: "a", count: 5000))""#]),
        ("element", "1", ["null", "{}", #""""#, #""[""#, #""[]""#, #""{\"BackupType\": \"full\"}""#]),
        ("element", "2", ["1", "[]", #""""#]),
        ("confirmation", "released", ["null", "{}", "[1]", #"[""]"#, "-"]),
        ("confirmation", "kept", ["null", "{}", "[null]", #"["a\u0000"]"#, "-"]),
        ("receipt", "Sha512", ["null", #""AAEC""#, "-"]), ("receipt", "Size", ["-1", "1.0", "-"]),
        ("receipt", "Holder", [#""""#, #""a\u0000""#, "1", "-"]),
        ("receipt", "SyncedAt", ["-1", "253402300800", "null", "-"]),
        ("receipt", "DataUuid", [#""""#, "1", #""?""#]), ("receipt", "Signature", [#""""#, "1", #""?""#]),
        ("failure", "code", ["1", "null", "-"]), ("failure", "message", ["1", "null", "-"]),
    ]

    @Test(arguments: refused)
    func `A wrong value is refused, and the message is named`(name: String, place: String, values: [String]) throws {
        let path = place.split(separator: ".").map(String.init)
        // Of the samples with this name, the last one that has such a place.
        let sample = try #require(
            MessageSample.named(name).last { try JSONParser.parse($0.text).places.contains(path) })
        for value in values {
            let wrong = try JSONParser.parse(sample.text)
                .replacing(path, by: value == "-" ? nil : try JSONParser.parse(value))
            let payload = ByteBuffer(string: wrong.canonicalText)
            let error = try #require(throws: BackupError.self, "\(value)") { try sample.rewrite(payload) }
            #expect(error.code == .untrusted)
            #expect(error.message.hasPrefix("the peer sent something unusable: "))
            #expect(error.description.utf8.count < 2000)
        }
    }

    /// Reads a payload; what was read must be written and read again as the same.
    private func readOrRefuse(_ sample: MessageSample, _ payload: ByteBuffer, _ comment: Comment) throws -> Bool {
        let first: ByteBuffer
        do throws(BackupError) { first = try sample.rewrite(payload) } catch {
            // A receipt alone is read from JSON that was parsed by others.
            #expect([.untrusted, .usage].contains(error.code) || sample.name == "receipt", comment)
            return false
        }
        #expect(try sample.rewrite(first) == first, comment)
        return true
    }

    @Test(arguments: MessageSample.all)
    func `Any value in any place is read or refused`(_ sample: MessageSample) throws {
        let values = [
            "null", "true", "0", "-0", "-1", "1.5", "1E+400", "9223372036854775808", #""""#, #""..""#, #""/""#,
            #""a\u0000b""#, #""\ud83d\ude00""#, #""\#(String(repeating: "/x", count: 2500))""#, "[]", "{}",
            "[[[null]]]",
            #"{"id": 1}"#, #"["\u001b"]"#,
        ]
        let message = try JSONParser.parse(sample.text)
        for place in message.places {
            for value in values {
                let wrong = message.replacing(place, by: try JSONParser.parse(value))
                let comment: Comment = "\(value) at \(place)"
                _ = try readOrRefuse(sample, ByteBuffer(string: wrong.canonicalText), comment)
            }
        }
        // Cut anywhere, it is no message.
        for length in 0..<sample.text.utf8.count {
            let payload = ByteBuffer(bytes: Array(sample.text.utf8.prefix(length)))
            #expect(throws: BackupError.self) { try sample.rewrite(payload) }
        }
    }

    @Test(arguments: MessageSample.all)
    func `Nesting, repeated keys and what is too long are refused`(_ sample: MessageSample) throws {
        for text in [
            String(repeating: "[", count: 1 << 20), String(repeating: "{\"a\":", count: 200_000),
            String(repeating: "[", count: 40) + String(repeating: "]", count: 40), #"{"a": 1, "a": 2}"#,
            sample.text + String(repeating: " ", count: 1 << 20), sample.text + "\u{0}", "\u{feff}" + sample.text,
        ] {
            #expect(throws: BackupError.self) { try sample.rewrite(ByteBuffer(string: text)) }
        }
        var invalid = ByteBuffer(string: sample.text)
        invalid.writeBytes([0xff])
        #expect(throws: BackupError.self) { try sample.rewrite(invalid) }
    }

    @Test func `Ten megabytes of brackets over frames are ten refusals`() throws {
        var state = ProtocolState.ofVersion2()
        var events: [ProtocolState.Event] = []
        for _ in 0..<10 {
            events += try state.events(Array(frame("S", [UInt8](repeating: 0x5b, count: 1 << 20))), chunks: [100_000])
            var out = ByteBuffer()
            try state.respondFailure(ByteBuffer(string: "{}"), into: &out)
        }
        #expect(events.count == 10)
        for case .request(let payload) in events {
            let error = try #require(throws: BackupError.self) {
                try PeerRequest(parsing: payload, version: 2, limits: .init())
            }
            #expect(error.code == .untrusted)
            #expect(error.description.contains("levels"))
        }
    }

    @Test func `Random changes to messages are read or refused`() throws {
        var generator = SeededGenerator()
        var read = 0
        let rounds = 50_000
        for round in 0..<rounds {
            let sample = MessageSample.all[round % MessageSample.all.count]
            let payload = mutated(Array(sample.text.utf8), &generator)
            if try readOrRefuse(sample, ByteBuffer(bytes: payload), generator.comment) { read += 1 }
        }
        // Both happen, or the changes prove nothing.
        #expect(read > rounds / 100, generator.comment)
        #expect(read < rounds / 2, generator.comment)
    }
}
