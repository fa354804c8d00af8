package import BackupModel
package import BackupStorage
import BackupSystem

/// Offers everything; what an agent has confirmed is deleted here or, with `markAsDone`, marked and not offered to that
/// agent again.
package struct SenderMoveDataTransferPolicy: SenderPolicy {
    package let name = "move"
    package let hidesConfirmed = true
    package let filter: ElementFilter
    package let prioritise: [String]
    private let markAsDone: Bool
    private let storage: any ElementStorage
    private let ledger: CopyLedger

    package init(
        _ storage: any ElementStorage, ledger: CopyLedger, markAsDone: Bool = false,
        filter: ElementFilter = ElementFilter(), prioritise: [String] = []
    ) {
        self.storage = storage
        self.ledger = ledger
        self.markAsDone = markAsDone
        self.filter = filter
        self.prioritise = prioritise
    }

    package func offers(_ element: StoredElement, to agent: AgentName) throws(BackupError) -> Bool {
        guard markAsDone else { return true }
        return !(try CopyRecord(of: element.id, in: storage)).holds(agent)
    }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        guard !markAsDone else {
            return ledger.confirm(confirmed, by: agent).map { result in
                switch result {
                case .success: .kept
                case .failure(let error): .refused(error)
                }
            }
        }
        return storage.delete(confirmed.map(\.element.id)).map { result in
            switch result {
            case .success: .released
            // Confirmed over two connections at once: it is gone as it should be.
            case .failure(let error) where error.code == .notFound: .released
            case .failure(let error): .refused(error)
            }
        }
    }
}
