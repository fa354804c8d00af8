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
    /// What was odd about the log, as sentences.
    package var oddities: [String] = []

    package init() {}
}
