package import BackupModel
package import BackupStorage
package import BackupSystem

/// N-way redundancy: offers an element to every agent until `copies` different agents have confirmed it, then only to
/// those; the local copy is freed only then, and only with `release`. An agent that was not seen for `forgetAfter` does
/// not count, and the element is offered to others again. Agents whose receipts name the same holder count once.
package struct SenderCopiesDataTransferPolicy: SenderPolicy {
    package let name = "copies"
    package var hidesConfirmed: Bool { release }
    package let filter: ElementFilter
    package let prioritise: [String]
    /// 1 or more.
    private let copies: Int
    private let release: Bool
    private let forgetAfter: TimeSpan?
    private let storage: any ElementStorage
    private let ledger: CopyLedger
    private let clock: any WallClock
    private let lastSeen: @Sendable (AgentName) -> Timestamp?

    /// - Parameter lastSeen: when an agent was last connected, as far as this machine remembers.
    package init(
        _ storage: any ElementStorage, ledger: CopyLedger, copies: Int, release: Bool, forgetAfter: TimeSpan?,
        filter: ElementFilter = ElementFilter(), prioritise: [String] = [], clock: any WallClock = SystemClock(),
        lastSeen: @escaping @Sendable (AgentName) -> Timestamp?
    ) {
        self.storage = storage
        self.ledger = ledger
        self.copies = max(1, copies)
        self.release = release
        self.forgetAfter = forgetAfter
        self.filter = filter
        self.prioritise = prioritise
        self.clock = clock
        self.lastSeen = lastSeen
    }

    package func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool {
        let record = try CopyRecord(of: element.id, in: storage)
        return record.holds(agent) || holderCount(record) < copies
    }

    package func attributes(of element: StoredElement) throws(BackupError) -> JSONObject? {
        ["copies": .integer(holderCount(try CopyRecord(of: element.id, in: storage)))]
    }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        let records = ledger.confirm(confirmed, by: agent)
        var outcomes: [ConfirmationOutcome] = []
        var complete: [Int] = []
        for (index, result) in records.enumerated() {
            switch result {
            case .success(let record):
                outcomes.append(.kept)
                if release, holderCount(record, now: agent) >= copies { complete.append(index) }
            case .failure(let error): outcomes.append(.refused(error))
            }
        }
        // Its own record goes with the element; that enough others hold it was durable before.
        for (index, result) in zip(complete, storage.delete(complete.map { confirmed[$0].element.id })) {
            switch result {
            case .success: outcomes[index] = .released
            case .failure(let error) where error.code == .notFound: outcomes[index] = .released
            // Somebody is at work on it: it is freed at a later confirmation.
            case .failure: break
            }
        }
        return outcomes
    }

    /// The holders that count: those seen within `forgetAfter`.
    private func holderCount(_ record: CopyRecord, now connected: AgentName? = nil) -> Int {
        let now = clock.now()
        return record.holderCount { agent, copy in
            guard let forgetAfter, agent != connected else { return true }
            let seen = max(lastSeen(agent) ?? copy.confirmedAt, copy.confirmedAt)
            return seen >= now - forgetAfter
        }
    }
}
