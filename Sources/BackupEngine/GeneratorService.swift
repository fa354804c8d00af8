import BackupConfig
import BackupModel
package import BackupSystem
import BackupUnits
package import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// The generator as a daemon: runs sources when they are due, for as long as the service lives.
///
/// SIGTERM lets what is being backed up be finished, and begins nothing new; whoever is not done in
/// ``shutdownGrace`` is dropped without a trace. SIGHUP reads the configuration again.
package final class GeneratorService: Service {
    /// How long a run may take to finish after SIGTERM, in seconds.
    package static let shutdownGrace: Int64 = 60
    /// Clocks are set and machines sleep: nothing waits longer than this without looking at the time.
    private static let longestSleep: Int64 = 60
    /// How often run conditions are looked at while they keep a run waiting, in seconds.
    private static let conditionSleep: Int64 = 15

    private let configurationPath: String
    private let softwareVersion: String
    private let logger: Logger
    private let clock: any WallClock
    private let notifier = ServiceNotifier()
    private let wakeUp = WakeUp()
    private let state = Mutex(State())

    private struct State {
        var isStopping = false
        var mustReload = false
        /// Units that are at work.
        var busy: Set<String> = []
        /// Sources that failed, and from when on they are tried again.
        var waiting: [SourceURL: Timestamp] = [:]
    }

    package init(
        configurationPath: String, softwareVersion: String, logger: Logger, clock: any WallClock = SystemClock()
    ) {
        self.configurationPath = configurationPath
        self.softwareVersion = softwareVersion
        self.logger = logger
        self.clock = clock
    }

    /// Runs until it is asked to stop.
    package static func runAsProcess(
        configurationPath: String, softwareVersion: String, logger: Logger
    ) async throws {
        let service = GeneratorService(
            configurationPath: configurationPath, softwareVersion: softwareVersion, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            ],
            gracefulShutdownSignals: [.sigterm], cancellationSignals: [.sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(Self.shutdownGrace)
        try await ServiceGroup(configuration: configuration).run()
    }

    package func run() async throws {
        let generator = try await start(replacing: nil)
        try generator.log(.generatorStarted)
        notifier.ready("waiting")
        let hangUps = Task {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                state.withLock { $0.mustReload = true }
                wakeUp.signal()
            }
        }
        defer { hangUps.cancel() }
        let last = await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in await loop(generator, &group) }
        } onGracefulShutdown: {
            self.notifier.stopping()
            self.logger.info("stopping: what is being backed up is finished, nothing new begins")
            self.state.withLock { $0.isStopping = true }
            self.wakeUp.signal()
        }
        try last.log(.generatorStopped)
    }

    private func start(replacing previous: Generator?) async throws(BackupError) -> Generator {
        let installation = try Installation(configurationPath: configurationPath, clock: clock)
        let generator = try await Generator.start(
            installation, softwareVersion: softwareVersion, observer: LogObserver(logger: logger), replacing: previous)
        for warning in installation.configuration.warnings { logger.warning("\(warning)") }
        for problem in generator.problems { logger.error("\(problem)") }
        logger.info("\(generator.units.count) units, \(generator.units.map(\.sources.count).reduce(0, +)) sources")
        return generator
    }

    // MARK: - The loop

    private func loop(_ first: Generator, _ group: inout TaskGroup<Void>) async -> Generator {
        var generator = first
        var conditions = RunConditions()
        var announced: Set<String> = []
        while !state.withLock({ $0.isStopping }), !Task.isCancelled {
            generator = await reloadIfAsked(generator)
            let (runs, errors) = generator.schedule()
            for error in errors where announced.insert(error.description).inserted { logger.error("\(error)") }
            let now = clock.now()
            var obstacle: String?
            for run in ScheduleOrder.due(runs, now: now) {
                let unit = generator.installation.configuration.units.first { $0.name == run.unit }
                obstacle = conditions.obstacle(
                    unit?.runConditions, now: now, uptime: MachineState.uptime(), load: MachineState.loadAverage())
                guard obstacle == nil, claim(run, generator, now) else { continue }
                group.addTask { [generator] in await self.carryOut(run, generator) }
            }
            notifier.status(status(runs, obstacle))
            await wakeUp.sleep(seconds: obstacle == nil ? pause(runs, now) : Self.conditionSleep)
        }
        // Leaving the group waits for what is under way; cancelling the service cancels that too.
        await group.waitForAll()
        return generator
    }

    /// Whether the run may begin now; if so, its unit counts as busy.
    private func claim(_ run: ScheduledRun, _ generator: Generator, _ now: Timestamp) -> Bool {
        state.withLock { state in
            guard !state.isStopping, !state.mustReload, !state.busy.contains(run.unit),
                state.busy.count < generator.installation.main.generator.parallelUnits,
                state.waiting[run.source].map({ $0 <= now }) ?? true
            else { return false }
            state.busy.insert(run.unit)
            return true
        }
    }

    private func carryOut(_ run: ScheduledRun, _ generator: Generator) async {
        let outcomes = await generator.carryOut([run])
        state.withLock { state in
            state.busy.remove(run.unit)
            let failed = outcomes.contains { $0.failure != nil }
            state.waiting[run.source] =
                failed ? clock.now() + generator.installation.main.generator.retryAfter : nil
        }
        wakeUp.signal()
    }

    /// Seconds until something may have to be done that nobody will wake us for.
    private func pause(_ runs: [ScheduledRun], _ now: Timestamp) -> Int64 {
        let waiting = state.withLock { $0.waiting }
        // What is due and waits only for its unit is begun when that one's run ends, which wakes us.
        let times = runs.map { max($0.due, waiting[$0.source] ?? $0.due) }.filter { $0 > now }
        guard let next = times.min() else { return Self.longestSleep }
        return min((next - now).seconds, Self.longestSleep)
    }

    private func status(_ runs: [ScheduledRun], _ obstacle: String?) -> String {
        let busy = state.withLock { $0.busy.sorted() }
        if !busy.isEmpty { return "backing up: \(busy.joined(separator: ", "))" }
        if let obstacle { return "waiting: \(obstacle)" }
        guard let next = runs.min(by: { $0.due < $1.due }) else { return "no sources" }
        return "next: \(next.source) \(next.type) at \(next.due)"
    }

    /// Reads the configuration again if somebody asked for it; waits for runs to end first, since their units go away.
    /// A configuration that is wrong changes nothing.
    private func reloadIfAsked(_ generator: Generator) async -> Generator {
        guard state.withLock({ $0.mustReload && $0.busy.isEmpty }) else { return generator }
        state.withLock { $0.mustReload = false }
        notifier.reloading()
        defer { notifier.ready("waiting") }
        do throws(BackupError) {
            let next = try await start(replacing: generator)
            try next.log(.configurationRead)
            logger.info("the configuration was read again")
            return next
        } catch {
            logger.error("the configuration was read again and is not used: \(error); the old one stays in force")
            try? generator.log(.configurationRefused, error.description)
            return generator
        }
    }
}
