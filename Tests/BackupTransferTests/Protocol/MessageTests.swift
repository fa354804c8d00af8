import BackupModel
import BackupTransfer
import NIOCore
import Testing

@Suite struct MessageTests {
    @Test(arguments: MessageSample.all)
    func `What is read is written again byte for byte`(_ sample: MessageSample) throws {
        #expect(try sample.rewrite(ByteBuffer(string: sample.text)).text == sample.text)
    }

    // MARK: - Requests

    @Test func `Requests of version 1 are the bytes of the original`() throws {
        let requests: [(PeerRequest, String)] = [
            (.getPolicyInfo(nil), #"["getPolicyInfo"]"#),
            (.startTransaction(query: .null), #"["startTransaction", null]"#),
            (.nextDataElement(stored: false), #"["nextDataElement", false]"#),
            (.getDataElementInfo, #"["getDataElementInfo"]"#), (.getDataElementStream, #"["getDataElementStream"]"#),
        ]
        for (request, text) in requests {
            #expect(request.encoded.text == text)
            for version in 1...2 {
                #expect(
                    try PeerRequest(parsing: ByteBuffer(string: text), version: version, limits: .init()) == request)
            }
        }
    }

    @Test func `Requests of version 2 are read into what they say`() throws {
        let digest = (0..<64).map { UInt8($0) }
        let receipt = Receipt(
            dataUUID: ElementUUID([0, 1, 2]), sha512: digest, size: 4096, holder: "offsite",
            syncedAt: Timestamp(1_795_220_099), signature: [0x89, 0x01, 0x33])
        let requests: [PeerRequest] = [
            .getPolicyInfo(PeerGreeting(features: ["a"], agent: "web1", software: "gb 1")),
            .listElements(after: "/a", limit: 7), .listElements(after: nil, limit: 1),
            .readElement(id: "/a", offset: 12),
            .confirmElements([
                ElementConfirmation(id: "/a", sha512: digest),
                ElementConfirmation(id: "/b", sha512: digest, receipt: receipt),
            ]),
            .ping,
        ]
        for request in requests {
            let bytes = request.encoded
            #expect(try PeerRequest(parsing: bytes, version: 2, limits: .init()) == request)
        }
    }

    @Test(arguments: ["listElements", "readElement", "confirmElements", "ping"])
    func `A method of version 2 is unknown in version 1`(method: String) throws {
        let samples = MessageSample.named(method)
        #expect(!samples.isEmpty)
        for sample in samples {
            let error = try #require(throws: BackupError.self) {
                try PeerRequest(parsing: ByteBuffer(string: sample.text), version: 1, limits: .init())
            }
            #expect(error.code == .usage)
            #expect(error.message.contains(method))
        }
    }

    @Test func `An unknown method is told apart from a malformed request`() throws {
        let unknown = try #require(throws: BackupError.self) {
            try PeerRequest(parsing: ByteBuffer(string: #"["deleteAll\u001b", 1]"#), version: 2, limits: .init())
        }
        #expect(unknown.code == .usage)
        #expect(unknown.message.contains("deleteAll\\u{1b}"))
        for text in ["", "null", "{}", "[]", "[1]", "[[\"ping\"]]", "\"ping\"", "[\"ping\"", "[\"ping\"] 1", "\u{0}"] {
            let error = try #require(throws: BackupError.self) {
                try PeerRequest(parsing: ByteBuffer(string: text), version: 2, limits: .init())
            }
            #expect(error.code == .untrusted, "\(text)")
        }
    }

    @Test(arguments: [
        (#"["ping", 1, {}]"#, #"["ping"]"#), (#"["getPolicyInfo", null, 2]"#, #"["getPolicyInfo"]"#),
        (#"["nextDataElement", true, "more"]"#, #"["nextDataElement", true]"#),
        (#"["readElement", {"new": [], "id": "/a", "offset": 0}, 1]"#, #"["readElement", {"id": "/a", "offset": 0}]"#),
        (#"["listElements", {"limit": 5, "sources": 1}]"#, #"["listElements", {"after": null, "limit": 5}]"#),
    ])
    func `What a later version adds to a request is ignored`(text: String, read: String) throws {
        let request = try PeerRequest(parsing: ByteBuffer(string: text), version: 2, limits: .init())
        #expect(request.encoded.text == read)
    }

    // MARK: - Answers

    @Test func `The policy is told in both forms`() throws {
        let first = try PolicyAnswer(parsing: ByteBuffer(string: #""SenderMoveDataTransferPolicy""#))
        #expect(first.form == .version1(name: "SenderMoveDataTransferPolicy"))
        #expect(first.policyName == "SenderMoveDataTransferPolicy")
        let second = try PolicyAnswer(
            parsing: ByteBuffer(string: #"{"protocol": 2, "policy": {"name": "keep"}, "features": ["x"], "new": 1}"#))
        #expect(
            second.form == .version2(policy: ["name": .string("keep")], features: ["x"], agent: nil, software: nil))
        #expect(second.policyName == "keep")
        #expect(try PolicyAnswer(parsing: ByteBuffer(string: "null")).policyName == nil)
    }

    @Test func `The metadata of version 1 are the text of the info file`() throws {
        let metadata = try ElementMetadata(parsing: Array(MessageSample.info.utf8))
        let answer = ElementInfoAnswer(source: try SourceURL("/a/b"), metadata: metadata)
        let items = try #require(try JSONParser.parse(try answer.encoded().bytes).arrayValue)
        #expect(items == [.string("/a/b"), .string(MessageSample.info), .null])
        #expect(try ElementInfoAnswer(parsing: try answer.encoded()) == answer)
        #expect(try ElementInfoAnswer(parsing: ElementInfoAnswer.none) == nil)
    }

    @Test func `Metadata that no frame can hold are not sent`() throws {
        let quotes = String(repeating: "\\\"", count: 400_000)
        let long = "{\"BackupType\": \"full\", \"More\": \"\(quotes)\", \"Timestamp\": 1}"
        let answer = ElementInfoAnswer(
            source: try SourceURL("/a"), metadata: try ElementMetadata(parsing: Array(long.utf8)))
        let error = try #require(throws: BackupError.self) { try answer.encoded() }
        #expect(error.code == .failed)
        #expect(error.message.contains("/a"))
    }

    @Test func `A receipt is signed over all that it says but the signature`() throws {
        let text = MessageSample.receipt
        let signed = text.replacing(#", "Signature": "iQEz""#, with: "")
        var receipt = try Receipt(json: try JSONParser.parse(text))
        #expect(receipt.signedText == signed)
        #expect(receipt.signature == [0x89, 0x01, 0x33])
        #expect(receipt.syncedAt == Timestamp(1_795_220_099))
        receipt.signature = nil
        #expect(receipt.json.canonicalText == signed.replacing(#""Size""#, with: #""Signature": null, "Size""#))
        // Keys that we do not know are part of it.
        let more = try Receipt(json: try JSONParser.parse(text.replacing("{", with: #"{"A": 1.50, "#)))
        #expect(more.signedText == signed.replacing("{", with: #"{"A": 1.50, "#))
        let own = Receipt(
            dataUUID: nil, sha512: receipt.sha512, size: 0, holder: "a", syncedAt: Timestamp(0), signature: nil)
        #expect(try Receipt(json: own.json) == own)
        #expect(own.signedText.hasPrefix(#"{"DataUuid": null, "#))
    }

    @Test func `A failure is fit to be shown, whatever the peer wrote`() throws {
        let long = String(repeating: "x", count: 600)
        let failure = RemoteFailure(code: .busy, message: "a\u{1b}[2J\nb \"c\" \u{202e}" + long)
        #expect(failure.message.hasPrefix("a\\u{1b}[2J\\nb \"c\" \\u{202e}xxx"))
        #expect(failure.message.count == 500)
        #expect(try RemoteFailure(parsing: failure.encoded) == failure)
        let unknown = try RemoteFailure(parsing: ByteBuffer(string: #"{"code": "melted", "message": ""}"#))
        #expect(unknown == RemoteFailure(code: .internal, message: ""))
        for code in RemoteFailure.Code.allCases {
            #expect(try RemoteFailure(parsing: RemoteFailure(code: code, message: "m").encoded).code == code)
        }
    }
}
