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
                    name, of: (["gb"] + names).joined(separator: " "), nearest: nearest(to: name, of: all), all: all)
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

    /// The name that a slip of the fingers turns into `word`; `nil` when none is near.
    static func nearest(to word: String, of names: [String]) -> String? {
        let distances = names.map { (name: $0, distance: distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }), best.distance <= max(1, word.utf8.count / 2)
        else { return nil }
        return best.name
    }

    /// How many letters must be put in, left out, replaced or swapped with the next.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var current = [i + 1]
            for j in right.indices {
                var least = min(last[j + 1] + 1, current[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    least = min(least, before[j - 1] + 1)
                }
                current.append(least)
            }
            (before, last) = (last, current)
        }
        return last[right.count]
    }
}
