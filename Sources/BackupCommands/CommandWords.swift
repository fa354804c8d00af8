import ArgumentParser
import BackupModel

/// Looks at the words of a command line before they are parsed: ArgumentParser blames the first option for a subcommand
/// that it does not know, and takes options only behind the last subcommand.
enum CommandWords {
    /// The command line with the options that stand before or between subcommands moved behind them.
    ///
    /// - Parameter words: without the name of the program.
    /// - Throws: `usage` for a subcommand that does not exist.
    static func arranged(_ words: [String]) throws(BackupError) -> [String] {
        var rest = words[...]
        var names: [String] = []
        var options: [String] = []
        var group: any ParsableCommand.Type = GB.self
        while !group.configuration.subcommands.isEmpty {
            while let option = takeOption(&rest) { options += option }
            // Help, options that are not known here, nothing: ArgumentParser knows what to say.
            guard let name = rest.first, !name.hasPrefix("-"), name != "help" else { return names + rest + options }
            let known = group.configuration.subcommands
            let all = known.map { $0.configuration.commandName ?? "" }
            guard let position = all.firstIndex(of: name) else {
                throw .unknownSubcommand(
                    name, of: (["gb"] + names).joined(separator: " "), nearest: Spelling.nearest(to: name, of: all),
                    all: all)
            }
            rest = rest.dropFirst()
            names.append(name)
            group = known[position]
        }
        return names + options + rest
    }

    /// Takes one of the options that every command has, with its value, from the beginning.
    private static func takeOption(_ words: inout ArraySlice<String>) -> [String]? {
        guard let word = words.first else { return nil }
        let count = word == "--config-dir" ? 2 : 1
        guard word == "--config-dir" || word.hasPrefix("--config-dir=") || word == "--json", words.count >= count
        else { return nil }
        defer { words = words.dropFirst(count) }
        return Array(words.prefix(count))
    }
}
