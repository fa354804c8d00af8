import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// What a peer may answer to the side that fetches: an element is refused or the connection ends, and nothing but what is
/// sound is stored.
@Suite struct HostileOfferTests {
    private static let good = Array("good bytes".utf8)

    /// Offers that are refused, each with the words that the refusal must hold.
    static let badEntries: [(entry: String, words: String)] = {
        func source(_ source: String) -> String {
            HostileSender.entry("bad", source: source, info: #"{"BackupType": "full", "Timestamp": 1}"#, size: "1")
        }
        func info(_ members: String) -> String {
            HostileSender.entry("bad", source: "/bad", info: "{\(members)}", size: "1")
        }
        func size(_ size: String) -> String {
            HostileSender.entry("bad", source: "/bad", info: #"{"BackupType": "full", "Timestamp": 1}"#, size: size)
        }
        let base = #""BackupType": "full", "Timestamp": 1"#
        return [
            (source("/../etc/passwd"), "forbidden"), (source("/host1/../../etc"), "forbidden"),
            (source("/host1/."), "forbidden"), (source("host1"), "begin"), (source("/host1/"), "ends"),
            (source("//host1"), "slashes"), (source("/host1/a\\u0000b"), "not allowed"), (source(""), "empty"),
            (source("/" + String(repeating: "a", count: 5000)), "longer"),
            (source("/" + String(repeating: "a", count: 201)), "longer"), (source("/host1/\\n"), "not allowed"),
            (info(#""Timestamp": 1"#), "BackupType"), (info(#""BackupType": "FULL", "Timestamp": 1"#), "BackupType"),
            (info(#""BackupType": 1, "Timestamp": 1"#), "BackupType"), (info(#""BackupType": "full""#), "Timestamp"),
            (info(#""BackupType": "full", "Timestamp": -1"#), "Timestamp"),
            (info(#""BackupType": "full", "Timestamp": 1e9"#), "Timestamp"),
            (info(#""BackupType": "full", "Timestamp": "1""#), "Timestamp"),
            (info(#""BackupType": "full", "Timestamp": 99999999999999999999"#), "Timestamp"),
            (info(#""BackupType": "full", "Timestamp": 253402300799"#), "more than a day ahead"),
            (info(base + #", "DataUuid": """#), "DataUuid"), (info(base + #", "DataUuid": "!""#), "base64"),
            (info(base + #", "DataUuid": "\#(Base64.encode([UInt8](repeating: 1, count: 257)))""#), "DataUuid"),
            (info(base + #", "DataUuid": "AAAA", "Predecessor": "AAAA""#), "own predecessor"),
            (info(base + #", "StorageFileChecksumSha512": "AAAA""#), "64 bytes"),
            (info(base + #", "HandlingPolicy": ["a/../\\u0000"]"#), "HandlingPolicy"),
            (info(base + #", "Pipeline": 1"#), "Pipeline"), (info(base + #", "TransferAttributes": 1"#), "Transfer"),
            (size("-1"), "size"), (size("9223372036854775808"), "size"), (size("0.5"), "size"), (size("\"1\""), "size"),
            (size("1000001"), "1000000"), ("1", "no object"), ("{}", "id"), (#"{"id": "a b"}"#, "id"),
            (#"{"id": "\#(String(repeating: "a", count: 4097))"}"#, "id"), (#"{"id": "a\u0000"}"#, "id"),
            (#"{"id": "x", "source": "/x", "info": [], "size": 1}"#, "info"),
        ]
    }()

    @Test func `An offer that lies about its form is refused, and the good one beside it is taken`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.maximumElementSize = 1_000_000
            let context = try TransferPair.context(receiver: receiver)
            let entries = Self.badEntries.map(\.entry) + [HostileSender.entry("good", "/good/one", Self.good)]
            let sender = HostileSender(entries: entries) { _, _ in HostileSender.stream(Self.good) }
            let met = try await pair.meet(.right, context) { peer throws(BackupError) in try sender.serve(peer) }
            #expect(met.outcome.failure == nil)
            #expect(met.outcome.summary.offered == entries.count)
            #expect(met.outcome.summary.refused == Self.badEntries.count)
            #expect(met.outcome.summary.stored == 1)
            let refusals = pair.rightEvents.refusals
            #expect(refusals.count == Self.badEntries.count)
            for (refusal, bad) in zip(refusals, Self.badEntries) {
                #expect([.untrusted, .policyViolation].contains(refusal.error.code), "\(bad.entry.prefix(200))")
                #expect("\(refusal.error)".contains(bad.words), "\(bad.entry.prefix(200)): \(refusal.error)")
            }
            #expect(met.value == ["good"])
            let inventory = try await pair.right.inventory()
            #expect(Array(inventory.contents.values) == [Self.good])
            #expect(inventory.count == 1 && inventory.strays.isEmpty && inventory.damaged.isEmpty)
            try await pair.expectWorks()
        }
    }

    @Test func `In version 1 such an element is passed over too`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let infos = Self.badEntries.compactMap { bad -> String? in
                guard let object = (try? JSONParser.parse(bad.entry))?.objectValue, bad.words != "size",
                    bad.words != "1000000", let source = object["source"], let info = object["info"]
                else { return nil }
                return JSONValue.array([source, .string(info.canonicalText), .null]).canonicalText
            }
            let met = try await pair.meet(.right, try TransferPair.context(receiver: ReceiverPolicy())) {
                peer throws(BackupError) in
                var rest = infos[...]
                var isStored: [Bool?] = []
                try peer.serve { method, request throws(BackupError) in
                    switch method {
                    case "getPolicyInfo": return RawFrame.bytes("R", "\"SenderMoveDataTransferPolicy\"")
                    case "nextDataElement":
                        isStored.append(request.arrayValue?.last?.boolValue)
                        return RawFrame.bytes("R", rest.isEmpty ? "false" : "true")
                    case "getDataElementInfo": return RawFrame.bytes("R", rest.removeFirst())
                    case "getDataElementStream": return HostileSender.stream([1])
                    default: return RawFrame.bytes("R")
                    }
                }
                return isStored
            }
            #expect(infos.count > 20)
            #expect(met.outcome.failure == nil)
            #expect(met.outcome.summary.refused == infos.count)
            #expect(met.value == [true] + Array(repeating: false, count: infos.count))
            #expect(try await pair.right.inventory().holds(exactly: [:]))
            try await pair.expectWorks()
        }
    }

    /// Answers that end the connection: method, answer.
    static let badAnswers: [(method: String, answer: [UInt8])] = {
        func text(_ method: String, _ text: String) -> (String, [UInt8]) { (method, RawFrame.bytes("R", text)) }
        let entry = HostileSender.entry("a", "/a", good)
        return [
            text("getPolicyInfo", ""), text("getPolicyInfo", "{}"), text("getPolicyInfo", "[]"),
            text("getPolicyInfo", "true"), text("getPolicyInfo", #"{"protocol": 3, "policy": null}"#),
            text("getPolicyInfo", #"{"protocol": 2, "policy": {"name": 1}, "features": []}"#),
            text("getPolicyInfo", #"{"protocol": 2, "policy": {"name": "x"}, "features": []}"#),
            text("getPolicyInfo", "\"\""), text("getPolicyInfo", String(repeating: "[", count: 1 << 20)),
            ("getPolicyInfo", HostileSender.failure), ("getPolicyInfo", RawFrame.bytes("P", "x")),
            ("getPolicyInfo", RawFrame.bytes("R", length: 1 << 30)), ("getPolicyInfo", RawFrame.bytes("A")),
            ("getPolicyInfo", RawFrame.bytes("R", "null") + RawFrame.bytes("R", "null")),
            text("listElements", ""), text("listElements", "[]"), text("listElements", "{}"),
            text("listElements", #"{"elements": {}}"#), text("listElements", #"{"elements": [], "next": 1}"#),
            text("listElements", #"{"elements": [], "next": "a"}"#),
            text("listElements", #"{"elements": [], "next": ""}"#),
            text("listElements", #"{"elements": [\#(entry)], "next": "\#(String(repeating: "a", count: 4097))"}"#),
            text("listElements", #"{"elements": [\#(Array(repeating: "1", count: 1001).joined(separator: ","))]}"#),
            text("listElements", String(repeating: "[", count: 1 << 20)),
            ("listElements", RawFrame.bytes("P", "{}") + RawFrame.bytes("R")),
            ("listElements", RawFrame.bytes("E", "")),
            ("listElements", HostileSender.failure), ("listElements", RawFrame.bytes("A")),
            ("listElements", RawFrame.bytes("Z")),
            ("readElement", RawFrame.bytes("R", "bytes")),
            ("readElement", RawFrame.bytes("P", good + [0]) + RawFrame.bytes("R")),
            ("readElement", RawFrame.bytes("P", good) + RawFrame.bytes("P", "x")),
            ("readElement", RawFrame.bytes("P", good) + RawFrame.bytes("R", "x")),
            ("readElement", RawFrame.bytes("P", length: 2 << 20)), ("readElement", RawFrame.bytes("E", "{}")),
            text("confirmElements", ""), text("confirmElements", "[]"), text("confirmElements", #"{"released": []}"#),
            text("confirmElements", #"{"released": [1], "kept": []}"#), ("confirmElements", HostileSender.failure),
        ]
    }()

    @Test(arguments: 0..<badAnswers.count)
    func `An answer that is no answer ends the connection`(number: Int) async throws {
        let bad = Self.badAnswers[number]
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.right.store(SourceURL("/mine"), data: Array("mine".utf8))
            let before = try await pair.right.inventory()
            let sender = HostileSender(entries: [HostileSender.entry("a", "/a", Self.good)]) { _, _ in
                HostileSender.stream(Self.good)
            }
            let met = try await pair.meet(.right, try TransferPair.context(receiver: ReceiverPolicy())) {
                peer throws(BackupError) in
                try peer.serve { method, _ throws(BackupError) in
                    if method == bad.method { return bad.answer }
                    switch method {
                    case "getPolicyInfo": return HostileSender.policy
                    case "listElements":
                        return RawFrame.bytes("R", #"{"elements": [\#(sender.entries[0])], "next": null}"#)
                    case "readElement": return HostileSender.stream(Self.good)
                    default: return RawFrame.bytes("R", #"{"released": [], "kept": []}"#)
                    }
                }
            }
            let what = "\(bad.method) \(String(decoding: bad.answer.prefix(60), as: UTF8.self))"
            let failure = try #require(met.outcome.failure, "\(what)")
            #expect([.untrusted, .failed].contains(failure.code), "\(what): \(failure)")
            #expect(pair.rightEvents.disconnection?.code == failure.code)
            let after = try await pair.right.inventory()
            // What was confirmed was stored before, and it was sound.
            #expect(after.count == before.count + (bad.method == "confirmElements" ? 1 : 0), "\(what)")
            #expect(after.strays.isEmpty && after.damaged.isEmpty)
            try await pair.expectWorks()
        }
    }

    @Test(arguments: [10, 300_000])
    func `A stream that is shorter, or of other bytes, or ended by an error is not stored`(size: Int) async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let data = random.bytes(size)
            let entries = ["short", "other", "error", "none", "good"].map {
                HostileSender.entry($0, "/host1/\($0)", data)
            }
            let sender = HostileSender(entries: entries) { id, _ in
                switch id {
                case "short": HostileSender.stream(Array(data.dropLast()))
                case "other": HostileSender.stream(Array(data.dropLast()) + [(data.last ?? 0) ^ 1])
                case "error": RawFrame.bytes("P", Array(data.dropLast())) + HostileSender.failure
                case "none": RawFrame.bytes("R")
                default: HostileSender.stream(data)
                }
            }
            let met = try await pair.meet(.right, try TransferPair.context(receiver: ReceiverPolicy())) {
                peer throws(BackupError) in
                try sender.serve(peer)
            }
            #expect(met.outcome.failure == nil)
            #expect(met.value == ["good"])
            #expect(pair.rightEvents.refusals.map(\.element) == ["short", "other", "error", "none"])
            #expect(pair.rightEvents.refusals.map(\.error.code) == [.damaged, .damaged, .failed, .damaged])
            #expect(try pair.right.sources() == [SourceURL("/host1/good")])
            let inventory = try await pair.right.inventory()
            #expect(inventory.count == 1 && inventory.strays.isEmpty)
            try await pair.expectWorks()
        }
    }

    @Test func `The same UUID with other bytes is refused, be the first one stored or on its way`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let source = try SourceURL("/host1/root")
            let mine = try pair.right.store(source, data: Array("mine".utf8))
            let fresh = try #require(ElementUUID([1, 2, 3]))
            let entries = [
                HostileSender.entry("stored", "/host1/root", Array("evil".utf8), uuid: mine.metadata.uuid),
                HostileSender.entry("first", "/host1/root", Array("1111".utf8), uuid: fresh),
                HostileSender.entry("second", "/host1/root", Array("2222".utf8), uuid: fresh),
                // The source changes and comes back, and what is on its way is still known.
                HostileSender.entry("between", "/host1/home", Array("home".utf8)),
                HostileSender.entry("third", "/host1/root", Array("3333".utf8), uuid: fresh),
            ]
            let sender = HostileSender(entries: entries) { id, _ in
                switch id {
                case "first": HostileSender.stream(Array("1111".utf8))
                case "second": HostileSender.stream(Array("2222".utf8))
                case "third": HostileSender.stream(Array("3333".utf8))
                case "between": HostileSender.stream(Array("home".utf8))
                default: HostileSender.stream(Array("evil".utf8))
                }
            }
            let met = try await pair.meet(.right, try TransferPair.context(receiver: ReceiverPolicy())) {
                peer throws(BackupError) in
                try sender.serve(peer)
            }
            #expect(met.outcome.failure == nil)
            #expect(met.value.sorted() == ["between", "first"])
            // What is on its way already is left for the next round, which finds out whether it is the same.
            #expect(pair.rightEvents.refusals.map(\.element) == ["stored"])
            #expect(met.outcome.summary.underWay == 2)
            let inventory = try await pair.right.inventory()
            #expect(inventory.count == 3 && inventory.strays.isEmpty)
            #expect(try pair.right.data(mine.id) == Array("mine".utf8))
        }
    }

    @Test func `What a peer announces of sizes never makes the program stop`() async {
        // An arithmetic overflow would end the process: it is looked at from outside.
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                let entries = (0..<10).map {
                    HostileSender.entry("\($0)", "/host1/root\($0)", [UInt8($0)], size: .max)
                }
                for element in [Int64?.none, 1] {
                    var receiver = ReceiverPolicy()
                    receiver.quotaElements = element.map { $0 * 1000 }
                    let sender = HostileSender(entries: entries)
                    let met = try await pair.meet(.right, try TransferPair.context(receiver: receiver)) {
                        peer throws(BackupError) in
                        try sender.serve(peer)
                    }
                    #expect(met.outcome.failure?.code == .noSpace, "no disk has room for these")
                    #expect(met.outcome.summary.refused == entries.count)
                }
                #expect(try await pair.right.inventory().holds(exactly: [:]))
                try await pair.expectWorks()
            }
        }
    }

    @Test func `A connection that ends while an element is being written does not stop the program`() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let pair = try TransferPair(directory)
                let data = [UInt8](repeating: 1, count: 64 << 20)
                let context = try TransferPair.context(receiver: ReceiverPolicy())
                for round in 0..<20 {
                    let source = "/host1/root\(round)"
                    let entry = HostileSender.entry(
                        "a", source: source, info: #"{"BackupType": "full", "Timestamp": 1}"#, size: "\(data.count)")
                    let info = #"["\#(source)", "{\"BackupType\": \"full\", \"Timestamp\": 1}", null]"#
                    let met = try await pair.meet(.right, context) { peer throws(BackupError) in
                        let part = RawFrame.bytes("P", Array(data.prefix(1 << 20)))
                        try peer.serve { method, _ throws(BackupError) in
                            switch method {
                            case "getPolicyInfo" where round % 2 == 0:
                                return RawFrame.bytes("R", "\"SenderMoveDataTransferPolicy\"")
                            case "getPolicyInfo": return HostileSender.policy
                            case "listElements": return RawFrame.bytes("R", #"{"elements": [\#(entry)], "next": null}"#)
                            case "nextDataElement": return RawFrame.bytes("R", "true")
                            case "getDataElementInfo": return RawFrame.bytes("R", info)
                            default:
                                for _ in 0..<round % 5 + 2 { try peer.send(part) }
                                // The side that serves ends the connection, while the one that fetches still writes.
                                try peer.send(RawFrame.bytes("S", #"["unknown"]"#) + part)
                                try peer.send(part)
                                try peer.rest()
                                return nil
                            }
                        }
                    }
                    #expect(met.outcome.failure != nil)
                }
                #expect(try await pair.right.inventory().holds(exactly: [:]))
                try await pair.expectWorks()
            }
        }
    }

    @Test(arguments: [1, 2])
    func `A list without end ends at the limit`(version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var receiver = ReceiverPolicy()
            receiver.maximumElements = version == 1 ? 25 : 2500
            let met = try await pair.meet(.right, try TransferPair.context(receiver: receiver)) {
                peer throws(BackupError) in
                var asked = 0
                try peer.serve { method, _ throws(BackupError) in
                    guard asked < 1000 else { return nil }
                    switch method {
                    case "getPolicyInfo":
                        return version == 1
                            ? RawFrame.bytes("R", "\"SenderMoveDataTransferPolicy\"") : HostileSender.policy
                    case "nextDataElement":
                        asked += 1
                        return RawFrame.bytes("R", "true")
                    case "getDataElementInfo": return RawFrame.bytes("R", "null")
                    case "listElements":
                        asked += 1
                        let entries = Array(repeating: "1", count: 1000).joined(separator: ",")
                        return RawFrame.bytes("R", #"{"elements": [\#(entries)], "next": "\#(asked)"}"#)
                    default: return RawFrame.bytes("R")
                    }
                }
                return asked
            }
            #expect(met.outcome.failure?.code == .policyViolation)
            #expect(met.outcome.failure?.remedy.contains("elements_per_round") == true)
            #expect(met.value == (version == 1 ? 26 : 3) || (version == 2 && met.value == 4), "\(met.value)")
            try await pair.expectWorks()
        }
    }

    @Test func `A list without end ends also where nothing is configured`() {
        #expect((1_000_000...10_000_000).contains(ReceiverPolicy().maximumElements))
        #expect(ReceiverPolicy.all(prefix: nil).maximumElements == ReceiverPolicy().maximumElements)
    }

    @Test func `A quota of bytes holds in version 1, where sizes are not told before`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let elements = (0..<20).compactMap { number -> OriginalPeer.Element? in
                guard let source = try? SourceURL("/host1/root\(number)") else { return nil }
                let data = random.bytes(1000)
                return .init(
                    source: source.description, info: makeMetadata(data: data, source: source).text, data: data)
            }
            var receiver = ReceiverPolicy()
            receiver.quotaBytes = 5500
            let met = try await pair.meet(
                .right, try TransferPair.context(receiver: receiver), original: OriginalPeer(offers: elements))
            #expect(met.outcome.failure == nil)
            #expect(met.value.1 == .agreed)
            #expect(met.outcome.summary.stored == 5)
            #expect(met.outcome.summary.refused == 15)
            #expect(met.value.0.offers?.count == 15)
            let inventory = try await pair.right.inventory()
            #expect(inventory.contents.values.map(\.count).reduce(0, +) == 5000)
            #expect(inventory.strays.isEmpty)
        }
    }

    @Test func `Confirmations of many elements with long names fit into frames`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let entries = (0..<400).map {
                HostileSender.entry("\($0)" + String(repeating: "x", count: 4000), "/host1/root\($0)", [UInt8($0 & 1)])
            }
            let met = try await pair.meet(.right, try TransferPair.context(receiver: ReceiverPolicy())) {
                peer throws(BackupError) in
                var confirmed = 0
                var rest = entries[...]
                try peer.serve { method, request throws(BackupError) in
                    switch method {
                    case "getPolicyInfo": return HostileSender.policy
                    case "listElements":
                        let page = rest.prefix(100)
                        rest = rest.dropFirst(100)
                        let next = rest.isEmpty ? "null" : "\"\(rest.count)\""
                        return RawFrame.bytes(
                            "R", #"{"elements": [\#(page.joined(separator: ","))], "next": \#(next)}"#)
                    case "readElement":
                        let id = request.arrayValue?.last?.objectValue?["id"]?.stringValue ?? ""
                        let number = Int(id.prefix { $0 != "x" }) ?? 0
                        return HostileSender.stream([UInt8(number & 1)])
                    case "confirmElements":
                        confirmed += request.arrayValue?.last?.arrayValue?.count ?? 0
                        return RawFrame.bytes("R", #"{"released": [], "kept": []}"#)
                    default: return RawFrame.bytes("R")
                    }
                }
                return confirmed
            }
            #expect(met.outcome.failure == nil)
            #expect(met.outcome.summary.stored == 400)
            #expect(met.value == 400)
        }
    }
}
