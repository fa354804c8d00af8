package import BackupModel
import BackupStorage
import BackupSystem

/// Acts on the receipts that a carrier has brought back, as if their agents had confirmed over a connection; and notes each
/// beside its element, whatever the policy, before it is taken from the carrier.
package struct CarrierReturns {
    package struct Summary: Sendable, Hashable {
        package var confirmed = 0
        package var released = 0
        /// Elements that were removed from the carrier, since they have arrived.
        package var removed = 0

        package init(confirmed: Int = 0, released: Int = 0, removed: Int = 0) {
            self.confirmed = confirmed
            self.released = released
            self.removed = removed
        }
    }

    private static let batch = 512
    /// Receipts that do not count and are told one by one.
    private static let maximumReports = 1000

    private let contexts: [AgentName: TransferContext]
    private let ledger: CopyLedger
    private let environment: TransferEnvironment

    /// - Parameter contexts: the agents whose receipts count, each with its sender policy; the first of a name.
    package init(_ contexts: [TransferContext], _ ledger: CopyLedger, _ environment: TransferEnvironment) {
        self.contexts = Dictionary(contexts.map { ($0.agent, $0) }, uniquingKeysWith: { first, _ in first })
        self.ledger = ledger
        self.environment = environment
    }

    /// Blocking. Memory: about 50 bytes a receipt.
    ///
    /// - Parameter destination: for whom the carrier is filled: what this agent holds is removed from it.
    package func apply(_ carrier: Carrier, for destination: AgentName) throws(BackupError) -> Summary {
        var run = Run(contexts: contexts, ledger: ledger, environment: environment, carrier: carrier)
        try run.open(for: destination)
        try run.settle()
        try run.removeArrived(for: destination)
        run.rewrite()
        return run.summary
    }

    private struct Run {
        let contexts: [AgentName: TransferContext]
        let ledger: CopyLedger
        let environment: TransferEnvironment
        let carrier: Carrier
        var summary = Summary()
        private var indexes: [ReceiptIndex] = []
        /// Who has confirmed something.
        private var heard: Set<AgentName> = []
        private var reports = 0

        init(
            contexts: [AgentName: TransferContext], ledger: CopyLedger, environment: TransferEnvironment,
            carrier: Carrier
        ) {
            self.contexts = contexts
            self.ledger = ledger
            self.environment = environment
            self.carrier = carrier
        }

        // MARK: - What is there

        /// Reads what there is of agents that are known here. What cannot be used is said, and keeps nothing else from its
        /// way.
        mutating func open(for destination: AgentName) throws(BackupError) {
            do throws(BackupError) {
                let unknown = try carrier.receipts.agents(limit: 1000).filter { contexts[$0] == nil }
                for agent in unknown.prefix(3) {
                    tell(
                        destination, .receiptsOfUnknown(carrier.receipts.path(of: agent), agent, contexts.keys.sorted())
                    )
                }
            } catch {
                tell(destination, error)
                return
            }
            for agent in contexts.keys.sorted() {
                do throws(BackupError) {
                    guard let index = try carrier.receipts.index(of: agent) else { continue }
                    indexes.append(index)
                    let path = carrier.receipts.path(of: agent)
                    if index.hasGivenUp {
                        tell(agent, .receiptsUnusable(path))
                    } else if index.unreadable > 0 {
                        tell(agent, .receiptsUnreadable(path, index.unreadable))
                    }
                    if let stranger = index.stranger {
                        tell(agent, .receiptsOfStranger(path, index.strangers, stranger, agent))
                    }
                } catch {
                    tell(agent, error)
                }
            }
        }

        private func tell(_ agent: AgentName, _ error: BackupError) {
            environment.observer.transferDid(.refused(agent, element: "receipts", error))
        }

        // MARK: - At home

        /// Tells the policies what has been confirmed, and notes it.
        mutating func settle() throws(BackupError) {
            guard indexes.contains(where: { $0.count > 0 }) else { return }
            var batches = indexes.map { _ in [ConfirmedElement]() }
            try environment.storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
                guard case .element(let element) = listed, let uuid = element.metadata.uuid else { return }
                for position in indexes.indices {
                    guard let receipt = try indexes[position].receipt(for: uuid) else { continue }
                    let agent = indexes[position].agent
                    do throws(BackupError) {
                        try checkBytes(receipt, element, environment.storage)
                        try contexts[agent]?.checkReceipt?(receipt)
                    } catch {
                        indexes[position].decide(.stays, for: uuid)
                        refuse(agent, element.id, error)
                        continue
                    }
                    guard isMeant(element, for: agent) else {
                        // Not offered any more: nothing is freed on its word, but it has arrived.
                        indexes[position].decide(.done, for: uuid)
                        continue
                    }
                    batches[position].append(ConfirmedElement(element, receipt: receipt))
                    if batches[position].count == CarrierReturns.batch {
                        confirm(batches[position], position)
                        batches[position] = []
                    }
                }
            }
            for position in indexes.indices { confirm(batches[position], position) }
            // It was there not long ago: as good as a connection, for whoever asks when it was last seen.
            for agent in heard.sorted() {
                environment.observer.transferDid(.connected(agent))
                environment.observer.transferDid(.disconnected(agent, nil))
            }
        }

        /// Whether the element is one that is given to the agent.
        private func isMeant(_ element: StoredElement, for agent: AgentName) -> Bool {
            guard var filter = contexts[agent]?.senderPolicy?.filter else { return false }
            // It has been on its way for a while.
            filter.newerThan = nil
            return filter.passes(
                element.id.source, element.metadata, size: element.size, now: environment.clock.now())
        }

        private mutating func confirm(_ elements: [ConfirmedElement], _ position: Int) {
            let agent = indexes[position].agent
            guard !elements.isEmpty, let context = contexts[agent], let policy = context.senderPolicy else { return }
            var outcomes = policy.applyPolicy(elements, by: agent)
            // What stays here must not be copied onto a carrier again.
            let unnoted = outcomes.indices.filter { index in
                guard case .kept = outcomes[index] else { return false }
                return (try? CopyRecord(of: elements[index].element.id, in: environment.storage).holds(agent)) != true
            }
            for (index, result) in zip(unnoted, ledger.confirm(unnoted.map { elements[$0] }, by: agent)) {
                if case .failure(let error) = result { outcomes[index] = .refused(error) }
            }
            heard.insert(agent)
            for (one, outcome) in zip(elements, outcomes) {
                guard let uuid = one.element.metadata.uuid else { continue }
                if case .refused(let error) = outcome {
                    indexes[position].decide(.stays, for: uuid)
                    refuse(agent, one.element.id, error)
                    continue
                }
                summary.confirmed += 1
                if context.report(outcome, one.element.id, environment) { summary.released += 1 }
                indexes[position].decide(.done, for: uuid)
            }
        }

        // MARK: - On the carrier

        /// Removes what the destination holds: makes room.
        mutating func removeArrived(for destination: AgentName) throws(BackupError) {
            guard let position = indexes.firstIndex(where: { $0.agent == destination }), indexes[position].count > 0
            else { return }
            var arrived: [StoredElement] = []
            try carrier.storage.forEachElement(matching: nil) { _, listed throws(BackupError) in
                guard case .element(let element) = listed, let uuid = element.metadata.uuid,
                    let fate = indexes[position].fate(of: uuid), fate != .stays,
                    let receipt = try indexes[position].receipt(for: uuid)
                else { return }
                do throws(BackupError) {
                    try checkBytes(receipt, element, carrier.storage)
                    // What is not at home any more was not looked at yet.
                    if fate == .open { try contexts[destination]?.checkReceipt?(receipt) }
                } catch {
                    indexes[position].decide(.stays, for: uuid)
                    refuse(destination, element.id, error)
                    return
                }
                arrived.append(element)
                if arrived.count == CarrierReturns.batch {
                    remove(arrived, position)
                    arrived = []
                }
            }
            remove(arrived, position)
            indexes[position].closeOpen()
        }

        private mutating func remove(_ elements: [StoredElement], _ position: Int) {
            guard !elements.isEmpty else { return }
            for (element, result) in zip(elements, carrier.storage.delete(elements.map(\.id))) {
                guard let uuid = element.metadata.uuid else { continue }
                switch result {
                case .success:
                    summary.removed += 1
                    indexes[position].decide(.done, for: uuid)
                case .failure(let error) where error.code == .notFound: break
                case .failure(let error):
                    indexes[position].decide(.stays, for: uuid)
                    refuse(indexes[position].agent, element.id, error)
                }
            }
        }

        /// Takes what was acted on off the carrier. What stays by mistake is acted on once more, which does nothing.
        func rewrite() {
            for index in indexes {
                do throws(BackupError) { try carrier.receipts.rewrite(index) } catch { tell(index.agent, error) }
            }
        }

        // MARK: - Checks

        /// Whether the receipt is about these very bytes.
        private func checkBytes(
            _ receipt: Receipt, _ element: StoredElement, _ storage: any ElementStorage
        ) throws(BackupError) {
            guard receipt.size == element.size else { throw .receiptForOther(element.id) }
            if let sha512 = element.metadata.checksum {
                guard receipt.sha512 == sha512 else { throw .receiptForOther(element.id) }
                return
            }
            // An element of the original may have no checksum: then the bytes are read.
            let sha512 = try DataDigest.sha512(try storage.openData(element.id))
            guard receipt.sha512 == sha512 else { throw .receiptForOther(element.id) }
        }

        private mutating func refuse(_ agent: AgentName, _ id: ElementID, _ error: BackupError) {
            reports += 1
            guard reports <= CarrierReturns.maximumReports else { return }
            environment.observer.transferDid(.confirmationRefused(agent, id, error))
        }
    }
}
