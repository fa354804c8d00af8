package import BackupModel

/// Something that a run has found out and that others may want to watch for: an event of its own in the journal.
package struct UnitEvent: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Log and database of a package manager say different things.
        case packageDisagreement
    }

    package let kind: Kind
    /// The keys of the event beside those of the run.
    package let details: JSONObject
}
