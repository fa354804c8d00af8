import BackupModel
package import BackupStorage
import BackupSystem

/// What a carrier offers to whoever pulls from it: everything on it. A confirmation becomes a receipt that the carrier
/// takes back to the sender.
package struct CarrierOffers: SenderPolicy {
    package let name = "carrier"
    /// What was confirmed is removed from the carrier when it is filled the next time.
    package let hidesConfirmed = true
    package let filter: ElementFilter
    package let prioritise: [String] = []
    private let carrier: Carrier

    package init(_ carrier: Carrier) {
        self.carrier = carrier
        var everything = ElementFilter()
        everything.includesAttic = true
        filter = everything
    }

    package func offers(_ element: StoredElement, to agent: AgentName) -> Bool { true }

    package func applyPolicy(_ confirmed: [ConfirmedElement], by agent: AgentName) -> [ConfirmationOutcome] {
        do throws(BackupError) {
            try carrier.addReceipts(confirmed.compactMap(\.receipt), of: agent)
            return confirmed.map { _ in .kept }
        } catch {
            return confirmed.map { _ in .refused(error) }
        }
    }
}
