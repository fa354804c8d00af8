package import BackupModel
package import BackupPackages

/// Where the history of the packages of one system comes from. Its own log and database are one such place; whatever
/// else has records of a log in their order is another.
///
/// All of it blocks: it is to be asked on a thread of its own.
package protocol PackageHistory: Sendable {
    /// The UUID of the machine, as records carry it.
    var machine: String { get }

    /// Hands over all records in the order of the log; the same ones each time it is called, however the log grows.
    ///
    /// - Returns: What there is to say of the log as a whole.
    func forEachRecord(
        _ body: (PackageRecord) throws(BackupError) -> Void
    ) throws(BackupError) -> PackageHistoryEnd

    /// What is installed now; `nil` where nobody knows.
    func present() throws(BackupError) -> PackageSnapshot?

    /// What is to be said with every answer, as sentences.
    func remarks() throws(BackupError) -> [String]

    /// Where snapshots are not what the changes before them lead to; `nil` where there are no earlier snapshots.
    func contradictions() throws(BackupError) -> PackageContradictions?
}

extension PackageHistory {
    package func remarks() throws(BackupError) -> [String] { [] }

    package func contradictions() throws(BackupError) -> PackageContradictions? { nil }
}

/// What snapshots in a storage say of the changes between them.
package struct PackageContradictions: Sendable {
    /// How many were compared.
    package let checked: Int
    /// Those that differ.
    package let found: [(element: ElementID, comparison: PackageComparison)]
}

/// What is known when all records have been handed over.
package struct PackageHistoryEnd: Sendable {
    /// The path of the log, when there is none.
    package var missingLog: String?
    /// What the log has begun and not ended, see ``PackageLogReading/pending``.
    package var pending: [PackageRecord] = []
    /// Lines that do not fit.
    package var rejected = RejectedLines()
    /// Bytes behind the last newline.
    package var unendedBytes: Int64 = 0
    /// From when on the state is known, where that is earlier than the first record.
    package var knownSince: Timestamp?
    /// What was odd about the log, as sentences.
    package var oddities: [String] = []

    package init() {}
}
