import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages

/// `gb packages which`.
struct PackagesWhich: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "which", abstract: "Show when a package was installed in which version.",
        discussion: """
            One row for each time that it was there in one version. A build of the same version does not end it; REBUILDS \
            counts them.

            Examples:
              gb packages which openssl
              gb packages which 'dev-libs/*' --csv
              gb packages which openssl --from-storage

            Exit code 0: good; 1: the log may not be read; 4: log or database is damaged; 64: wrong usage; 66: the pattern \
            matches nothing, no package manager.
            """)

    @OptionGroup var options: PackageOptions
    @OptionGroup var format: PackageFormatOptions
    @Argument(help: ArgumentHelp("The packages.", valueName: "PATTERN")) var pattern: String

    func run() async throws {
        let pattern = try PackagePattern(pattern)
        let questions = try options.questions()
        let answer = try await questions.versions(pattern)
        var printer = PackagePrinter(
            format, names: VersionInterval.columns, titles: VersionInterval.titles, rightAligned: [4])
        for interval in answer.intervals {
            printer.add(interval.row(machine: questions.machine, begin: answer.begin))
        }
        printer.end()
        PackagePrinter.notes(answer.notes)
    }
}
