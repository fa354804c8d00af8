package import BackupModel

/// Reads `apk.log`: for each run of apk a heading with its arguments and the time in UTC, then what it printed.
package struct ApkLogParser: PackageLogParser {
    static let manager = "apk"
    /// Bytes of arguments that a record of a run keeps.
    static let maximumDetail = 4096

    let machine: String
    let root: String
    private var clock: LocalClock

    /// The run that the lines belong to; `nil` before the first heading.
    private var run: Run?
    /// The step that was announced last. It is done when the next one is announced, or the run sums up.
    private var step: Step?

    private struct Run: Sendable {
        var time: Int64
        /// Whether it only shows what it would do.
        var isSimulation: Bool
    }

    private struct Step: Sendable {
        var name: String
        var repository: String?
        /// `nil` for an installation.
        var old: String?
        /// `nil` for a removal.
        var new: String?
        var position: LogPosition
        /// Whether an error was printed after it.
        var hasFailed = false
    }

    init(_ context: LogContext) {
        machine = context.machine
        root = context.root
        clock = LocalClock(nil)
    }

    package mutating func take(_ line: LogLine, _ findings: inout LogFindings) {
        guard let text = ByteText(line.bytes) else { return }
        if let heading = text.after("Running `") {
            guard beginRun(heading, line, &findings) else { return findings.rejected.add(line) }
            return
        }
        // Before the first heading nobody knows what a line belongs to.
        guard let run else { return findings.rejected.add(line) }
        if text.hasPrefix("OK: ") || text.firstIndex(of: " error; ") != nil || text.firstIndex(of: " errors; ") != nil {
            end(.complete, &findings)
        } else if text.hasPrefix("ERROR: ") {
            step?.hasFailed = true
        } else if text.hasPrefix("("), let next = Self.step(text, line) {
            end(.complete, &findings)
            step = run.isSimulation ? nil : next
        }
        // All else is what scripts and downloads print.
    }

    // MARK: - Runs

    private mutating func beginRun(
        _ heading: ByteText, _ line: LogLine, _ findings: inout LogFindings
    ) -> Bool {
        guard let quote = heading.lastIndex(of: UInt8(ascii: "`")), let time = heading.from(quote).after("` at "),
            time.count == LocalClock.width, let seconds = clock.seconds(time)
        else { return false }
        // The one before was cut off.
        end(.unfinished, &findings)
        let arguments = heading.slice(0, min(quote, Self.maximumDetail)).string
        let isSimulation = arguments.split(separator: " ").contains { argument in
            argument == "--simulate" || (argument.hasPrefix("-") && !argument.hasPrefix("--") && argument.contains("s"))
        }
        run = Run(time: seconds, isSimulation: isSimulation)
        var record = record(.run, seconds, line.logPosition)
        record.finished = nil
        record.detail = arguments
        findings.records.append(record)
        return true
    }

    /// Reads `(1/3) Installing NAME (VERSION)` and the like.
    private static func step(_ text: ByteText, _ line: LogLine) -> Step? {
        guard let close = text.firstIndex(of: UInt8(ascii: ")")), close < 24,
            text.slice(1, close).allSatisfy({ PortageAtom.isDigit($0) || $0 == 0x2f || $0 == 0x20 }),
            text.from(close + 1).hasPrefix(" ")
        else { return nil }
        let rest = text.from(close + 2)
        guard let blank = rest.firstIndex(of: UInt8(ascii: " ")), let inner = rest.from(blank + 1).before(suffix: ")"),
            let open = inner.firstIndex(of: " ("), open > 0
        else { return nil }
        let verb = rest.slice(0, blank)
        let versions = inner.from(open + 2)
        guard !versions.isEmpty, versions.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }), versions.count <= 512, open <= 256
        else { return nil }
        var old: String?
        var new: String?
        if verb.equals("Installing") {
            new = versions.string
        } else if verb.equals("Purging") {
            old = versions.string
        } else if verb.equals("Reinstalling") {
            (old, new) = (versions.string, versions.string)
        } else if verb.equals("Upgrading") || verb.equals("Downgrading") || verb.equals("Replacing") {
            if let arrow = versions.firstIndex(of: " -> ") {
                (old, new) = (versions.slice(0, arrow).string, versions.from(arrow + 4).string)
            } else {
                (old, new) = (versions.string, versions.string)
            }
        } else {
            return nil
        }
        // `NAME@TAG` comes from a repository that only such packages are taken from.
        let full = inner.slice(0, open)
        guard full.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        let at = full.firstIndex(of: UInt8(ascii: "@")) ?? open
        return Step(
            name: full.slice(0, at).string, repository: at < open ? full.from(at + 1).string : nil, old: old, new: new,
            position: line.logPosition)
    }

    /// Records the step that was announced last.
    private mutating func end(_ completeness: Completeness, _ findings: inout LogFindings) {
        guard let step, let run else { return }
        self.step = nil
        findings.records.append(contentsOf: records(step, run, step.hasFailed ? .unfinished : completeness))
    }

    private func records(_ step: Step, _ run: Run, _ completeness: Completeness) -> [PackageRecord] {
        var records: [PackageRecord] = []
        if let old = step.old {
            var record = record(.uninstall, run.time, step.position)
            record.name = step.name
            record.version = old
            record.otherVersion = step.new
            record.cause = step.new == nil ? .manual : .replaced
            record.completeness = completeness
            records.append(record)
        }
        if let new = step.new {
            var record = record(.install, run.time, step.position)
            record.name = step.name
            record.version = new
            record.otherVersion = step.old
            record.repository = step.repository
            record.installType = .binary
            record.completeness = completeness
            records.append(record)
        }
        return records
    }

    private func record(_ event: PackageEvent, _ seconds: Int64, _ position: LogPosition) -> PackageRecord {
        var record = PackageRecord(machine: machine, manager: Self.manager, root: root, event: event)
        // The log has one time for a whole run.
        record.started = Timestamp(seconds)
        record.finished = Timestamp(seconds)
        record.recorded = LocalClock.text(seconds)
        record.zoneOffset = 0
        record.position = position
        return record
    }

    package var pending: [PackageRecord] {
        guard let step, let run else { return [] }
        return records(step, run, .unfinished)
    }

    // MARK: - State

    package var state: JSONObject {
        var object: JSONObject = [:]
        if let run {
            object["Run"] = .object(["Time": .integer(run.time), "Simulation": .bool(run.isSimulation)])
        }
        if let step {
            object["Step"] = .object(
                JSONObject([
                    "Name": .string(step.name), "Repository": .optional(step.repository), "Old": .optional(step.old),
                    "New": .optional(step.new), "Position": step.position.json, "Failed": .bool(step.hasFailed),
                ]).withoutEmptyMembers)
        }
        return object
    }

    /// Goes on with a state that ``state`` gave.
    ///
    /// - Throws: `damaged` when a member is missing or has another type.
    init(_ context: LogContext, state: JSONObject) throws(BackupError) {
        self.init(context)
        let fields = StateFields(state, manager: Self.manager)
        run = try fields.object("Run").map { item throws(BackupError) in
            Run(
                time: try item.required("Time", try item.integer("Time")),
                isSimulation: try item.flag("Simulation"))
        }
        step = try fields.object("Step").map { item throws(BackupError) in
            Step(
                name: try item.required("Name", try item.text("Name")), repository: try item.text("Repository"),
                old: try item.text("Old"), new: try item.text("New"), position: try item.position("Position"),
                hasFailed: try item.flag("Failed"))
        }
    }
}
