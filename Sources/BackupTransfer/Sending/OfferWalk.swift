package import BackupModel
package import BackupStorage
import BackupSystem
import Dispatch
import Synchronization

/// An element that a policy offers, with the facts that travel with it.
package struct Offer: Sendable {
    package let element: StoredElement
    package let attributes: JSONObject?
}

/// Walks through what a policy offers to an agent: source by source, each in chain order, those that go first before all
/// others. A thread of its own lists the storage and waits until somebody asks, so that memory does not grow with it.
final class OfferWalk: Sendable {
    private struct State {
        var ready: [Offer] = []
        var isEnded = false
        var error: BackupError?
        var isBegun = false
        var isStopped = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private static let batchLength = 200
    private let state = Mutex(State())
    private let demand = DispatchSemaphore(value: 0)

    private let reportProblem: @Sendable (ElementID, BackupError) -> Void
    private let work: @Sendable (OfferWalk) throws(BackupError) -> Void

    /// - Parameter reportProblem: gets what keeps an element from being offered, such as a record that cannot be read.
    init(
        _ storage: any ElementStorage, _ policy: any SenderPolicy, agent: AgentName, now: Timestamp,
        reportProblem: @escaping @Sendable (ElementID, BackupError) -> Void
    ) {
        self.reportProblem = reportProblem
        work = { walk throws(BackupError) in try walk.walk(storage, policy, agent, now) }
    }

    /// Nothing is listed before somebody asks: a peer may begin as many walks as it likes.
    private func begin() {
        let isFirst = state.withLock { state in
            defer { state.isBegun = true }
            return !state.isBegun
        }
        guard isFirst else { return }
        Task {
            var failure: BackupError?
            do throws(BackupError) {
                try await BlockingThread.run("gb offer") { () throws(BackupError) in try self.work(self) }
            } catch {
                failure = error
            }
            let waiting = state.withLock { state in
                state.isEnded = true
                if !state.isStopped { state.error = failure }
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }
    }

    /// The next batch; empty at the end. One caller at a time.
    func next() async throws(BackupError) -> [Offer] {
        begin()
        demand.signal()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if !state.ready.isEmpty || state.isEnded { return true }
                state.waiting = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return try state.withLock { state throws(BackupError) in
            defer { state.ready = [] }
            if state.ready.isEmpty, let error = state.error { throw error }
            return state.ready
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        demand.signal()
    }

    private func walk(
        _ storage: any ElementStorage, _ policy: any SenderPolicy, _ agent: AgentName, _ now: Timestamp
    ) throws(BackupError) {
        var batch: [Offer] = []
        // With priorities the storage is walked once for each, so that nothing needs to be kept in memory and sorted.
        for rank in 0...policy.prioritise.count {
            try storage.forEachElementInChainOrder(matching: nil) { element throws(BackupError) in
                if self.state.withLock({ $0.isStopped }) { throw .walkStopped() }
                guard policy.filter.passes(element.id.source, element.metadata, size: element.size, now: now)
                else { return }
                do throws(BackupError) {
                    guard try self.rank(element, policy, storage) == rank, try policy.offers(element, to: agent)
                    else { return }
                    batch.append(Offer(element: element, attributes: try policy.attributes(of: element)))
                } catch {
                    // Deleted meanwhile.
                    if error.code != .notFound { self.reportProblem(element.id, error) }
                    return
                }
                if batch.count == Self.batchLength {
                    try self.deliver(batch)
                    batch = []
                }
            }
        }
        if !batch.isEmpty { try deliver(batch) }
    }

    /// The position of the first priority that the element has.
    private func rank(
        _ element: StoredElement, _ policy: any SenderPolicy, _ storage: any ElementStorage
    ) throws(BackupError) -> Int {
        guard !policy.prioritise.isEmpty else { return 0 }
        for (index, name) in policy.prioritise.enumerated() {
            if element.metadata.handlingPolicies.contains(name) { return index }
            if let attribute = try? AttributeName(name), try storage.attribute(attribute, of: element.id) != nil {
                return index
            }
        }
        return policy.prioritise.count
    }

    private func deliver(_ batch: [Offer]) throws(BackupError) {
        demand.wait()
        let (waiting, isStopped) = state.withLock { state in
            state.ready = batch
            defer { state.waiting = nil }
            return (state.waiting, state.isStopped)
        }
        waiting?.resume()
        if isStopped { throw .walkStopped() }
    }
}
