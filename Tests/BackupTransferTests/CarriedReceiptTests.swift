import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Testing

/// The receipts on a stick: which of them count, and what is left of a file when the power goes.
@Suite struct CarriedReceiptTests {
    /// Signs by reversing the text, as nobody else can.
    private static func sign(_ text: String) -> [UInt8] { Array(text.utf8.reversed()) }

    private static func check(_ receipt: Receipt) throws(BackupError) {
        guard receipt.signature == sign(receipt.signedText) else {
            throw BackupError(.untrusted, "the receipt is not signed by one who may")
        }
    }

    /// A stick that has been filled with these elements.
    private static func filled(
        _ directory: TemporaryDirectory, _ count: Int = 3
    ) async throws -> (Machine, Stick, [StoredElement]) {
        let (home, stick) = (try Machine("home", in: directory), try Stick(in: directory))
        let elements = try home.chain("/host1/root", count)
        _ = try await home.push(to: stick, home.move())
        return (home, stick, elements)
    }

    // MARK: - Which count

    @Test func `A receipt counts only in the file of its holder`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            try stick.write(
                [home.receipt(elements[0], by: "other"), home.receipt(elements[1], by: "offsite")], "offsite")
            let back = try await home.push(to: stick, home.move())
            #expect(back.returns == CarrierReturns.Summary(confirmed: 1, released: 1, removed: 1))
            #expect(back.outcome.failure == nil)
            #expect(try home.files.contents().count == 2)
            let troubles = home.events.receiptTroubles
            #expect(troubles.map(\.code) == [.untrusted])
            #expect(troubles.first?.description.contains("by other, not by offsite") == true)
            // Said once: it is gone.
            #expect(!directory.exists(stick.receipts("offsite")))
            _ = try await home.push(to: stick, home.move())
            #expect(home.events.receiptTroubles.count == 1)
        }
    }

    @Test func `Receipts of somebody to whom nothing is sent are named, and free nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            let laptop = try Machine("laptop", in: directory)
            #expect(try await laptop.pull(from: stick).summary.stored == 3)
            // Who pulls learns of it at once.
            #expect(laptop.events.receiptTroubles.map(\.code) == [.configuration])
            #expect(
                laptop.events.receiptTroubles.first?.description.contains(
                    "filled for offsite, and this machine is laptop")
                    == true)
            let back = try await home.push(to: stick, home.move())
            #expect(back.returns == CarrierReturns.Summary())
            #expect(home.events.receiptTroubles.map(\.code) == [.configuration])
            #expect(home.events.receiptTroubles.first?.description.contains("receipts of laptop") == true)
            #expect(try home.count() == elements.count)
            #expect(try stick.lines("laptop").count == 3, "they stay for whom they are meant")
        }
    }

    @Test func `Without a signature that is demanded a receipt frees nothing, and takes nothing from the stick`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            let offsite = try Machine("offsite", in: directory)
            try home.files.delete(elements[2].id)
            try await offsite.pull(from: stick)
            let unsigned = try await home.push(to: stick, home.move(), checkReceipt: Self.check)
            #expect(unsigned.returns == CarrierReturns.Summary())
            #expect(home.events.confirmationsRefused.map(\.code) == [.untrusted, .untrusted, .untrusted])
            #expect(try stick.count() == 3)
            // The machine there is taught to sign, and pulls again: these are counted instead.
            var receiver = ReceiverPolicy()
            receiver.receipts = ReceiptMaker(holder: "offsite", sign: Self.sign)
            try await offsite.pull(from: stick, receiver)
            let signed = try await home.push(to: stick, home.move(), checkReceipt: Self.check)
            #expect(signed.returns == CarrierReturns.Summary(confirmed: 2, released: 2, removed: 3))
            #expect(!directory.exists(stick.receipts("offsite")))
        }
    }

    @Test func `A receipt for other bytes frees nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            let sha512 = elements[0].metadata.checksum ?? []
            let lies = [
                Receipt(
                    dataUUID: elements[0].metadata.uuid, sha512: sha512.reversed(), size: 100, holder: "offsite",
                    syncedAt: Timestamp(1)),
                Receipt(
                    dataUUID: elements[1].metadata.uuid, sha512: elements[1].metadata.checksum ?? [], size: 99,
                    holder: "offsite", syncedAt: Timestamp(1)),
            ]
            try stick.write(lies, "offsite")
            #expect(try await home.push(to: stick, home.move()).returns == CarrierReturns.Summary())
            #expect(home.events.confirmationsRefused.map(\.code) == [.untrusted, .untrusted])
            #expect(try home.count() == 3)
            #expect(try stick.count() == 3)
        }
    }

    /// Whoever has seen the metadata of an element elsewhere can write a receipt for it.
    @Test func `A receipt frees nothing that is not given to its agent`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick) = (try Machine("home", in: directory), try Stick(in: directory))
            let given = try home.chain("/given", 1)
            let kept = try home.chain("/kept", 1, seed: 2)
            var filter = ElementFilter()
            filter.sources = [try SourcePattern("/given")]
            _ = try await home.push(to: stick, home.move(filter: filter))
            #expect(try stick.count() == 1)
            try stick.write(try (given + kept).map { try home.receipt($0, by: "offsite") }, "offsite")
            let back = try await home.push(to: stick, home.move(filter: filter))
            #expect(back.returns == CarrierReturns.Summary(confirmed: 1, released: 1, removed: 1))
            #expect(try home.files.elements(of: SourceURL("/kept")).usable.count == 1)
        }
    }

    @Test func `The receipt of one holder, shown by two agents, is one copy`() throws {
        try withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let element = try home.chain("/host1/root", 1)[0]
            var receipt = try home.receipt(element, by: "vault")
            receipt.signature = Self.sign(receipt.signedText)
            let policy = home.copies(2, release: true)
            for agent in ["first", "second"] {
                _ = policy.applyPolicy([ConfirmedElement(element, receipt: receipt)], by: try AgentName(agent))
            }
            #expect(try home.count() == 1)
            #expect(try home.holders(of: element) == ["first", "second"])
            #expect(try policy.attributes(of: element) == ["copies": .integer(1)])
            let third = try AgentName("third")
            #expect(try policy.offers(element, to: third), "a second copy is still looked for")
            // A later receipt of the same one is no further copy either; one of another holder is.
            let later = Receipt(
                dataUUID: receipt.dataUUID, sha512: receipt.sha512, size: receipt.size, holder: "vault",
                syncedAt: home.clock.now() + TimeSpan(seconds: 60))
            _ = policy.applyPolicy([ConfirmedElement(element, receipt: later)], by: try AgentName("second"))
            #expect(try home.count() == 1)
            let other = try home.receipt(element, by: "attic")
            _ = policy.applyPolicy([ConfirmedElement(element, receipt: other)], by: third)
            #expect(try home.count() == 0)
        }
    }

    /// The same over connections, and on a stick: with keys that are accepted from both.
    @Test func `A receipt from a connection does not count again on a stick`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, vault) = (try Machine("home", in: directory), try Machine("vault", in: directory))
            let stick = try Stick(in: directory)
            let element = try home.chain("/host1/root", 1)[0]
            let policy = home.copies(2, release: true)
            var receiver = ReceiverPolicy()
            receiver.receipts = ReceiptMaker(holder: "vault", sign: Self.sign)
            _ = try await Meeting(checkReceipt: Self.check).run(home, policy, vault, receiver)
            let shown = try #require(CopyRecord(of: element.id, in: home.files).copies[vault.name]?.receipt)
            _ = try await home.push(to: stick, for: "thief", policy, checkReceipt: Self.check)
            try stick.write([shown], "thief")
            let back = try await home.push(to: stick, for: "thief", policy, checkReceipt: Self.check)
            #expect(back.returns == CarrierReturns.Summary())
            #expect(try home.holders(of: element) == ["vault"])
            #expect(try home.count() == 1)
        }
    }

    // MARK: - The file

    @Test func `Who pulls again and again leaves each receipt once`() async throws {
        try await withTemporaryDirectory { directory in
            let (_, stick, elements) = try await Self.filled(directory, 20)
            let offsite = try Machine("offsite", in: directory)
            for _ in 0..<4 { try await offsite.pull(from: stick) }
            let lines = try stick.lines("offsite")
            let uuids = try lines.map { try Receipt(json: JSONParser.parse(Array($0.utf8))).dataUUID }
            #expect(lines.count == 20)
            #expect(Set(uuids) == Set(elements.map(\.metadata.uuid)))
        }
    }

    /// A pull was killed, or the stick pulled out, while a receipt was written: at each byte of it.
    @Test func `A last line that was cut off is mended, and the next one stands on its own`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            let offsite = try Machine("offsite", in: directory)
            try await offsite.pull(from: stick)
            let all = try directory.read(stick.receipts("offsite"))
            let lines = all.split(separator: UInt8(ascii: "\n")).map { Array($0) }
            #expect(lines.count == 3)
            let (first, second) = (lines[0], lines[1])
            let third = try Receipt(json: JSONParser.parse(lines[2]))
            for cut in 0...second.count {
                try directory.write(stick.receipts("offsite"), first + [UInt8(ascii: "\n")] + second[..<cut])
                let confirmed = ConfirmedElement(elements[2], receipt: third)
                guard case .kept = CarrierOffers(try stick.open()).applyPolicy([confirmed], by: offsite.name)[0] else {
                    Issue.record("refused after \(cut) bytes")
                    return
                }
                let found = try stick.lines("offsite").map { Array($0.utf8) }
                #expect(found == (cut == second.count ? lines : [first, lines[2]]), "cut after \(cut) bytes")
            }
            // Without a further pull, too, what is whole counts and nothing is complained about.
            for (cut, count) in [(second.count - 1, 1), (second.count, 2)] {
                let (other, stick, _) = try await Self.filled(
                    try Self.subdirectory(directory, "cut\(cut)"))
                try directory.write(
                    "cut\(cut)/" + stick.receipts("offsite"), first + [UInt8(ascii: "\n")] + second[..<cut])
                let back = try await other.push(to: stick, other.move())
                #expect(back.returns == CarrierReturns.Summary(confirmed: count, released: count, removed: count))
                #expect(other.events.receiptTroubles.isEmpty)
            }
            _ = home
        }
    }

    private static func subdirectory(_ directory: TemporaryDirectory, _ name: String) throws -> TemporaryDirectory {
        try directory.makeDirectory(name)
        return directory.below(name)
    }

    @Test func `Lines that are no receipts are counted in one report, and dropped`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            let receipt = try home.receipt(elements[1], by: "offsite").json.canonicalText
            let zeros = String(repeating: "\0", count: 400_000)
            let junk = String(repeating: "nonsense\n", count: 3000)
            try directory.write(stick.receipts("offsite"), "\n[]\n{}\n\(zeros)\n\(junk)\n\(receipt)\n\n{\"Data\": 5}\n")
            let back = try await home.push(to: stick, home.move())
            #expect(back.returns == CarrierReturns.Summary(confirmed: 1, released: 1, removed: 1))
            #expect(home.events.receiptTroubles.map(\.code) == [.damaged])
            #expect(home.events.receiptTroubles.first?.description.contains("3004 lines of") == true)
            #expect(!directory.exists(stick.receipts("offsite")))
        }
    }

    @Test func `Receipts that nobody could act on stay, and those added meanwhile too`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, stick, elements) = try await Self.filled(directory)
            try stick.write(elements.map { try home.receipt($0, by: "offsite") }, "offsite")
            // What the policy asks for first is when somebody else writes.
            let carrier = try stick.open()
            let offsite = try AgentName("offsite")
            let late = Receipt(
                dataUUID: ElementUUID([UInt8](repeating: 1, count: 64)), sha512: [UInt8](repeating: 2, count: 64),
                size: 3, holder: "offsite", syncedAt: Timestamp(4))
            let policy = InterruptedPolicy(home.move(), refusing: elements[0].id) {
                let confirmed = ConfirmedElement(elements[0], receipt: late)
                _ = CarrierOffers(carrier).applyPolicy([confirmed], by: offsite)
            }
            let back = try await home.push(to: stick, policy)
            #expect(back.returns == CarrierReturns.Summary(confirmed: 2, released: 2, removed: 2))
            let left = try stick.lines("offsite").map { try Receipt(json: JSONParser.parse(Array($0.utf8))) }
            #expect(left.map(\.dataUUID) == [elements[0].metadata.uuid, late.dataUUID])
            #expect(try stick.count() == 1)
            #expect(try await home.push(to: stick, home.move()).returns.released == 1)
            #expect(!directory.exists(stick.receipts("offsite")))
        }
    }
}

/// Does something else when it is asked to act, and refuses one element.
private struct InterruptedPolicy: SenderPolicy {
    let base: any SenderPolicy
    let refused: ElementID
    let before: @Sendable () -> Void
    var name: String { base.name }
    var filter: ElementFilter { base.filter }
    var prioritise: [String] { base.prioritise }
    var hidesConfirmed: Bool { base.hidesConfirmed }

    init(_ base: any SenderPolicy, refusing refused: ElementID, _ before: @escaping @Sendable () -> Void) {
        self.base = base
        self.refused = refused
        self.before = before
    }

    func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool {
        try base.offers(element, to: agent)
    }

    func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        before()
        return confirmed.map { one in
            one.element.id == refused
                ? .refused(BackupError(.busy, "it is in use")) : base.applyPolicy([one], by: agent)[0]
        }
    }
}
