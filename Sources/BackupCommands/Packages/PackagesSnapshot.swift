import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages

/// `gb packages snapshot`.
struct PackagesSnapshot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Show what is installed now, from the database of the package manager.",
        discussion: """
            With --json: the line that is the head of a snapshot, then the packages.

            With --check: not the packages, but what the log says otherwise; with --json the records that bring what the \
            log says in line with the database.

            With --from-storage: what was installed when the newest element of the package state was made. With --check \
            as well: whether what each full tells is what the changes since the full before it lead to.

            Examples:
              gb packages snapshot
              gb packages snapshot --root /mnt/other --json
              gb packages snapshot --check
              gb packages snapshot --from-storage --machine 0b8be3a4-6f0e-4e3e-9d43-0d6c1c9f3a11

            Exit code 0: good; 1: something may not be read; 4: the database is damaged, or with --check: log and database \
            disagree; 64: wrong usage; 66: no package manager.
            """)

    @OptionGroup var options: PackageOptions
    @OptionGroup var format: PackageFormatOptions
    @Flag(name: .customLong("check"), help: "Compare with the log, and show what they disagree on.")
    var isCheck = false

    func validate() throws {
        if options.logOnly {
            throw ValidationError("--log-only leaves the database alone, and that is what is shown here")
        }
        if !isCheck, !options.logs.isEmpty { throw ValidationError("--log is of use only with --check") }
    }

    func run() async throws {
        let questions = try options.questions(readsLog: isCheck)
        if isCheck {
            if options.fromStorage { return try await checkStored(questions) }
            return try await check(questions)
        }
        let (snapshot, notes) = try await questions.present()
        var printer = PackagePrinter(format, names: InstalledPackage.columns, titles: InstalledPackage.titles)
        if format.json.isOn { Output.standard.line(snapshot.header.canonicalText) }
        for package in snapshot.packages { printer.add(package.row) }
        printer.end()
        PackagePrinter.notes(notes)
    }

    private func check(_ questions: PackageQuestions) async throws {
        let (comparison, notes) = try await questions.check()
        if format.json.isOn {
            for record in questions.corrections(comparison) { Output.standard.line(record.canonicalText) }
        } else {
            typealias Disagreement = PackageComparison.Disagreement
            var printer = PackagePrinter(format, names: Disagreement.columns, titles: Disagreement.titles)
            for found in comparison.disagreements {
                printer.add(PackagePrinter.Row(json: { "" }, values: { found.values }, cells: { found.cells }))
            }
            printer.end()
            if comparison.agrees {
                let older = comparison.olderThanLog.count
                printer.say(
                    "Log and database agree on \(counted(comparison.agreeing, "package")); the log does not speak of "
                        + "\(counted(older, "other")).")
            }
        }
        PackagePrinter.notes(notes)
        if !comparison.agrees { throw ExitCode(ExitStatus.damaged) }
    }

    private func checkStored(_ questions: PackageQuestions) async throws {
        let (answer, notes) = try await questions.contradictions()
        typealias Disagreement = PackageComparison.Disagreement
        var printer = PackagePrinter(
            format, names: ["element"] + Disagreement.columns, titles: ["ELEMENT"] + Disagreement.titles)
        for (element, comparison) in answer.found {
            let id = element.description
            if format.json.isOn {
                for record in questions.corrections(comparison) { Output.standard.line(record.canonicalText) }
                continue
            }
            for found in comparison.disagreements {
                printer.add(
                    PackagePrinter.Row(json: { "" }, values: { [id] + found.values }, cells: { [id] + found.cells }))
            }
        }
        printer.end()
        if answer.found.isEmpty {
            printer.say(
                answer.checked == 0
                    ? "There are no two fulls in one chain to be compared."
                    : "What each full tells is what the changes before it lead to: "
                        + "\(counted(answer.checked, "full")) compared.")
        }
        PackagePrinter.notes(notes)
        if !answer.found.isEmpty { throw ExitCode(ExitStatus.damaged) }
    }
}
