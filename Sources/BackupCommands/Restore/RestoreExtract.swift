import ArgumentParser
import BackupEngine
import BackupModel
import BackupPipeline
import BackupRestore
import BackupStorage
import BackupSystem

/// `gb restore extract`.
struct RestoreExtract: AsyncParsableCommand, TakesRawArguments {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Bring a source, or some paths of it, back into a directory.",
        discussion: """
            Bytes are checked while they stream. Exit code 4: an element is damaged, and the message says what in the \
            directory not to trust; 66: no such source, time or path; 78: the secret key is not here.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var point: RestorePointOption
    @OptionGroup var json: JSONOption
    @Option(help: ArgumentHelp("An empty or new directory.", valueName: "DIR")) var to: String
    @Flag(help: "Check all bytes before the first is written: reads everything twice.") var verifyFirst = false
    @Flag(help: "Write over what is in the directory.") var intoExisting = false
    @Flag(help: "With --into-existing: files in the backup's directories that the backup does not know are deleted.")
    var deleteUnknown = false
    @Flag(help: "Allow the root of the running system as the directory.") var inPlace = false
    @Argument(help: ArgumentHelp("A source URL.", valueName: "SOURCE")) var source: String
    @Argument(help: ArgumentHelp("Only these paths, relative to the root of the source.", valueName: "PATH"))
    var paths: [String] = []

    var rawArguments: [String] { paths }

    func run() async throws {
        let installation = try common.installation()
        let progress = PipelineProgress()
        let session = try installation.restoreSession(mayAsk: Output.inputIsTerminal, progress: progress)
        let (plan, change) = try await point.plan(
            of: try SourceURL(source), session, configDirectory: common.configDirectory)
        if !RestoreSession.restoresOwners {
            Output.warning("not running as root: files will belong to this user, whoever owned them")
        }
        if let change, !json.isOn { Output.standard.line(change.sentence(plan)) }
        try await Interruption.handle { [self] () throws(BackupError) in
            try await extract(plan, session, progress, change)
        }
    }

    private func extract(
        _ plan: RestorePlan, _ session: RestoreSession, _ progress: PipelineProgress, _ change: PackageChange?
    ) async throws(BackupError) {
        let start = SystemClock.monotonic()
        let total = plan.size * (verifyFirst ? 2 : 1)
        let line = ProgressLine("restore \(plan.source)", total: total, quiet: ProgressLine.readAhead) {
            progress.bytesIn
        }
        defer { line.end() }
        if verifyFirst { try await session.checkBytes(of: plan) }
        let target = try RestoreTarget(
            to,
            permissions: .init(
                intoExisting: intoExisting, deleteUnknown: deleteUnknown, inPlace: inPlace),
            storagePath: session.storagePath, increments: plan.deletingIncrements)
        if let warning = RestoreSession.warning(plan, into: target, canConfine: ConfinedProcess.isPossible) {
            Output.warning(warning)
        }
        try await session.extract(plan, to: target, paths: paths.map(RawArguments.bytes)) { element, number in
            line.begin("restore \(plan.source) \(number)/\(plan.elements.count)")
        }
        line.end()
        let seconds = SystemClock.monotonic() - start
        let unchecked = plan.elements.filter { $0.metadata.checksum == nil }.map(\.id)
        for id in unchecked { Output.warning("\(id) has no checksum: its bytes could not be checked") }
        if json.isOn {
            var object = plan.json(unchecked)
            object[PackageChange.key] = change?.json(plan)
            object["directory"] = .string(target.path)
            if !plan.hints.isEmpty { object["hints"] = .array(plan.hints.map { .string($0) }) }
            object["duration"] = .number(seconds.fixed(3))
            return Output.standard.json(object)
        }
        Output.standard.line(
            "\(plan.source) of \(plan.time): \(counted(plan.elements.count, "element")), \(ByteCount(plan.size)) read, "
                + "\(seconds.fixed(1)) s, into \(target.path)")
        for line in plan.hintLines { Output.standard.line(line) }
    }
}
