package import BackupConfig
package import BackupModel
package import BackupPipeline

/// A unit that an administrator enabled: it knows what is to be backed up, when, and with which program. It never
/// writes to a storage: it yields a run, and is told how that ended.
///
/// At most one run of a unit may be under way at any time, whatever its sources are: all of them share one state file.
/// Whoever runs units holds a lock for each of them, runs of different units may overlap.
///
/// The order of calls: ``recover(isStored:)`` once after each start of the program and after each run that ended in
/// doubt, then ``schedule(now:)`` and ``prepare(_:type:now:)`` as often as needed.
package protocol BackupUnit: Sendable {
    /// The name under which it is enabled.
    var name: String { get }
    /// In the order of their names; those that are there now, for a unit that finds its sources.
    var sources: [SourceURL] { get }
    /// Whether sources come and go, and one source can have several runs waiting: then ``next(of:now:)`` is asked before
    /// and after each of them.
    var findsSources: Bool { get }
    /// Whether a program names the sources, which can name any.
    var plansSources: Bool { get }

    /// Whether ``look(now:)`` must be called now: until it returns the unit has nothing to run. Never while a run is under
    /// way, or as long as the last look holds.
    func claimLook(now: Timestamp) -> Bool

    /// Asks whoever knows what is to be done, where that is not the unit itself; everything else works with the answer.
    /// May take as long as the unit's settings allow, and reports what goes wrong in ``outlook(now:)``. Only after
    /// ``claimLook(now:)`` has said so.
    func look(now: Timestamp) async

    /// What is to be done next, one entry a source. Reads the unit's state and changes nothing.
    ///
    /// - Throws: `damaged` when the state cannot be read and its predecessors cannot either.
    func schedule(now: Timestamp) throws(BackupError) -> [ScheduledRun]

    /// As ``schedule(now:)``, with what cannot be run yet and why.
    func outlook(now: Timestamp) throws(BackupError) -> UnitOutlook

    /// What is to be done next for one source; `nil` when nothing is.
    func next(of source: SourceURL, now: Timestamp) throws(BackupError) -> ScheduledRun?

    /// Says that the unit was due and nothing could be run any more: its round is over. Does nothing while a run is under
    /// way.
    ///
    /// - Returns: what was done and found, as sentences for the journal.
    func endRound(now: Timestamp) throws(BackupError) -> [String]

    /// Completes or takes back what a crash left. Doing it again does no harm.
    ///
    /// - Parameter isStored: whether the storage holds an element with that UUID in that source. Until this is done nobody
    ///   may take elements away: one that is gone looks like one that was never stored.
    /// - Returns: what was found and done, as sentences for the journal; empty when all was in order.
    func recover(
        isStored: (SourceURL, ElementUUID) throws(BackupError) -> Bool
    ) throws(BackupError) -> [String]

    /// Prepares a run: checks what it needs and gets the unit's files ready. Starts no program.
    ///
    /// - Parameters:
    ///   - type: what to make; `nil` for what the schedule says. An increment that would not be safe becomes a full
    ///     backup, ``UnitRun/reason`` says why.
    ///   - now: becomes the time of the element, and the time from which the next run is reckoned.
    /// - Throws: `notFound` for a source or a directory that is not there, `configuration` for settings that do not fit
    ///   what is there, `busy` when ``recover(isStored:)`` must come first.
    func prepare(_ source: SourceURL, type: BackupType?, now: Timestamp) throws(BackupError) -> any UnitRun
}

extension BackupUnit {
    package var findsSources: Bool { false }

    package var plansSources: Bool { false }

    package func claimLook(now: Timestamp) -> Bool { false }

    package func look(now: Timestamp) async {}

    package func outlook(now: Timestamp) throws(BackupError) -> UnitOutlook {
        UnitOutlook(runs: try schedule(now: now))
    }

    package func next(of source: SourceURL, now: Timestamp) throws(BackupError) -> ScheduledRun? {
        try schedule(now: now).first { $0.source == source }
    }

    package func endRound(now: Timestamp) throws(BackupError) -> [String] { [] }
}

/// One run of one source, from ``BackupUnit/prepare(_:type:now:)`` on.
///
/// It ends in one of three ways. Well: ``willStore(_:)``, then the element becomes visible and durable, then
/// ``stored()``. Badly, and it is certain that no element became visible: ``abandoned()``. In doubt (making the element
/// durable failed halfway, or ``stored()`` threw): none of them any more, but ``BackupUnit/recover(isStored:)``.
package protocol UnitRun: Sendable {
    var unit: String { get }
    var source: SourceURL { get }
    var type: BackupType { get }
    /// Why it is of that type, in words.
    var reason: String { get }
    var timestamp: Timestamp { get }
    /// The element before this one in its source; `nil` for the first.
    var predecessor: ElementUUID? { get }
    /// Handling policies of the element.
    var policies: [String] { get }
    var encryption: EncryptionSetting { get }

    /// Runs before the producer; if it fails the run fails.
    var preCommand: ProcessStage? { get }
    /// Runs after the producer, however that and the pre command ended.
    var postCommand: ProcessStage? { get }
    /// Where the element comes from.
    var producer: Producer { get }
    /// The first entry of the element's `Pipeline`.
    var record: StageRecord { get }

    /// The UUID of the element.
    ///
    /// - Parameter checksum: the SHA-512 of the bytes that are stored.
    func uuid(checksum: [UInt8]) -> ElementUUID
    /// What the journal should say about a producer that did well, as sentences; `report` is the producer's.
    func notes(_ report: StageReport) -> [String]

    /// What was found out that deserves an event of its own, asked when the pipeline has ended well.
    var events: [UnitEvent] { get }

    /// Checks, when the pipeline has ended well, that what went through it is what is to be stored.
    ///
    /// - Throws: why it must not become an element.
    func checkProduced() throws(BackupError)
    /// Whether the element may be in the storage already, so that its UUID must be looked for before it is stored.
    var mayBeStored: Bool { get }

    /// Notes durably that the element `uuid` is about to become visible. Comes before it does.
    func willStore(_ uuid: ElementUUID) throws(BackupError)
    /// Says that the element is visible and durable: the unit's state goes forward.
    func stored() throws(BackupError)
    /// Says that nothing was stored: nothing of the run stays. What cannot be removed now is left to
    /// ``BackupUnit/recover(isStored:)``.
    func abandoned()
    /// What is left to do when the element is durable and ``stored()`` has done well. It cannot fail the run any more.
    ///
    /// - Returns: what could not be done, or is worth knowing, as sentences for the journal.
    func finish() -> [String]
    /// Comes last, however the run ended, for whoever must be told.
    ///
    /// - Parameter failure: why it failed; `nil` for a run that did well.
    /// - Returns: what is worth knowing, as sentences for the journal.
    func conclude(_ failure: BackupError?) async -> [String]
}

extension UnitRun {
    package var mayBeStored: Bool { false }
    package var events: [UnitEvent] { [] }
    package func checkProduced() throws(BackupError) {}
    package func finish() -> [String] { [] }
    package func conclude(_ failure: BackupError?) async -> [String] { [] }
}
