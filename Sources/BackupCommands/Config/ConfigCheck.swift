import ArgumentParser
import BackupEngine
import BackupModel

/// `gb config check`.
struct ConfigCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration, every enabled unit, key, directory and program.",
        discussion: "Exit code 0: backups can run (warnings do not count); 78: something must be mended first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption

    func run() async throws {
        var check = ConfigurationCheck(try common.installation())
        await check.look()
        let findings = check.run()
        for finding in findings {
            if json.isOn {
                Output.standard.json([
                    "grade": .string(finding.grade.rawValue), "subject": .string(finding.subject),
                    "message": .string(finding.message),
                ])
            } else {
                let word =
                    switch finding.grade {
                    case .good: "good"
                    case .warning: "WARNING"
                    case .error: "ERROR"
                    }
                Output.standard.line("\(word): \(finding.subject): \(finding.message)")
            }
        }
        if findings.contains(where: { $0.grade == .error }) { throw ExitCode(ExitStatus.configuration) }
    }
}
