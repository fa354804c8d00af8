import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages

/// `gb packages log`.
struct PackagesLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Show what was installed and removed, oldest first.",
        discussion: """
            Columns: when it was done, what happened, how long it took, whether the log shows its end, package and version. \
            An upgrade is the removal of the old version and the installation of the new one.

            Patterns: openssl, dev-libs/openssl, 'dev-libs/openssl-3.1*', 'openssl=3.0*', libssl3:amd64, gcc:12.

            Examples:
              gb packages log --since 2d
              gb packages log openssl --event install
              gb packages log --manager portage --log emerge.log.1.gz --log emerge.log
              gb packages log --from-storage --since 2d

            Exit code 0: good; 1: the log may not be read; 4: a part of the log is damaged; 64: wrong usage; 66: a pattern \
            matches nothing, no package manager or log.
            """)

    @OptionGroup var options: PackageOptions
    @OptionGroup var format: PackageFormatOptions
    @Option(
        help: ArgumentHelp(
            "The first moment: 2026-11-21 (its beginning), 2026-11-21T14:00, an age like 2d.", valueName: "TIME"))
    var since: String?
    @Option(help: ArgumentHelp("The last moment: 2026-11-21 (its end), yesterday.", valueName: "TIME"))
    var until: String?
    @Option(
        name: .customLong("event"),
        help: ArgumentHelp(
            """
            Only these: install, uninstall, purge, install_failed, uninstall_failed, sync, sync_failed, run. Can be given \
            several times. Default: all.
            """,
            valueName: "EVENT"))
    var events: [String] = []
    @Argument(help: ArgumentHelp("Only these packages.", valueName: "PATTERN")) var patterns: [String] = []

    func run() async throws {
        var filter = PackageFilter()
        filter.patterns = try PackageArguments.patterns(patterns)
        filter.from = try since.map { text throws(BackupError) in try PackageArguments.beginning(text) }
        filter.to = try until.map { text throws(BackupError) in try PackageArguments.time(text) }
        if let from = filter.from, let to = filter.to, to < from { throw BackupError.emptyRange(from, to) }
        filter.events = try PackageArguments.events(events)
        let questions = try options.questions()
        let (isJSON, isCSV) = (format.json.isOn, format.isCSV)
        if isCSV { Output.standard.csv(PackageRecord.columns) }
        let notes = try await questions.changes(filter) { record in
            if isJSON {
                Output.standard.line(record.canonicalText)
            } else if isCSV {
                Output.standard.csv(record.csvValues)
            } else {
                Output.standard.line(record.shownLine)
            }
        }
        PackagePrinter.notes(notes)
    }
}
