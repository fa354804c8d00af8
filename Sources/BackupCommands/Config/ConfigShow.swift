import ArgumentParser
import BackupConfig
import BackupEngine
import BackupModel

/// `gb config show`.
struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the settings in force, as configuration.")

    @OptionGroup var common: CommonOptions
    @Option(help: ArgumentHelp("The settings of this unit; default: the main configuration.", valueName: "NAME"))
    var unit: String?
    @Flag(help: "Say of each value which file and line set it.") var explain = false

    func run() async throws {
        let installation = try common.installation()
        for warning in installation.configuration.warnings { Output.warning(warning) }
        var text = try installation.configuration.show(unit: unit, explain: explain)
        while text.hasSuffix("\n") { text.removeLast() }
        Output.standard.line(text)
    }
}
