import ArgumentParser
import BackupCrypto
import BackupEngine
import BackupModel
import BackupPackages
import BackupPipeline
import BackupRestore
import BackupStorage

/// `gb restore plan`.
struct RestorePlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what a restore would read and need, and write nothing.",
        discussion:
            """
            Exit code 0: it can be restored here; 4: something is missing or damaged; 66: no such source or time; 78: the \
            secret key or a program is not here.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var point: RestorePointOption
    @OptionGroup var json: JSONOption
    @Flag(help: "Print the commands that restore by hand, without this program.") var shell = false
    @Argument(help: ArgumentHelp("A source URL.", valueName: "SOURCE")) var source: String

    func run() async throws {
        let installation = try common.installation()
        let session = try installation.restoreSession(mayAsk: Output.inputIsTerminal, progress: PipelineProgress())
        let (plan, change) = try await point.plan(
            of: try SourceURL(source), session, configDirectory: common.configDirectory)
        if let change {
            if json.isOn {
                Output.standard.json([PackageChange.key: change.json(plan)])
            } else {
                Output.standard.line((shell ? "# " : "") + change.sentence(plan))
            }
        }
        if shell {
            for text in Self.remarks(plan) { Output.standard.line("# " + text) }
            for line in try await session.shellLines(plan, directory: "TARGET") { Output.standard.line(line) }
            return
        }
        let secretKeys = (try? installation.keyRing().secretKeyFingerprints()) ?? []
        var firstError: BackupError?
        var table = Table(["ELEMENT", "TIME", "SIZE", "STAGES", "CAN BE READ HERE"], rightAligned: [2])
        for element in plan.elements {
            var stages = ""
            var obstacle: BackupError?
            do throws(BackupError) {
                let layers = try await session.layers(of: element)
                let programs = layers.shellCommands.compactMap(\.first) + (layers.isArchive ? ["tar"] : [])
                stages = programs.joined(separator: " | ")
                try await session.peek(element, layers)
            } catch {
                obstacle = error
                firstError = firstError ?? error
            }
            if json.isOn {
                var object = element.json
                object["stages"] = .string(stages)
                object["readable"] = .bool(obstacle == nil)
                object["error"] = obstacle.map(\.json) ?? .null
                Output.standard.json(object)
            } else {
                table.add([
                    element.id.description, element.metadata.timestamp.description, ByteCount(element.size).description,
                    stages, obstacle.map { "no: \($0)" } ?? "yes",
                ])
            }
        }
        table.print()
        if json.isOn {
            if !plan.otherChains.isEmpty { Output.standard.json([RestorePlan.otherChainsKey: plan.otherChainsJSON]) }
        } else {
            for text in Self.remarks(plan) { Output.standard.line(text) }
            Output.standard.line(
                "The state of \(plan.time): \(counted(plan.elements.count, "element")), "
                    + "\(ByteCount(plan.size)) to be read.")
            Output.standard.line(
                secretKeys.isEmpty
                    ? "No secret key is here; what is encrypted cannot be read on this machine."
                    : "Secret keys here: \(secretKeys.joined(separator: ", ")). Recipients are hidden in the elements.")
        }
        if let firstError {
            let codes: [BackupError.Code] = [.notFound, .usage, .keyUnusable, .programMissing]
            throw ExitCode(codes.contains(firstError.code) ? ExitStatus.of(firstError) : ExitStatus.damaged)
        }
    }

    /// Which chains could be taken in place of this one, and what to do with what comes back.
    private static func remarks(_ plan: RestorePlan) -> [String] {
        let others = plan.otherChains.map { end in
            "Another chain of the same time ends with \(end.id) of \(end.metadata.timestamp)."
        }
        return others + plan.hintLines
    }
}
