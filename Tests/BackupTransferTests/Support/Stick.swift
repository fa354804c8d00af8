import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Glibc
import NIOPosix

/// A stick that is carried between machines.
struct Stick {
    let directory: TemporaryDirectory
    let name: String

    init(_ name: String = "stick", in directory: TemporaryDirectory) throws {
        self.directory = directory
        self.name = name
        try directory.makeDirectory(name)
    }

    var path: String { directory.path(name) }

    func open(create: Bool = false) throws(BackupError) -> Carrier { try Carrier(path: path, create: create) }

    /// Where the receipts of an agent lie, below the directory of the test.
    func receipts(_ agent: String) -> String { name + "/receipts/" + agent + ".jsonl" }

    /// The receipts of an agent as they stand there.
    func lines(_ agent: String) throws -> [String] {
        guard directory.exists(receipts(agent)) else { return [] }
        let text = String(decoding: try directory.read(receipts(agent)), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Writes receipts as somebody does who is not this program.
    func write(_ receipts: [Receipt], _ agent: String) throws {
        let text = receipts.map { $0.json.canonicalText + "\n" }.joined()
        try directory.write(self.receipts(agent), text)
    }

    func count() throws -> Int {
        guard directory.exists(name + "/data") else { return 0 }
        var count = 0
        try open().storage.forEachElement(matching: nil) { _, _ in count += 1 }
        return count
    }
}

extension Machine {
    /// One `gb transfer push` to a stick for the first of these agents.
    func push(
        to stick: Stick, for agent: String = "offsite", _ policy: any SenderPolicy, others: [TransferContext] = [],
        checkReceipt: ReceiptCheck? = nil
    ) async throws -> (returns: CarrierReturns.Summary, outcome: ConnectionOutcome) {
        let context = TransferContext(
            agent: try AgentName(agent), senderPolicy: policy, receiverPolicy: nil, checkReceipt: checkReceipt)
        let carrier = try stick.open(create: true)
        try carrier.recover(now: clock.now(), partialsBefore: clock.now() - TimeSpan(seconds: 86400))
        let returns = try CarrierReturns([context] + others, ledger, environment).apply(carrier, for: context.agent)
        try carrier.addDestination(context.agent)
        let outcome = try await CarrierTransfer(environment, on: .singleton).push(context, to: carrier)
        return (returns, outcome)
    }

    /// One `gb transfer pull` from a stick.
    @discardableResult
    func pull(from stick: Stick, _ receiver: ReceiverPolicy = ReceiverPolicy()) async throws -> ConnectionOutcome {
        let context = TransferContext(agent: try AgentName("carrier"), senderPolicy: nil, receiverPolicy: receiver)
        return try await CarrierTransfer(environment, on: .singleton).pull(
            context, from: try stick.open(), as: name)
    }

    /// Offers for ever.
    var keep: any SenderPolicy { SenderKeepDataTransferPolicy() }

    /// What `holder` would sign for an element.
    func receipt(_ element: StoredElement, by holder: String) throws -> Receipt {
        Receipt(
            dataUUID: element.metadata.uuid, sha512: element.metadata.checksum ?? [], size: element.size,
            holder: holder, syncedAt: clock.now())
    }
}

extension EventLog {
    /// What was said about receipts as a whole.
    var receiptTroubles: [BackupError] {
        events.compactMap { if case .refused(_, "receipts", let error) = $0 { error } else { nil } }
    }
}
