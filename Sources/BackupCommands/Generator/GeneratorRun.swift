import ArgumentParser
import BackupEngine
import BackupModel
import Logging

/// `gb generator run`.
struct GeneratorRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Stay and run what is due, as a service.",
        discussion: """
            SIGTERM: finish what is being backed up (up to \(GeneratorService.shutdownGrace) s, then drop it) and end. \
            SIGINT: drop it and end. SIGHUP: read the configuration again. Log lines go to standard error; systemd \
            is told when the service is ready.
            """)

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let logger = Logger(label: "gb.generator") { StreamLogHandler.standardError(label: $0) }
        try await GeneratorService.runAsProcess(
            configurationPath: common.configDirectory, softwareVersion: GB.software, logger: logger)
    }
}
