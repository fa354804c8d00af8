import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages

/// `gb packages diff`.
struct PackagesDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what is different between two times.",
        discussion: """
            What came, what went and what has another version, from the first time to the second. What was installed and \
            removed again in between is not seen: `gb packages log` has it.

            Examples:
              gb packages diff 2026-11-01 now
              gb packages diff 2026-11-21T14:00 2026-11-21T15:00 --csv
              gb packages diff 30d now --from-storage

            Exit code 0: good, also when nothing is different; 1: the log may not be read; 4: log or database is damaged; \
            64: wrong usage; 66: no package manager.
            """)

    @OptionGroup var options: PackageOptions
    @OptionGroup var format: PackageFormatOptions
    @Argument(help: ArgumentHelp("The one time, as for `gb packages at`.", valueName: "TIME")) var first: String
    @Argument(help: ArgumentHelp("The other time.", valueName: "TIME")) var second: String

    func run() async throws {
        let moments = [try PackageArguments.time(first), try PackageArguments.time(second)]
        let questions = try options.questions()
        let answer = try await questions.states(at: moments)
        var printer = PackagePrinter(format, names: PackageDifference.columns, titles: PackageDifference.titles)
        for difference in answer.states[1].differences(since: answer.states[0]) {
            printer.add(difference.row(machine: questions.machine))
        }
        printer.end()
        PackagePrinter.notes(answer.notes)
    }
}
