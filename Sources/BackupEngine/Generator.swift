import BackupConfig
package import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
package import BackupUnits
import Glibc

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
                softwareVersion: softwareVersion, observer: observer))
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

    /// What each source will do next; units whose state cannot be read are reported and left out.
    package func schedule() -> (runs: [ScheduledRun], errors: [BackupError]) {
        var runs: [ScheduledRun] = []
        var errors: [BackupError] = []
        let now = installation.clock.now()
        for unit in units {
            do throws(BackupError) { runs += try unit.schedule(now: now) } catch {
                errors.append(.unitUnusable(unit.name, error))
            }
        }
        return (runs, errors)
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
    ///   - mayStart: is asked before each run; `false` leaves the rest for another time.
    package func carryOut(
        _ runs: [ScheduledRun], full: Bool = false, mayStart: @escaping @Sendable () -> Bool = { true }
    ) async -> [RunOutcome] {
        var waiting = runs
        var busy: Set<String> = []
        var outcomes: [RunOutcome] = []
        await withTaskGroup(of: RunOutcome.self) { group in
            while true {
                while busy.count < installation.main.generator.parallelUnits, !Task.isCancelled, mayStart(),
                    let next = waiting.firstIndex(where: { !busy.contains($0.unit) })
                {
                    let run = waiting.remove(at: next)
                    guard let unit = units.first(where: { $0.name == run.unit }) else { continue }
                    busy.insert(run.unit)
                    group.addTask { [self] in await self.run(run, unit, type: full ? .full : run.type) }
                }
                guard let outcome = await group.next() else { return }
                busy.remove(outcome.unit)
                outcomes.append(outcome)
            }
        }
        return outcomes
    }

    private func run(_ run: ScheduledRun, _ unit: any BackupUnit, type: BackupType) async -> RunOutcome {
        var outcome = await runner.run(unit, settings(unit.name), run.source, type: type)
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
