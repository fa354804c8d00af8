import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// What a peer may send to the side that serves: it is disconnected or gets an `E`, and nothing has changed.
@Suite struct HostileRequestTests {
    /// Bytes that end the connection, whatever the peer does then.
    enum Attack: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case oversizedFrame, hugeFrame, unknownType, zeroType
        case responseUnasked, partUnasked, failureUnasked, abortUnasked
        case twoRequests, requestAfterShutdown, secondShutdown
        case nextBeforeTransaction, infoBeforeTransaction, streamBeforeTransaction, streamBeforeNext
        case brackets, noJSON, noList, emptyList, noMethod, unknownMethod, laterMethod, nullBytes, duplicateKey
        case storedIsNumber, queryMissing, greetingIsNumber, greetingVersionHuge, greetingVersionNegative
        case greetingVersionFraction, agentWithSlash, thousandFeatures

        var testDescription: String { rawValue }

        var bytes: [UInt8] {
            switch self {
            case .oversizedFrame: RawFrame.bytes("S", length: (1 << 20) + 1)
            case .hugeFrame: RawFrame.bytes("S", length: .max)
            case .unknownType: RawFrame.bytes("X", "[]")
            case .zeroType: [0, 0, 0, 0, 0]
            case .responseUnasked: RawFrame.bytes("R", "null")
            case .partUnasked: RawFrame.bytes("P", "bytes")
            case .failureUnasked: RawFrame.bytes("E", #"{"code": "busy", "message": ""}"#)
            case .abortUnasked: RawFrame.bytes("A")
            case .twoRequests: request(#"["getPolicyInfo"]"#) + request(#"["getPolicyInfo"]"#)
            case .requestAfterShutdown: request("") + request(#"["getPolicyInfo"]"#)
            case .secondShutdown: request("") + request("")
            case .nextBeforeTransaction: request(#"["nextDataElement", true]"#)
            case .infoBeforeTransaction: request(#"["getDataElementInfo"]"#)
            case .streamBeforeTransaction, .streamBeforeNext: request(#"["getDataElementStream"]"#)
            case .brackets: request(String(repeating: "[", count: 1 << 20))
            case .noJSON: request("getPolicyInfo")
            case .noList: request(#"{"getPolicyInfo": 1}"#)
            case .emptyList: request("[]")
            case .noMethod: request("[1]")
            case .unknownMethod: request(#"["deleteEverything", true]"#)
            case .laterMethod: request(#"["listElements", {"after": null, "limit": 1}]"#)
            case .nullBytes: RawFrame.bytes("S", [UInt8](repeating: 0, count: 100))
            case .duplicateKey: request(#"["getPolicyInfo", {"protocol": 2, "protocol": 2}]"#)
            case .storedIsNumber: request(#"["nextDataElement", 1]"#)
            case .queryMissing: request(#"["startTransaction"]"#)
            case .greetingIsNumber: request(#"["getPolicyInfo", 2]"#)
            case .greetingVersionHuge: request(#"["getPolicyInfo", {"protocol": 1e400}]"#)
            case .greetingVersionNegative: request(#"["getPolicyInfo", {"protocol": -1}]"#)
            case .greetingVersionFraction: request(#"["getPolicyInfo", {"protocol": 2.5}]"#)
            case .agentWithSlash: request(#"["getPolicyInfo", {"protocol": 2, "agent": "../../etc"}]"#)
            case .thousandFeatures:
                request(
                    #"["getPolicyInfo", {"protocol": 2, "features": ["#
                        + Array(repeating: "\"a\"", count: 1000).joined(separator: ",") + "]}]")
            }
        }

        private func request(_ text: String) -> [UInt8] { RawFrame.bytes("S", text) }
    }

    @Test(arguments: Attack.allCases)
    func `A violation ends the connection, and changes nothing`(attack: Attack) async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/host1/root"))
            let before = try await pair.left.inventory()
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                if attack == .streamBeforeNext { _ = try peer.ask(#"["startTransaction", null]"#) }
                try peer.send(attack.bytes)
                return try peer.rest()
            }
            let code = try #require(met.outcome.failure).code
            #expect([.untrusted, .usage].contains(code), "\(String(describing: met.outcome.failure))")
            #expect(!met.value.contains { $0.type == "E" }, "version 1 has no error frame")
            #expect(pair.leftEvents.disconnection?.code == code)
            #expect(try await pair.left.inventory() == before)
            try await pair.expectWorks()
        }
    }

    /// Who introduces itself and speaks no more than version 1 is answered like an original.
    @Test func `A greeting of version 1 is answered in version 1`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                [
                    try peer.ask(#"["getPolicyInfo", {"protocol": 1, "agent": "old"}]"#)?.end.text,
                    try peer.ask(#"["startTransaction", null]"#)?.end.text,
                ]
            }
            #expect(met.value == [#""SenderMoveDataTransferPolicy""#, ""])
        }
    }

    /// The words of the protocol document, by which a mirror knows what is gone.
    @Test func `The answer to a greeting says whether what is confirmed is still offered`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let copies = { release in
                SenderCopiesDataTransferPolicy(
                    pair.left, ledger: CopyLedger(pair.left), copies: 2, release: release, forgetAfter: nil,
                    lastSeen: { _ in nil })
            }
            let policies: [(any SenderPolicy, String)] = [
                (pair.movePolicy, #"{"hides_confirmed": true, "name": "move"}"#),
                (SenderKeepDataTransferPolicy(), #"{"hides_confirmed": false, "name": "keep"}"#),
                (copies(false), #"{"hides_confirmed": false, "name": "copies"}"#),
                (copies(true), #"{"hides_confirmed": true, "name": "copies"}"#),
            ]
            for (policy, text) in policies {
                let context = try TransferPair.context(sender: policy)
                let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                    try peer.ask(#"["getPolicyInfo", {"protocol": 2}]"#)?.end.text
                }
                #expect(met.value?.contains(#""policy": \#(text)"#) == true, "\(met.value ?? "")")
            }
        }
    }

    @Test(arguments: [0, 1, 4, 5, 10, 21])
    func `A peer that hangs up within a frame has broken the connection`(length: Int) async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/host1/root"))
            let before = try await pair.left.inventory()
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.send(Array(RawFrame.bytes("S", #"["getPolicyInfo"]"#).prefix(length)))
            }
            #expect(met.outcome.failure?.code == .inputOutput)
            #expect(pair.leftEvents.disconnection?.code == .inputOutput)
            #expect(try await pair.left.inventory() == before)
            try await pair.expectWorks()
        }
    }

    /// Requests of version 2 that get an `E`; the connection goes on.
    static let refused: [String] = [
        #"["unknown"]"#, #"["listElements"]"#, #"["listElements", {"limit": 0}]"#, #"["listElements", {"limit": -1}]"#,
        #"["listElements", {"limit": 1e3}]"#, #"["listElements", {"limit": 99999999999999999999}]"#,
        #"["listElements", {"limit": 10, "after": "/no/such"}]"#, #"["listElements", {"limit": 10, "after": 7}]"#,
        #"["listElements", {"limit": 10, "after": ""}]"#, #"["listElements", {"limit": 10, "after": "a\u0000b"}]"#,
        #"["readElement", {"id": "ID", "offset": 11}]"#, #"["readElement", {"id": "ID", "offset": -1}]"#,
        #"["readElement", {"id": "ID", "offset": 9223372036854775807}]"#,
        #"["readElement", {"id": "ID", "offset": 9223372036854775808}]"#,
        #"["readElement", {"id": "ID", "offset": 0.5}]"#, #"["readElement", {"id": "ID"}]"#,
        #"["readElement", {"offset": 0}]"#, #"["readElement", {"id": "", "offset": 0}]"#,
        #"["readElement", {"id": "ID\u0000", "offset": 0}]"#, #"["readElement", {"id": null, "offset": 0}]"#,
        #"["readElement", ["ID", 0]]"#, #"["readElement", {"id": "LONG", "offset": 0}]"#,
        #"["confirmElements"]"#, #"["confirmElements", {}]"#, #"["confirmElements", [1]]"#,
        #"["confirmElements", [{"id": "ID"}]]"#, #"["confirmElements", [{"id": "ID", "sha512": ""}]]"#,
        #"["confirmElements", [{"id": "ID", "sha512": "AAAA"}]]"#,
        #"["confirmElements", [{"id": "ID", "sha512": "SHA", "receipt": 1}]]"#,
        #"["confirmElements", [{"id": "ID", "sha512": "SHA", "receipt": {"Size": -1}}]]"#,
        #"["getDataElementInfo"]"#, #"["nextDataElement", true]"#, "[", "{}", "[[[[[[[[]]]]]]]]",
    ]

    @Test func `A request of version 2 that is wrong gets an error, and the connection goes on`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let element = try pair.left.store(SourceURL("/host1/root"))
            let sha = Base64.encode(try #require(element.metadata.checksum))
            let requests = Self.refused.map {
                $0.replacing("LONG", with: "/" + String(repeating: "a", count: 5000))
                    .replacing("ID", with: "\(element.id)").replacing("SHA", with: sha)
            }
            let before = try await pair.left.inventory()
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                var answers: [String] = []
                for request in requests { answers.append(try peer.ask(request).map { String($0.end.type) } ?? "end") }
                answers.append(try peer.ask(#"["ping"]"#).map { String($0.end.type) } ?? "end")
                return answers
            }
            for (request, answer) in zip(requests, met.value) { #expect(answer == "E", "\(request.prefix(100))") }
            #expect(met.value.last == "R")
            #expect(met.value.count == requests.count + 1)
            #expect(try await pair.left.inventory() == before)
            try await pair.expectWorks()
        }
    }

    @Test func `A thirty-third open request and what follows an offered shutdown end a connection of version 2`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/host1/root"))
            let context = try TransferPair.context(sender: pair.movePolicy)
            let ping = RawFrame.bytes("S", #"["ping"]"#)
            let cases = [
                Array(repeating: ping, count: 33).flatMap { $0 }, RawFrame.bytes("S") + ping,
                RawFrame.bytes("A"), RawFrame.bytes("A", "x"), RawFrame.bytes("R", "null"), RawFrame.bytes("E", "{}"),
            ]
            for bytes in cases {
                let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                    try peer.greet()
                    try peer.send(bytes)
                    try peer.rest()
                }
                #expect(met.outcome.failure?.code == .untrusted)
            }
            #expect(try pair.left.contents().count == 1)
            try await pair.expectWorks()
        }
    }

    @Test func `An element whose files are gone or cut gets an error that tells nothing of paths`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let gone = try pair.left.store(SourceURL("/host1/gone"))
            let cut = try pair.left.store(SourceURL("/host1/cut"))
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                _ = try peer.ask(#"["listElements", {"after": null, "limit": 10}]"#)
                directory.remove("left\(gone.id).data")
                try directory.write("left\(cut.id).data", "short")
                var answers: [RawFrame?] = []
                for id in [gone.id, cut.id] {
                    answers.append(try peer.ask(#"["readElement", {"id": "\#(id)", "offset": 0}]"#)?.end)
                }
                return answers
            }
            for answer in met.value {
                #expect(answer?.type == "E")
                #expect(answer?.text.contains(directory.path) == false, "\(answer?.text ?? "")")
            }
            let problems = pair.leftEvents.events.filter { if case .problem = $0 { true } else { false } }
            #expect(problems.count == 2)
        }
    }
}

extension EventLog {
    /// What the last connection that ended has ended with.
    var disconnection: BackupError? {
        for case .disconnected(_, let error) in events.reversed() { return error }
        return nil
    }

    var refusals: [(element: String, error: BackupError)] {
        events.compactMap { if case .refused(_, let element, let error) = $0 { (element, error) } else { nil } }
    }

    var refusedConfirmations: [BackupError] {
        events.compactMap { if case .confirmationRefused(_, _, let error) = $0 { error } else { nil } }
    }
}
