import BackupConfig
import BackupModel
package import BackupSystem
import BackupUnits
import Glibc
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
    private let slots = RunSlots()
    private let looks = RunningLooks()
    /// Whether the work ended because the task was cancelled and nobody had asked for a graceful end before.
    private let wasInterrupted = Atomic(false)

    package init(
        configurationPath: String, softwareVersion: String, logger: Logger, clock: any WallClock = SystemClock()
    ) {
        self.configurationPath = configurationPath
        self.softwareVersion = softwareVersion
        self.logger = logger
        self.clock = clock
    }

    /// Runs until it is asked to stop.
    ///
    /// - Throws: what keeps it from starting; `interrupted` after SIGINT.
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
        if service.wasInterrupted.load(ordering: .relaxed) { throw BackupError.interrupted(SIGINT) }
    }

    package func run() async throws {
        let generator = try await start(replacing: nil)
        try generator.log(.generatorStarted)
        // Trapped before anybody is told that we are ready: an untrapped SIGHUP would end the process.
        let signals = await UnixSignalsSequence(trapping: .sighup)
        notifier.ready("waiting")
        let hangUps = Task {
            for await _ in signals {
                slots.askForReload()
                wakeUp.signal()
            }
        }
        defer { hangUps.cancel() }
        let last = await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in await loop(generator, &group) }
        } onGracefulShutdown: {
            self.notifier.stopping()
            self.logger.info("stopping: what is being backed up is finished, nothing new begins")
            self.slots.stop()
            self.looks.close()
            self.wakeUp.signal()
        }
        if Task.isCancelled, !slots.isStopping { wasInterrupted.store(true, ordering: .relaxed) }
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

    private func loop(_ first: Generator, _ group: inout DiscardingTaskGroup) async -> Generator {
        var generator = first
        var conditions = RunConditions()
        var announced: Set<String> = []
        while !slots.isStopping, !Task.isCancelled {
            generator = await reloadIfAsked(generator)
            look(generator, &group)
            let outlook = generator.outlook()
            let runs = outlook.runs
            for notice in outlook.notices { logger.warning("\(notice)") }
            for error in outlook.errors where announced.insert(error.description).inserted { logger.error("\(error)") }
            let now = clock.now()
            let settings = generator.installation.main.generator
            var obstacle: String?
            for run in ScheduleOrder.due(runs, now: now) {
                let unit = generator.installation.configuration.units.first { $0.name == run.unit }
                let reason = conditions.obstacle(
                    unit?.runConditions, now: now, uptime: MachineState.uptime(), load: MachineState.loadAverage())
                obstacle = obstacle ?? reason
                guard reason == nil,
                    slots.claim(run, limit: settings.parallelUnits, retryAfter: settings.retryAfter, now: now)
                else { continue }
                group.addTask { [generator] in await self.carryOut(run, generator) }
            }
            notifier.status(status(outlook, obstacle))
            let looks = outlook.looks.filter { $0 > now }
            let run = slots.next(runs, retryAfter: settings.retryAfter, now: now)
            let next = (looks + (run.map { [$0] } ?? [])).min()
            let pause = next.map { min(($0 - now).seconds, Self.longestSleep) } ?? Self.longestSleep
            await wakeUp.sleep(seconds: obstacle == nil ? pause : min(pause, Self.conditionSleep))
        }
        // Leaving the group waits for what is under way; cancelling the service cancels that too.
        return generator
    }

    /// Lets units ask what is to be done; the loop goes on meanwhile, and is woken by the answer.
    private func look(_ generator: Generator, _ group: inout DiscardingTaskGroup) {
        let (now, busy) = (clock.now(), Set(slots.busy))
        for unit in generator.units where !busy.contains(unit.name) && unit.claimLook(now: now) {
            let look = looks.begin {
                await unit.look(now: now)
                self.wakeUp.signal()
            }
            group.addTask {
                await withTaskCancellationHandler {
                    await look.value
                } onCancel: {
                    look.cancel()
                }
            }
        }
    }

    private func carryOut(_ run: ScheduledRun, _ generator: Generator) async {
        let outcomes = await generator.carryOut([run])
        slots.end(run, failedAt: outcomes.contains { $0.failure != nil } ? clock.now() : nil)
        wakeUp.signal()
    }

    private func status(_ outlook: Generator.Outlook, _ obstacle: String?) -> String {
        let busy = slots.busy
        if !busy.isEmpty { return "backing up: \(busy.joined(separator: ", "))" }
        if let obstacle { return "waiting: \(obstacle)" }
        guard let next = outlook.runs.min(by: { $0.due < $1.due }) else {
            return outlook.looks.min().map { "next: a look for new files at \($0)" } ?? "no sources"
        }
        return "next: \(next.source) \(next.type) at \(next.due)"
    }

    /// Reads the configuration again if somebody asked for it; waits for runs to end first, since their units go away.
    /// A configuration that is wrong changes nothing.
    private func reloadIfAsked(_ generator: Generator) async -> Generator {
        guard slots.takeReload() else { return generator }
        notifier.reloading()
        defer { notifier.ready("waiting") }
        // The next generator asks the same programs, and they are never called twice at a time.
        await looks.endAll()
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
