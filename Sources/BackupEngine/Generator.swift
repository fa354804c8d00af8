import BackupConfig
package import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
package import BackupUnits
import Glibc
import Synchronization

/// Runs the enabled units of an installation. One generator at a time works with a state directory.
package final class Generator: Sendable {
    /// Which sources a round runs.
    package enum Selection: Sendable, Hashable {
        /// Those that are due.
        case due
        /// All of them, now; a full each if `full`, what the schedule says otherwise.
        case all(full: Bool)
    }

    package let installation: Installation
    /// The units that can be used.
    package let units: [any BackupUnit]
    /// What is wrong with the others, and with the configuration directory.
    package let problems: [BackupError]

    private let runner: SourceRunner
    private let journal: Journal
    private let lock: FileLock
    /// What was said of each unit at its last look and at the end of its last round, so that it is written down once for as
    /// long as it is so.
    private let said = Mutex<[String: Set<String>]>([:])

    /// Sources of units that find their sources, whose last run in this round has failed.
    private let failed = Mutex<[String: Set<SourceURL>]>([:])

    package static let lockName = "generator.lock"

    /// Takes the lock on the state directory, and cleans up after a crash.
    ///
    /// - Parameters:
    ///   - names: the units to work with; `nil` for all that are enabled.
    ///   - softwareVersion: is written into the elements' `Origin`.
    ///   - lock: the lock of the generator that this one replaces, when the configuration is read again.
    /// - Throws: `busy` when another generator works with the same state directory.
    package static func start(
        _ installation: Installation, only names: Set<String>? = nil, softwareVersion: String,
        observer: (any RunObserver)? = nil, replacing previous: Generator? = nil
    ) async throws(BackupError) -> Generator {
        let state = try installation.stateDirectory()
        let lock: FileLock
        if let previous, previous.installation.main.general.stateDirectory == installation.main.general.stateDirectory {
            lock = previous.lock
        } else {
            do throws(BackupError) {
                lock = try FileLock.acquire(lockName, in: state, note: "\(ProcessIdentity.number)\n")
            } catch {
                throw error.code == .busy ? .generatorBusy(state.path, error) : error
            }
        }
        let journal = try Journal(in: state)
        let storage = try installation.storage()
        let tarVersion = await ToolVersion.tar()
        let (units, errors) = installation.units(names, tarVersion: tarVersion)
        let generator = Generator(
            installation, units: units, problems: errors, journal: journal, lock: lock,
            runner: SourceRunner(
                configuration: installation.main, storage: storage,
                journal: RunJournal(journal: journal, clock: installation.clock), clock: installation.clock,
                softwareVersion: softwareVersion, libraryDirectory: installation.libraryDirectory, observer: observer))
        try generator.recover(storage)
        return generator
    }

    private init(
        _ installation: Installation, units: [any BackupUnit], problems: [BackupError], journal: Journal,
        lock: FileLock, runner: SourceRunner
    ) {
        self.installation = installation
        self.units = units
        self.problems = problems
        self.journal = journal
        self.lock = lock
        self.runner = runner
    }

    /// What a crash left in the storage and in the units' states.
    private func recover(_ storage: DefaultFileStorage) throws(BackupError) {
        var recovery = StorageRecovery(storage)
        try recovery.run(now: installation.clock.now())
        for action in recovery.actions { try log(.recovered, action) }
        for unit in units { try recover(unit, storage) }
    }

    private func recover(_ unit: any BackupUnit, _ storage: DefaultFileStorage) throws(BackupError) {
        let actions = try unit.recover { source, uuid throws(BackupError) in try storage.contains(uuid, of: source) }
        for action in actions { try log(.recovered, action, unit: unit.name) }
    }

    func log(_ kind: JournalEvent.Kind, _ message: String? = nil, unit: String? = nil) throws(BackupError) {
        try journal.append(
            JournalEvent(kind, at: installation.clock.now()).with("unit", unit).with("message", message))
    }

    // MARK: - What is to be done

    /// Checks names that a person gave.
    ///
    /// - Throws: `notFound`, naming the units that are enabled.
    package static func check(_ names: [String], known: [String]) throws(BackupError) {
        let unknown = names.filter { !known.contains($0) }
        if !unknown.isEmpty { throw .unknownUnits(unknown, known: known.sorted()) }
    }

    /// What the units will do next, and what they wait for.
    package struct Outlook: Sendable {
        package var runs: [ScheduledRun] = []
        /// Of units whose state cannot be read, and of inputs that cannot be looked into.
        package var errors: [BackupError] = []
        package var waiting: [WaitingSource] = []
        /// What is worth knowing and was not said before.
        package var notices: [String] = []
        /// When units that find their sources look for them next.
        package var looks: [Timestamp] = []
    }

    /// What each source will do next; units whose state cannot be read are reported and left out.
    package func schedule() -> (runs: [ScheduledRun], errors: [BackupError]) {
        let outlook = outlook()
        return (outlook.runs, outlook.errors)
    }

    /// Asks the units that have to ask others what is to be done. Comes before ``outlook()``.
    package func look() async { await Self.look(units, now: installation.clock.now()) }

    /// Lets all of `units` that must look do so, at the same time.
    static func look(_ units: [any BackupUnit], now: Timestamp) async {
        await withTaskGroup(of: Void.self) { group in
            for unit in units where unit.claimLook(now: now) { group.addTask { await unit.look(now: now) } }
        }
    }

    /// As ``schedule()``, with what cannot be run yet. Ends the rounds of units that have nothing to do any more, and writes
    /// into the journal what is new.
    package func outlook() -> Outlook {
        var result = Outlook()
        var owners = SourceOwners(installation)
        let now = installation.clock.now()
        for unit in units {
            do throws(BackupError) {
                var outlook = try unit.outlook(now: now)
                owners.settle(&outlook, of: unit)
                result.runs += outlook.runs
                result.waiting += outlook.waiting
                result.errors += outlook.problems.map { .unitPartlyUnusable(unit.name, $0) }
                result.notices += try tell(outlook.notices, as: unit.name)
                _ = try tell(outlook.problems.map(\.description), as: unit.name, "problems")
                guard let look = outlook.nextLook else { continue }
                result.looks.append(look)
                // What has failed in this round is tried again in the next one, and holds up nobody else.
                if look <= now, hasOnlyFailures(unit.name, outlook.runs) {
                    result.notices += try tell(try unit.endRound(now: now), as: unit.name, "end")
                }
            } catch {
                result.errors.append(.unitUnusable(unit.name, error))
            }
        }
        return result
    }

    /// Whether all that could be run has failed since the last round; the next one forgets that.
    private func hasOnlyFailures(_ unit: String, _ runs: [ScheduledRun]) -> Bool {
        failed.withLock { failed in
            guard runs.allSatisfy({ failed[unit]?.contains($0.source) == true }) else { return false }
            failed[unit] = nil
            return true
        }
    }

    /// Writes down what was not said the last time.
    ///
    /// - Parameter occasion: of a unit; what is said at one of them does not count at another.
    /// - Returns: what was not said.
    private func tell(
        _ texts: [String], as unit: String, _ occasion: String = "look"
    ) throws(BackupError) -> [String] {
        let before = said.withLock { said in
            defer { said["\(unit) \(occasion)"] = Set(texts) }
            return said["\(unit) \(occasion)"] ?? []
        }
        let new = texts.filter { !before.contains($0) }
        for text in new { try log(.note, text, unit: unit) }
        return new
    }

    /// The settings a unit's pipeline has.
    private func settings(_ name: String) -> PipelineSettings {
        installation.configuration.units.first { $0.name == name }?.pipeline ?? installation.main.pipeline
    }

    // MARK: - Doing it

    /// Runs `runs` in order, several units at a time if so configured, never two sources of one unit.
    ///
    /// - Parameters:
    ///   - full: makes every run a full.
    ///   - toTheEnd: goes on with a source as long as something of it waits and all goes well.
    ///   - mayStart: is asked before each run; `false` leaves the rest for another time.
    package func carryOut(
        _ runs: [ScheduledRun], full: Bool = false, toTheEnd: Bool = false,
        mayStart: @escaping @Sendable () -> Bool = { true }
    ) async -> [RunOutcome] {
        var waiting = runs
        /// The sources of which the unit has just said that something waits.
        var sure: Set<SourceURL> = []
        var busy: Set<String> = []
        var outcomes: [RunOutcome] = []
        await withTaskGroup(of: RunOutcome.self) { group in
            while true {
                while busy.count < installation.main.generator.parallelUnits, !Task.isCancelled, mayStart(),
                    let next = waiting.firstIndex(where: { !busy.contains($0.unit) })
                {
                    let run = waiting.remove(at: next)
                    guard let unit = units.first(where: { $0.name == run.unit }),
                        sure.remove(run.source) != nil || isStillWaiting(run, unit)
                    else { continue }
                    busy.insert(run.unit)
                    group.addTask { [self] in await self.run(run, unit, type: full ? .full : run.type) }
                }
                guard let outcome = await group.next() else { return }
                busy.remove(outcome.unit)
                outcomes.append(outcome)
                // Before the others: so a source is done with as it was begun, in order.
                if toTheEnd, let next = next(after: outcome) {
                    waiting.insert(next, at: 0)
                    sure.insert(next.source)
                }
            }
        }
        return outcomes
    }

    /// Whether what a unit has found is still there: a file may have been rotated since, and that is no failure.
    private func isStillWaiting(_ run: ScheduledRun, _ unit: any BackupUnit) -> Bool {
        guard unit.findsSources else { return true }
        do throws(BackupError) {
            return try unit.next(of: run.source, now: installation.clock.now()) != nil
        } catch {
            // Preparing the run meets it again, and reports it.
            return true
        }
    }

    /// What is to be done next with the source of a run that did well.
    private func next(after outcome: RunOutcome) -> ScheduledRun? {
        guard outcome.element != nil || outcome.isStoredAlready,
            let unit = units.first(where: { $0.name == outcome.unit }), unit.findsSources
        else { return nil }
        return try? unit.next(of: outcome.source, now: installation.clock.now())
    }

    private func run(_ run: ScheduledRun, _ unit: any BackupUnit, type: BackupType) async -> RunOutcome {
        var outcome = await runner.run(unit, settings(unit.name), run.source, type: type) {
            [installation] storage throws(BackupError) in try installation.checkWriter(unit, run.source, storage)
        }
        if unit.findsSources {
            failed.withLock { failed in
                var sources = failed[unit.name] ?? []
                if outcome.failure != nil { sources.insert(run.source) } else { sources.remove(run.source) }
                failed[unit.name] = sources
            }
        }
        if outcome.failure != nil {
            // The failure may have come between the element and the state: the storage tells.
            do throws(BackupError) { try recover(unit, try installation.storage()) } catch {
                outcome.notes.append(error.description)
            }
        }
        return outcome
    }
}

/// Who this process is.
package enum ProcessIdentity {
    package static var number: Int32 { getpid() }
}
