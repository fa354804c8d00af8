import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// What an agent may do is what its context says, whatever it asks for.
@Suite struct PrivilegeTests {
    private static func confirm(_ id: String, _ sha512: [UInt8], receipt: Receipt? = nil) -> String {
        let receipt = receipt?.json ?? .null
        let confirmation: JSONObject = [
            "id": .string(id), "sha512": .string(Base64.encode(sha512)), "receipt": receipt,
        ]
        return JSONValue.array([.string("confirmElements"), .array([.object(confirmation)])]).canonicalText
    }

    @Test func `Without a sender policy nothing is listed, read or confirmed`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let element = try pair.left.store(SourceURL("/host1/root"))
            let sha = try #require(element.metadata.checksum)
            let requests = [
                #"["startTransaction", null]"#, #"["nextDataElement", true]"#, #"["getDataElementInfo"]"#,
                #"["getDataElementStream"]"#, #"["listElements", {"after": null, "limit": 10}]"#,
                #"["readElement", {"id": "\#(element.id)", "offset": 0}]"#, Self.confirm("\(element.id)", sha),
                #"["confirmElements", []]"#,
            ]
            let before = try await pair.left.inventory()
            let met = try await pair.meet(.left, try TransferPair.context()) { peer throws(BackupError) in
                try peer.greet()
                var answers: [RawFrame?] = []
                for request in requests { answers.append(try peer.ask(request)?.end) }
                return answers
            }
            #expect(met.value.count == requests.count)
            for (answer, request) in zip(met.value, requests) { #expect(answer?.type == "E", "\(request)") }
            for answer in met.value { #expect(answer?.text.contains("root") == false) }
            // In version 1 the connection ends.
            let original = try await pair.meet(.left, try TransferPair.context()) { peer throws(BackupError) in
                let policy = try peer.ask(#"["getPolicyInfo"]"#)
                return (policy?.end.text, try peer.ask(#"["startTransaction", null]"#) == nil)
            }
            #expect(original.value == ("null", true))
            #expect(original.outcome.failure?.code == .permission)
            #expect(try await pair.left.inventory() == before)
        }
    }

    @Test func `An element outside of the filter is not read or confirmed by any spelling of its ID`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let open = try pair.left.store(SourceURL("/host1/open/a"), data: Array("open".utf8))
            let secret = try pair.left.store(SourceURL("/host1/secret/a"), data: Array("secret".utf8))
            try directory.write("outside.data", "outside")
            let sha = try #require(secret.metadata.checksum)
            var filter = ElementFilter()
            filter.sources = [try SourcePattern("/host1/open")]
            let name = secret.id.baseName
            let spellings = [
                "\(secret.id)", "\(secret.id).data", "\(secret.id).info", "/host1/open/../secret/\(name)",
                "/host1/open/./../secret/\(name)", "//host1/secret/\(name)", "/host1//secret/\(name)",
                "host1/secret/\(name)", "/host1/open/%2e%2e/secret/\(name)", "/../left/host1/secret/\(name)",
                "/host1/secret/\(name)/", "/host1/secret/0\(name)", "/HOST1/secret/\(name)",
                "/host1/open/a/../../secret/\(name)", "\(directory.path)/outside", "/../outside", "/",
                "/host1/secret/\(name)\\u0000", "/host1/secret/\(name.dropLast(4))inc",
            ]
            for policy: any SenderPolicy in [
                SenderMoveDataTransferPolicy(pair.left, ledger: CopyLedger(pair.left), filter: filter),
                SenderKeepDataTransferPolicy(filter: filter),
            ] {
                let met = try await pair.meet(.left, try TransferPair.context(sender: policy)) {
                    peer throws(BackupError) in
                    try peer.greet()
                    var answers: [(stream: [UInt8], end: RawFrame)] = []
                    for id in spellings {
                        if let answer = try peer.ask(#"["readElement", {"id": "\#(id)", "offset": 0}]"#) {
                            answers.append(answer)
                        }
                        if let answer = try peer.ask(Self.confirm(id, sha)) { answers.append(answer) }
                        let list = #"["listElements", {"after": "\#(id)", "limit": 10}]"#
                        if let answer = try peer.ask(list) { answers.append(answer) }
                    }
                    let listing = try peer.ask(#"["listElements", {"after": null, "limit": 10}]"#)?.end.text ?? ""
                    return (answers, listing)
                }
                #expect(met.value.0.count == 3 * spellings.count)
                for answer in met.value.0 {
                    #expect(answer.stream.isEmpty)
                    let isKept =
                        answer.end.text.hasPrefix(#"{"kept": ["#) && answer.end.text.hasSuffix(#""released": []}"#)
                    #expect(answer.end.type == "E" || isKept, "\(answer.end.text)")
                }
                #expect(met.value.1.contains("\(open.id)"))
                #expect(!met.value.1.contains("secret"))
            }
            #expect(try pair.left.contents().count == 2)
        }
    }

    @Test func `A peer cannot make us fetch where we have no receiver policy`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let met = try await pair.meet(
                .right, try TransferPair.context(sender: SenderKeepDataTransferPolicy())
            ) { peer throws(BackupError) in
                var frames = [try peer.next()]
                // Offered without being asked for.
                try peer.send("P", "bytes")
                frames += try peer.rest()
                return frames
            }
            #expect(met.value.first == RawFrame(type: "S", payload: []), "nothing is asked for")
            #expect(met.outcome.failure?.code == .untrusted)
            #expect(try await pair.right.inventory().holds(exactly: [:]))
        }
    }

    @Test func `Confirming other bytes, or what was not offered, releases nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let element = try pair.left.store(SourceURL("/host1/root"))
            let sha = try #require(element.metadata.checksum)
            let wrong = [UInt8](repeating: 7, count: 64)
            let before = try await pair.left.inventory()
            let met = try await pair.meet(.left, try TransferPair.context(sender: pair.movePolicy)) {
                peer throws(BackupError) in
                try peer.greet()
                let confirmations = [
                    Self.confirm("\(element.id)", wrong), Self.confirm("/host1/20261121001418-other-full", sha),
                    Self.confirm("/host1/nothing", sha),
                ]
                var answers: [String?] = []
                for confirmation in confirmations { answers.append(try peer.ask(confirmation)?.end.text) }
                return answers
            }
            #expect(met.value.count == 3)
            for answer in met.value { #expect(answer?.hasSuffix(#""released": []}"#) == true, "\(answer ?? "end")") }
            #expect(pair.leftEvents.refusedConfirmations.map(\.code) == [.untrusted, .notFound])
            #expect(try await pair.left.inventory() == before)
        }
    }

    @Test func `Saying that an element is held before it was told releases nothing in version 1`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/host1/root"))
            try pair.left.store(SourceURL("/host1/home"))
            let before = try await pair.left.inventory()
            let met = try await pair.meet(.left, try TransferPair.context(sender: pair.movePolicy)) {
                peer throws(BackupError) in
                _ = try peer.ask(#"["startTransaction", null]"#)
                var answers: [String?] = []
                for _ in 0..<4 { answers.append(try peer.ask(#"["nextDataElement", true]"#)?.end.text) }
                return answers
            }
            #expect(met.value == ["true", "true", "false", "false"])
            #expect(try await pair.left.inventory() == before)
        }
    }

    @Test func `A receipt that is demanded must be there, fit and be signed`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let element = try pair.left.store(SourceURL("/host1/root"))
            let other = try pair.left.store(SourceURL("/host1/other"), data: [1, 2, 3])
            let check: ReceiptCheck = { receipt throws(BackupError) in
                guard receipt.signature == Array("good".utf8) else { throw BackupError(.untrusted, "a bad signature") }
            }
            @Sendable func receipt(of element: StoredElement, size: Int64? = nil, signature: String?) -> Receipt {
                Receipt(
                    dataUUID: element.metadata.uuid, sha512: element.metadata.checksum ?? [],
                    size: size ?? element.size, holder: "peer", syncedAt: Timestamp(1_795_220_058),
                    signature: signature.map { Array($0.utf8) })
            }
            let sha = try #require(element.metadata.checksum)
            let bad = [
                nil, receipt(of: element, signature: nil), receipt(of: element, signature: "bad"),
                receipt(of: other, signature: "good"), receipt(of: element, size: 1, signature: "good"),
            ]
            let context = try TransferPair.context(sender: pair.movePolicy, checkReceipt: check)
            let before = try await pair.left.inventory()
            let met = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                for receipt in bad { _ = try peer.ask(Self.confirm("\(element.id)", sha, receipt: receipt)) }
            }
            #expect(met.outcome.failure?.code == .inputOutput, "it hung up")
            #expect(pair.leftEvents.refusedConfirmations.map(\.code) == Array(repeating: .untrusted, count: bad.count))
            #expect(try await pair.left.inventory() == before)
            // Version 1 has no receipts.
            let original = try await pair.meet(.left, context, original: OriginalPeer(held: []))
            #expect(original.value.1 == .agreed)
            #expect(try await pair.left.inventory() == before)
            let good = Self.confirm("\(element.id)", sha, receipt: receipt(of: element, signature: "good"))
            let last = try await pair.meet(.left, context) { peer throws(BackupError) in
                try peer.greet()
                return try peer.ask(good)?.end.text
            }
            #expect(last.value == #"{"kept": [], "released": ["\#(element.id)"]}"#)
            #expect(try pair.left.contents().count == 1)
        }
    }
}
