import ArgumentParser
import BackupEngine
import BackupModel
import BackupPackages
import BackupPipeline
import BackupRestore
import BackupSystem

/// Where the commands about packages look.
struct PackageOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions

    @Option(
        help: ArgumentHelp(
            "The root directory of the system whose packages they are. Default: /.", valueName: "DIR"))
    var root: String?

    @Option(
        help: ArgumentHelp(
            "The package manager: portage, dpkg, pacman or apk. Default: the one whose database is there.",
            valueName: "NAME"))
    var manager: String?

    @Option(
        name: .customLong("log"),
        help: ArgumentHelp(
            """
            A part of the log, plain or compressed (.gz, .bz2, .xz, .zst). Several are given oldest first. Default: the \
            manager's own log and its rotated parts.
            """,
            valueName: "FILE"))
    var logs: [String] = []

    @Flag(help: "Answer from the log alone, for one that comes from another machine.") var logOnly = false

    @Flag(help: "Answer from the package state in the storage of the configuration, also for another machine.")
    var fromStorage = false

    @Option(
        help: ArgumentHelp(
            "With --from-storage: the source that holds the package state. Default: the only one.", valueName: "URL"))
    var source: String?

    @Option(
        help: ArgumentHelp(
            "With --from-storage: the UUID of the machine, as `gb machine show` prints it there.", valueName: "UUID"))
    var machine: String?

    @Flag(help: "With --from-storage: pass over elements that are damaged, as if they were not there.")
    var skipDamaged = false

    func validate() throws {
        if root?.isEmpty == true { throw ValidationError("--root is empty: give a directory, / for this system") }
        if logs.contains("") { throw ValidationError("--log is empty: give a file") }
        if fromStorage {
            if root != nil || manager != nil || !logs.isEmpty || logOnly {
                throw ValidationError("--from-storage excludes --root, --manager, --log and --log-only")
            }
            if source != nil, machine != nil { throw ValidationError("--source and --machine exclude each other") }
        } else if source != nil || machine != nil || skipDamaged {
            throw ValidationError("--source, --machine and --skip-damaged are of use only with --from-storage")
        }
    }

    /// - Parameter readsLog: `false` where only the database will be asked.
    func questions(readsLog: Bool = true) throws(BackupError) -> PackageQuestions {
        if fromStorage { return PackageQuestions(try stored()) }
        if let manager, !PackageManagers.names.contains(manager) {
            throw .unknownWord("package manager", manager, known: PackageManagers.names)
        }
        var place = LocalPackages.Place()
        place.root = root ?? "/"
        place.manager = manager
        place.logs = logs
        place.isLogOnly = logOnly
        return PackageQuestions(
            try LocalPackages(place, configurationPath: common.configDirectory, readsLog: readsLog))
    }

    private func stored() throws(BackupError) -> StoredPackages {
        let source = try source.map { text throws(BackupError) in try SourceURL(text) }
        let machine = try machine.map { text throws(BackupError) in try MachineID(text) }
        let session = try common.installation().restoreSession(
            mayAsk: Output.inputIsTerminal, progress: PipelineProgress())
        let state = try PackageStateSource.choose(in: session.storage, source: source, machine: machine)
        return StoredPackages(state, session, passesDamaged: skipDamaged)
    }
}

/// How the answers are printed.
struct PackageFormatOptions: ParsableArguments {
    @OptionGroup var json: JSONOption
    @Flag(
        name: .customLong("csv"), help: "Print comma-separated values (RFC 4180), with the names of the columns first.")
    var isCSV = false

    func validate() throws {
        if json.isOn, isCSV { throw ValidationError("--json and --csv exclude each other") }
    }
}

/// Arguments of several of the commands.
enum PackageArguments {
    static func patterns(_ texts: [String]) throws(BackupError) -> [PackagePattern] {
        var patterns: [PackagePattern] = []
        for text in texts { patterns.append(try PackagePattern(text)) }
        return patterns
    }

    static func time(_ text: String) throws(BackupError) -> Timestamp {
        try TimeExpression.resolve(text, now: SystemClock().now(), utcOffset: SystemClock.localOffset)
    }

    /// The first moment that `text` means: of a day its first second, where it stands for the last one elsewhere.
    static func beginning(_ text: String) throws(BackupError) -> Timestamp {
        let end = try time(text)
        switch text {
        case "today", "yesterday":
            let day = CivilTime(Timestamp(end.seconds + SystemClock.localOffset(at: end)))
            return try time("\(day.year.padded(4))-\(day.month.padded(2))-\(day.day.padded(2))T00:00")
        default:
            // A date, maybe with a zone.
            guard text.utf8.count >= 10, text.dropFirst(4).hasPrefix("-"), !text.dropFirst(10).hasPrefix("T"),
                !text.dropFirst(10).hasPrefix(" ")
            else { return end }
            return try time(text.prefix(10) + "T00:00" + text.dropFirst(10))
        }
    }

    static func events(_ words: [String]) throws(BackupError) -> Set<PackageEvent> {
        let known = PackageEvent.known.map(\.rawValue)
        for word in words where !known.contains(word) { throw .unknownWord("event", word, known: known) }
        return Set(words.map { PackageEvent(rawValue: $0) })
    }
}
