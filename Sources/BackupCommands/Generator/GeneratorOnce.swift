import ArgumentParser
import BackupConfig
import BackupEngine
import BackupModel
import BackupSystem
import BackupUnits
import Synchronization

/// `gb generator once`.
struct GeneratorOnce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "once", abstract: "Run what is due, and end.",
        discussion: """
            A source that was never backed up is due. Exit code 0: all went well, or nothing was due; 1: every run \
            failed; 3: some failed; 66: no such unit; 75: another generator is at \
            work, or there is no room.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @Flag(help: "Run every source now, due or not.") var now = false
    @Flag(help: "Make full backups of every source now.") var full = false
    @Argument(help: ArgumentHelp("Only these units; default: all that are enabled.", valueName: "UNIT"))
    var units: [String] = []

    func run() async throws {
        // Whoever reads along and leaves, or a full disk under a redirection, stops no backup.
        Output.standard.outliveReader()
        let observer = RunPrinter(json: json.isOn)
        let (outcomes, problems) = try await Interruption.handle { [self] () throws(BackupError) in
            try await work(observer)
        }
        let failed = outcomes.count { $0.failure != nil } + problems
        guard failed > 0 else { return }
        throw ExitCode(outcomes.contains { $0.failure == nil } ? ExitStatus.partlyDone : ExitStatus.failed)
    }

    /// What was run, and the number of units that could not even be tried.
    private func work(_ observer: RunPrinter) async throws(BackupError) -> ([RunOutcome], Int) {
        let installation = try common.installation()
        for warning in installation.configuration.warnings { Output.warning(warning) }
        let names = try selected(installation)
        let generator = try await Generator.start(
            installation, only: names, softwareVersion: GB.software, observer: observer)
        await generator.look()
        let outlook = generator.outlook()
        let runs = outlook.runs
        let problems = generator.problems + outlook.errors
        for problem in problems { observer.problem(problem) }
        for notice in outlook.notices { Output.warning(notice) }
        let moment = installation.clock.now()
        let chosen = now || full ? runs.sorted(by: ScheduleOrder.precedes) : ScheduleOrder.due(runs, now: moment)
        if chosen.isEmpty { observer.nothingDue(runs, waiting: outlook.waiting) }
        let outcomes = await generator.carryOut(chosen, full: full, toTheEnd: true)
        // Ends the rounds of units that have nothing to do any more.
        if !chosen.isEmpty { for notice in generator.outlook().notices { Output.warning(notice) } }
        return (outcomes, problems.count)
    }

    private func selected(_ installation: Installation) throws(BackupError) -> Set<String>? {
        guard !units.isEmpty else { return nil }
        let known = installation.configuration.units.map(\.name) + installation.configuration.unitErrors.map(\.unit)
        try Generator.check(units, known: known)
        return Set(units)
    }
}
