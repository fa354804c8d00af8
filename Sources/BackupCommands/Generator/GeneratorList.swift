import ArgumentParser
import BackupConfig
import BackupEngine
import BackupModel
import BackupSystem
import BackupUnits

/// `gb generator list`.
struct GeneratorList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show units, sources, and what runs next and why.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption

    func run() async throws {
        let installation = try common.installation()
        for warning in installation.configuration.warnings { Output.warning(warning) }
        let overview = try await GeneratorOverview.asking(installation)
        let now = installation.clock.now()
        var table = Table(["UNIT", "SOURCE", "NEXT", "WHEN", "WHY"])
        for source in overview.sources {
            let run = source.next
            if json.isOn {
                Output.standard.json([
                    "unit": .string(run.unit), "source": .string(run.source.description),
                    "type": .string(run.type.rawValue), "due": .string(run.due.description),
                    "reason": .string(run.reason), "is_due": .bool(run.due <= now),
                ])
            } else {
                table.add([
                    run.unit, run.source.description, run.type.rawValue,
                    run.due <= now ? "now" : run.due.description, run.reason,
                ])
            }
        }
        for waiting in overview.waiting.map(\.source) {
            if json.isOn {
                Output.standard.json([
                    "unit": .string(waiting.unit), "source": .string(waiting.source.description), "type": .null,
                    "due": .string(waiting.next.description), "reason": .string(waiting.reason), "is_due": .bool(false),
                ])
            } else {
                table.add([
                    waiting.unit, waiting.source.description, "-", waiting.next.description, waiting.reason,
                ])
            }
        }
        table.print()
        for notice in overview.notices { Output.warning(notice) }
        if overview.sources.isEmpty, overview.waiting.isEmpty, overview.errors.isEmpty, !json.isOn {
            Output.standard.line(
                installation.configuration.units.isEmpty
                    ? "No unit is enabled: link a unit definition into \(common.configDirectory)/units."
                    : "The units that are enabled have found no source.")
        }
        try Report.errors(overview.errors, json: json.isOn)
    }
}
