import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages

/// `gb packages at`.
struct PackagesAt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "at", abstract: "Show which packages were installed at some time.",
        discussion: """
            What is installed now, without what the log says of the time since. Where the log begins later, or there is no \
            database, the answer is incomplete; standard error says so, and why.

            Examples:
              gb packages at 2026-11-21
              gb packages at 2026-11-21T14:00 openssl 'dev-lang/python:3.*'
              gb packages at 2d --json
              gb packages at 2d --from-storage

            Exit code 0: good; 1: the log may not be read; 4: log or database is damaged; 64: wrong usage; 66: nothing that \
            a pattern matches was installed then, no package manager.
            """)

    @OptionGroup var options: PackageOptions
    @OptionGroup var format: PackageFormatOptions
    @Argument(
        help: ArgumentHelp(
            "When: 2026-11-21 (its end), 2026-11-21T14:00, now, yesterday, an age like 2d.", valueName: "TIME"))
    var time: String
    @Argument(help: ArgumentHelp("Only these packages.", valueName: "PATTERN")) var patterns: [String] = []

    func run() async throws {
        let moment = try PackageArguments.time(time)
        let patterns = try PackageArguments.patterns(patterns)
        let questions = try options.questions()
        let answer = try await questions.packages(at: moment, patterns)
        var printer = PackagePrinter(format, names: InstalledPackage.columns, titles: InstalledPackage.titles)
        for package in answer.packages { printer.add(package.row) }
        printer.end()
        PackagePrinter.notes(answer.notes)
        try answer.checkPatterns()
    }
}
