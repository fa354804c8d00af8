import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct ReceiptTests {
    /// Signs by reversing the text, as nobody else can.
    private static func sign(_ text: String) -> [UInt8] { Array(text.utf8.reversed()) }

    private static func check(_ receipt: Receipt) throws(BackupError) {
        guard receipt.signature == sign(receipt.signedText) else {
            throw BackupError(.untrusted, "the receipt is not signed by one who may")
        }
    }

    @Test func `Signed receipts release what demands them, and stay in the record of copies`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let elements = try home.chain("/host1/root", 3)
            var receiver = ReceiverPolicy()
            receiver.receipts = ReceiptMaker(holder: "vault", sign: Self.sign)
            let demanding = Meeting(checkReceipt: Self.check)
            _ = try await demanding.run(home, home.move(markAsDone: true), other, receiver)
            let record = try CopyRecord(of: elements[0].id, in: home.files)
            let receipt = try #require(record.copies[other.name]?.receipt)
            #expect(receipt.holder == "vault")
            #expect(receipt.dataUUID == elements[0].metadata.uuid)
            #expect(receipt.sha512 == elements[0].metadata.checksum)
            #expect(receipt.size == elements[0].size)
            #expect(receipt.syncedAt == other.clock.now())
            try Self.check(receipt)
            // What is there already gets a receipt too.
            _ = try await demanding.run(home, home.move(), other, receiver)
            #expect(try home.count() == 0)
            #expect(try other.count() == 3)
        }
    }

    @Test(arguments: [1, 2])
    func `Without a receipt nothing is released that demands one`(version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 2)
            var receiver = ReceiverPolicy()
            // Version 1 has no receipts, even where one could be made.
            if version == 1 { receiver.receipts = ReceiptMaker(holder: "vault", sign: Self.sign) }
            var meeting = try ConfirmationTests.meeting(version)
            meeting.checkReceipt = Self.check
            let outcome = try await meeting.run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(try other.count() == 2)
            #expect(try home.count() == 2)
            #expect(home.events.confirmationsRefused.map(\.code) == [.untrusted, .untrusted])
        }
    }

    @Test func `An unsigned receipt releases nothing that demands a signature`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 1)
            var receiver = ReceiverPolicy()
            receiver.receipts = ReceiptMaker(holder: "vault")
            _ = try await Meeting(checkReceipt: Self.check).run(home, home.move(), other, receiver)
            #expect(try home.count() == 1)
            #expect(home.events.confirmationsRefused.count == 1)
        }
    }

    @Test func `A receipt that cannot be made is no confirmation, and the element is confirmed later`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 1)
            var receiver = ReceiverPolicy()
            receiver.receipts = ReceiptMaker(holder: "vault") { _ throws(BackupError) in
                throw BackupError(.keyUnusable, "the key has expired")
            }
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.summary.stored == 1)
            #expect(other.events.refused.map(\.code) == [.keyUnusable])
            #expect(try home.count() == 1)
            receiver.receipts = ReceiptMaker(holder: "vault", sign: Self.sign)
            _ = try await Meeting(checkReceipt: Self.check).run(home, home.move(), other, receiver)
            #expect(try home.count() == 0)
            #expect(try other.count() == 1)
        }
    }

    enum Lie: CaseIterable, Sendable { case none, size, sha512, uuid, signature, confirmedBytes, missing }

    @Test(arguments: Lie.allCases)
    func `A receipt counts only for the element that it speaks of`(lie: Lie) async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let elements = try home.chain("/host1/root", 2)
            let element = elements[1]
            let sha512 = try #require(element.metadata.checksum)
            var receipt: Receipt? = Receipt(
                dataUUID: lie == .uuid ? elements[0].metadata.uuid : element.metadata.uuid,
                sha512: lie == .sha512 ? sha512.reversed() : sha512, size: element.size + (lie == .size ? 1 : 0),
                holder: "peer", syncedAt: home.clock.now())
            let text = receipt?.signedText ?? ""
            receipt?.signature = Self.sign(text + (lie == .signature ? " " : ""))
            if lie == .missing { receipt = nil }
            let confirmation = ElementConfirmation(
                id: element.id.description, sha512: lie == .confirmedBytes ? sha512.reversed() : sha512,
                receipt: receipt)
            let (_, answer) = try await home.meet(sender: home.move(), checkReceipt: Self.check) {
                peer throws(BackupError) in
                _ = try peer.ask(.getPolicyInfo(PeerGreeting(features: ["listing", "receipts"])))
                _ = try peer.ask(.listElements(after: nil, limit: 100))
                return try peer.confirm(confirmation)
            }
            let isTrue = lie == .none
            #expect(
                answer
                    == ConfirmationAnswer(
                        released: isTrue ? [confirmation.id] : [], kept: isTrue ? [] : [confirmation.id]))
            #expect(try home.count() == (isTrue ? 1 : 2))
            #expect(home.events.confirmationsRefused.map(\.code) == (isTrue ? [] : [.untrusted]))
        }
    }
}
