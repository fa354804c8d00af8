package import BackupModel
package import BackupStorage
import BackupSystem
import Synchronization

/// What a carrier offers to whoever pulls from it: everything on it. A confirmation becomes a receipt that the carrier
/// takes back to the sender.
package final class CarrierOffers: SenderPolicy {
    package let name = "carrier"
    /// What was confirmed is removed from the carrier when it is filled the next time.
    package let hidesConfirmed = true
    package let filter: ElementFilter
    package let prioritise: [String] = []
    private let carrier: Carrier
    private let trouble = Mutex<BackupError?>(nil)

    package init(_ carrier: Carrier) {
        self.carrier = carrier
        var everything = ElementFilter()
        everything.includesAttic = true
        filter = everything
    }

    /// What kept receipts from being left, if anything has.
    package var failure: BackupError? { trouble.withLock { $0 } }

    package func offers(_ element: StoredElement, to agent: AgentName) -> Bool { true }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        do throws(BackupError) {
            // An element without a UUID could not be told from another one by its receipt.
            let receipts = confirmed.compactMap(\.receipt).filter { $0.dataUUID != nil }
            try carrier.receipts.append(receipts, of: agent)
            return confirmed.map { _ in .kept }
        } catch {
            trouble.withLock { $0 = $0 ?? error }
            return confirmed.map { _ in .refused(error) }
        }
    }
}
