import ArgumentParser
import BackupEngine
import BackupModel

/// `gb machine show`.
struct MachineShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the identity of this machine.",
        discussion: "Exit code 66 when none was registered.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption

    func run() async throws {
        guard let id = try MachineRegistration(try common.installation()).current() else {
            throw BackupError.machineUnregistered()
        }
        Self.print(id, json: json.isOn)
    }

    static func print(_ id: MachineID, json: Bool) {
        guard json else { return Output.standard.line(id.description) }
        Output.standard.json(["machine": .string(id.description)])
    }
}
