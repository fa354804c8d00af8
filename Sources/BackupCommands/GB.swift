package import ArgumentParser

/// The command line of the toolkit.
package struct GB: AsyncParsableCommand {
    /// Name and version, as elements' `Origin` and `gb --version` say it.
    package static let version = "0.1.0"
    static let software = "guerillabackup \(version)"

    package static let configuration = CommandConfiguration(
        commandName: "gb",
        abstract: "Policy-driven backups under the control of the machine that owns the data.",
        discussion: """
            Exit codes: 0 good, 1 failed, 2 policy violation found, 3 partly done, 4 damaged or untrusted data, \
            64 usage, 66 no such source or element, 75 temporarily not possible, 78 configuration, 128+N stopped \
            by signal N.
            """,
        version: version,
        subcommands: [
            GeneratorCommand.self, TransferCommand.self, StorageCommand.self, RestoreCommand.self, ConfigCommand.self,
            MachineCommand.self, PackagesCommand.self,
        ])

    package init() {}

    package func run() async throws { throw GroupHelp.shown(for: Self.self) }
}

/// A command that only leads to others. Alone it does nothing, and says so by its exit code: a script with an empty
/// variable must not take the help for success.
protocol CommandGroup: AsyncParsableCommand {}

extension CommandGroup {
    func run() async throws { throw GroupHelp.shown(for: Self.self) }
}

private enum GroupHelp {
    /// Prints the help of `command` where errors go, and returns the exit code for wrong usage.
    static func shown(for command: any ParsableCommand.Type) -> ExitCode {
        Output.error(GB.helpMessage(for: command))
        return ExitCode(ExitStatus.usage)
    }
}

struct GeneratorCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "generator", abstract: "Make backups: run the enabled units.",
        subcommands: [GeneratorOnce.self, GeneratorRun.self, GeneratorList.self, GeneratorStatus.self])
}

struct TransferCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Move elements between storages, by policy.",
        subcommands: [TransferServe.self, TransferPull.self, TransferPush.self, TransferStatus.self])
}

struct StorageCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "storage", abstract: "Look at what is stored, and check it.",
        subcommands: [StorageList.self, StorageShow.self, StorageVerify.self])
}

struct RestoreCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring data back.",
        subcommands: [
            RestoreList.self, RestorePlanCommand.self, RestoreExtract.self, RestoreCat.self, RestoreVerify.self,
        ])
}

struct ConfigCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and show the configuration.",
        subcommands: [ConfigCheck.self, ConfigShow.self])
}

struct MachineCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "The identity of this machine.",
        subcommands: [MachineRegister.self, MachineShow.self])
}

struct PackagesCommand: CommandGroup {
    static let configuration = CommandConfiguration(
        commandName: "packages", abstract: "Which packages this machine has, and how it came to have them.",
        subcommands: [
            PackagesLog.self, PackagesAt.self, PackagesDiff.self, PackagesWhich.self, PackagesSnapshot.self,
        ])
}
