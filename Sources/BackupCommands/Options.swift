import ArgumentParser
import BackupEngine
import BackupModel
import BackupRestore
import BackupSystem

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(name: .customLong("config-dir"), help: ArgumentHelp("The configuration directory.", valueName: "DIR"))
    var configDirectory = "/etc/guerillabackup"

    func installation() throws(BackupError) -> Installation { try Installation(configurationPath: configDirectory) }
}

/// For commands whose results programs read.
struct JSONOption: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON objects, one a line.")
    var isOn = false
}

/// For commands that go back in time.
struct TimeOption: ParsableArguments {
    @Option(
        name: .customLong("at"),
        help: ArgumentHelp(
            """
            The state at this time: 2026-11-21, 2026-11-21T14:00, yesterday, an age like 2d; or the state of this very \
            element, by its element ID as `gb restore list SOURCE` prints it. Default: the newest.
            """,
            valueName: "TIME|ELEMENT"))
    var text: String?

    /// The point in time, or the very element.
    func resolve() throws(BackupError) -> RestorePoint {
        guard let text else { return .newest }
        // No time begins like that.
        if text.hasPrefix("/") { return .element(try ElementID(text)) }
        do throws(BackupError) {
            return .time(
                try TimeExpression.resolve(text, now: SystemClock().now(), utcOffset: SystemClock.localOffset))
        } catch {
            throw .noRestorePoint(error)
        }
    }
}

/// For commands that choose sources.
struct PatternOption: ParsableArguments {
    @Option(
        name: .customLong("source"),
        help: ArgumentHelp(
            "Only these sources: a source URL and all below it, or a pattern with * ? and **.", valueName: "PATTERN"))
    var text: String?

    func resolve() throws(BackupError) -> SourcePattern? {
        guard let text else { return nil }
        return try SourcePattern(text)
    }

    /// - Throws: `notFound` when a pattern was given and no source matches it: a slip of the fingers must not look like
    ///   a storage in which all is well.
    func check(found count: Int) throws(BackupError) {
        if let text, count == 0 { throw .noMatch(text) }
    }
}
