package import BackupModel

/// What happens in transfers, for journal, log and display. Called from any thread; must not block for long.
package protocol TransferObserver: Sendable {
    func transferDid(_ event: TransferEvent)
}

package enum TransferEvent: Sendable {
    case connected(AgentName)
    /// The connection is over; `nil` when both sides had said that they were done.
    case disconnected(AgentName, BackupError?)
    /// An element is stored here, durable. `resumedAt` is the byte at which an earlier transfer had broken.
    case received(AgentName, ElementID, bytes: Int64, resumedAt: Int64)
    /// The agent offered an element that is not taken, and why.
    case refused(AgentName, element: String, BackupError)
    /// The agent has confirmed an element of ours; whether the local copy is gone.
    case confirmed(AgentName, ElementID, released: Bool)
    /// A confirmation that did not count.
    case confirmationRefused(AgentName, ElementID, BackupError)
    /// An element of ours that cannot be offered or read.
    case problem(AgentName, ElementID, BackupError)
    /// A mirrored element that the agent no longer offers has gone to the attic, or from there for good.
    case retired(AgentName, ElementID, isDeleted: Bool)
    /// Bytes of element data moved since the last such event; `isIncoming` as seen from here.
    case progress(AgentName, bytes: Int, isIncoming: Bool)
}

/// Forgets everything.
package struct SilentTransferObserver: TransferObserver {
    package init() {}
    package func transferDid(_ event: TransferEvent) {}
}
