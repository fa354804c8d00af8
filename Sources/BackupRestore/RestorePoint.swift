package import BackupModel

/// The state of a source that is to come back.
package enum RestorePoint: Sendable, Hashable {
    /// The newest element of all chains.
    case newest
    /// The newest element that is not later than this moment; in each chain that is the last one by its order.
    case time(Timestamp)
    /// This very element: what tells apart those of the same second.
    case element(ElementID)
}
