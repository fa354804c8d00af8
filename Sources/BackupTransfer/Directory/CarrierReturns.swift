package import BackupModel
import BackupStorage

/// Acts on the receipts that a carrier has brought back, as if their agents had confirmed over a connection.
package struct CarrierReturns {
    package struct Summary: Sendable, Hashable {
        package var confirmed = 0
        package var released = 0
        /// Elements that were removed from the carrier, since they have arrived.
        package var removed = 0
    }

    private let contexts: [AgentName: TransferContext]
    private let environment: TransferEnvironment

    /// - Parameter contexts: the agents whose receipts count, each with its sender policy.
    package init(_ contexts: [TransferContext], _ environment: TransferEnvironment) {
        self.contexts = Dictionary(contexts.map { ($0.agent, $0) }, uniquingKeysWith: { first, _ in first })
        self.environment = environment
    }

    /// Blocking.
    ///
    /// - Parameter destination: for whom the carrier is filled: what this agent holds is removed from it.
    package func apply(_ carrier: Carrier, for destination: AgentName) throws(BackupError) -> Summary {
        var byUUID: [ElementUUID: [(agent: AgentName, receipt: Receipt)]] = [:]
        let observer = environment.observer
        for one in try carrier.receipts(report: { error in
            for agent in contexts.keys { observer.transferDid(.refused(agent, element: "a receipt", error)) }
        }) {
            guard let uuid = one.receipt.dataUUID, contexts[one.agent] != nil else { continue }
            byUUID[uuid, default: []].append(one)
        }
        var summary = Summary()
        guard !byUUID.isEmpty else { return summary }
        let arrived = byUUID.values.flatMap { $0 }.filter {
            $0.agent == destination && isValid($0.receipt, destination)
        }
        summary.removed = try carrier.removeArrived(arrived.map(\.receipt))
        var confirmed: [AgentName: [ConfirmedElement]] = [:]
        try environment.storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
            guard case .element(let element) = listed, let uuid = element.metadata.uuid,
                let receipts = byUUID[uuid]
            else { return }
            for (agent, receipt) in receipts where check(receipt, element, agent) {
                confirmed[agent, default: []].append(ConfirmedElement(element, receipt: receipt))
            }
        }
        for (agent, elements) in confirmed {
            guard let context = contexts[agent], let policy = context.senderPolicy else { continue }
            var done: Set<ElementUUID> = []
            for (one, outcome) in zip(elements, policy.applyPolicy(elements, by: agent)) {
                summary.confirmed += 1
                if context.report(outcome, one.element.id, environment) { summary.released += 1 }
                if case .refused = outcome { continue }
                if let uuid = one.element.metadata.uuid { done.insert(uuid) }
            }
            try carrier.removeReceipts(of: agent, for: done)
        }
        return summary
    }

    private func isValid(_ receipt: Receipt, _ agent: AgentName) -> Bool {
        guard let check = contexts[agent]?.checkReceipt else { return true }
        return (try? check(receipt)) != nil
    }

    private func check(_ receipt: Receipt, _ element: StoredElement, _ agent: AgentName) -> Bool {
        guard let context = contexts[agent] else { return false }
        do throws(BackupError) {
            guard receipt.sha512 == element.metadata.checksum, receipt.size == element.size else {
                throw .receiptForOther(element.id)
            }
            try context.checkReceipt?(receipt)
            return true
        } catch {
            environment.observer.transferDid(.confirmationRefused(agent, element.id, error))
            return false
        }
    }
}
