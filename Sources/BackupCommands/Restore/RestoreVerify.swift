import ArgumentParser
import BackupEngine
import BackupModel
import BackupPipeline
import BackupRestore
import BackupStorage

/// `gb restore verify`.
struct RestoreVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Rehearse a restore: decrypt, decompress and read everything, write nothing.",
        discussion: "Exit code 0: it can be restored; 4: something is damaged; 66: no such source or time.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var point: RestorePointOption
    @OptionGroup var json: JSONOption
    @Argument(help: ArgumentHelp("A source URL.", valueName: "SOURCE")) var source: String

    func run() async throws {
        let installation = try common.installation()
        let progress = PipelineProgress()
        let session = try installation.restoreSession(mayAsk: Output.inputIsTerminal, progress: progress)
        let (plan, change) = try await point.plan(
            of: try SourceURL(source), session, configDirectory: common.configDirectory)
        if let change, !json.isOn { Output.standard.line(change.sentence(plan)) }
        let line = ProgressLine("verify \(plan.source)", total: plan.size, quiet: ProgressLine.readAhead) {
            progress.bytesIn
        }
        defer { line.end() }
        let unchecked = try await Interruption.handle { () throws(BackupError) in try await session.rehearse(plan) }
        line.end()
        for id in unchecked { Output.warning("\(id) has no checksum: its bytes could not be checked") }
        if json.isOn {
            var object = plan.json(unchecked)
            object[PackageChange.key] = change?.json(plan)
            return Output.standard.json(object)
        }
        Output.standard.line(
            "\(plan.source) of \(plan.time) can be restored: \(counted(plan.elements.count, "element")), "
                + "\(ByteCount(plan.size)) read")
    }
}

extension RestorePlan {
    /// What was read, as `--json` output shows it.
    func json(_ unchecked: [ElementID]) -> JSONObject {
        var object: JSONObject = [
            "source": .string(source.description), "time": .string(time.description),
            "elements": .array(elements.map { .string($0.id.description) }), "size": .integer(size),
            "unchecked": .array(unchecked.map { .string($0.description) }),
        ]
        if !otherChains.isEmpty { object[Self.otherChainsKey] = otherChainsJSON }
        return object
    }

    /// What the programs that made the elements say, as a person reads it.
    var hintLines: [String] { hints.map { "Hint of the program that made it: \($0)" } }

    static let otherChainsKey = "other_chains"

    /// The elements with which chains end that could be taken in place of this one.
    var otherChainsJSON: JSONValue { .array(otherChains.map { .string($0.id.description) }) }
}
