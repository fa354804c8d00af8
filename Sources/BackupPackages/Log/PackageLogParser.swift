package import BackupModel

/// What a parser must know that no log says.
package struct LogContext: Sendable {
    /// The UUID of the machine.
    package var machine: String
    /// The root directory as the manager names it, for logs that do not say it.
    package var root: String
    /// Directories of repositories and their names, for managers whose log has paths.
    package var repositories: [String: String]
    /// Local time minus UTC in seconds at a moment, for logs with local times; `nil` when nobody knows the zone.
    package var zoneOffset: (@Sendable (Timestamp) -> Int64)?

    package init(
        machine: String, root: String = "/", repositories: [String: String] = [:],
        zoneOffset: (@Sendable (Timestamp) -> Int64)? = nil
    ) {
        self.machine = machine
        self.root = root
        self.repositories = repositories
        self.zoneOffset = zoneOffset
    }
}

/// Reads the lines of one log, in order. What it carries from line to line is bounded and can be written down, so that the next
/// run goes on in the middle of a change.
package protocol PackageLogParser: Sendable {
    /// Takes the next whole line, which is not empty and has at most ``LineSplitter/maximumLength`` bytes.
    mutating func take(_ line: LogLine, _ findings: inout LogFindings)

    /// What the log has begun and may still end, of which the file tree already shows something: as it would be recorded
    /// if no further line came. Whoever compares the log with the database must know of it.
    var pending: [PackageRecord] { get }

    /// What is carried to the next line.
    var state: JSONObject { get }
}

extension LogLine {
    /// Where the line stands, without recognising it.
    var position: LogPosition { LogPosition(offset: offset, length: Int(length), digest: nil) }

    /// The position for a record that this line proves.
    var logPosition: LogPosition {
        LogPosition(offset: offset, length: Int(length), digest: ByteText(bytes)?.digest)
    }
}
