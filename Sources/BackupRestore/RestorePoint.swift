package import BackupModel

/// The state of a source that is to come back.
package enum RestorePoint: Sendable, Hashable {
    case newest
    /// The last element of the chain that is not later than this moment.
    case time(Timestamp)
    /// This very element: what tells apart those of the same second.
    case element(ElementID)
}
