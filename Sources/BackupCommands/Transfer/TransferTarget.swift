import ArgumentParser
import BackupConfig
import BackupModel

/// For commands that connect.
struct ProtocolOption: ParsableArguments {
    @Option(
        name: .customLong("protocol"),
        help: ArgumentHelp(
            "The newest version of the protocol to speak: 1, as the Python toolkit does, or 2.", valueName: "VERSION"))
    var version = 2

    func validate() throws {
        guard (1...2).contains(version) else { throw ValidationError("--protocol is 1 or 2") }
    }
}

/// Whom `pull` and `push` talk to: a configured agent, or a way to somebody who is not configured.
struct TransferTarget: ParsableArguments {
    @Argument(help: ArgumentHelp("A peer of the configuration.", valueName: "AGENT"))
    var agent: String?
    @Option(help: ArgumentHelp("Connect to this UNIX socket.", valueName: "PATH"))
    var socket: String?
    @Option(
        help: ArgumentHelp(
            "Run this command; its standard input and output are the connection. Words are parted at blanks; quotes keep blanks.",
            valueName: "COMMAND"))
    var command: String?
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "How to call the agent at the other end of --socket or --command, in journal and status.", valueName: "NAME"
        ))
    var name = "peer"

    /// Those of the three that were given.
    var count: Int { [agent, socket, command].count { $0 != nil } }

    /// How to connect, if not to a configured agent.
    func connection() throws(BackupError) -> PeerConnectionSetting? {
        if let socket { return .socket(try Self.absolute(socket)) }
        if let command { return .command(try ShellWords.split(command)) }
        return nil
    }

    static func absolute(_ path: String) throws(BackupError) -> String {
        guard !path.hasPrefix("/") else { return path }
        return CurrentDirectory.path + "/" + path
    }
}
