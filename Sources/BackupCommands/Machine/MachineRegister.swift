import ArgumentParser
import BackupEngine
import BackupModel

/// `gb machine register`.
struct MachineRegister: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Give this machine an identity, a random UUID, and print it.",
        discussion: """
            Elements made from now on carry it, and so do the records of its packages. It is kept in the state directory. \
            Exit code 1 when the machine has one already: with another one, nobody can tell that its older backups are its \
            own. A clone of a machine needs its own: --replace.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var json: JSONOption
    @Flag(help: "Replace the identity that this machine has.") var replace = false

    func run() async throws {
        let id = try MachineRegistration(try common.installation()).register(replace: replace)
        MachineShow.print(id, json: json.isOn)
    }
}
