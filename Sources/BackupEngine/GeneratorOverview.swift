import BackupConfig
package import BackupModel
import BackupSystem
package import BackupUnits

/// What a generator would do next and did last, without being one: for `gb generator list` and `status`.
package struct GeneratorOverview: Sendable {
    /// One source.
    package struct Source: Sendable {
        package let next: ScheduledRun
        /// Its last stored element, as the journal's last megabyte tells; `nil` if that says nothing.
        package var lastStored: Event?
        /// Its last failure, if that came after the last element.
        package var lastFailure: Event?
    }

    /// A source of which nothing can be run now.
    package struct Waiting: Sendable {
        package let source: WaitingSource
        /// As in ``Source``.
        package var lastStored: Event?
        package var lastFailure: Event?
    }

    /// An event of the journal.
    package struct Event: Sendable {
        package let time: String
        package let type: String
        /// The element, or the error.
        package let text: String
        /// Bytes that were stored.
        package let size: Int64?
    }

    /// The process number of the generator that works with the state directory now; empty for one that does not tell.
    package let runningProcess: String?
    package let sources: [Source]
    /// Sources of which nothing can be run now.
    package let waiting: [Waiting]
    /// What is worth knowing about what the units have found.
    package let notices: [String]
    package let errors: [BackupError]

    /// Asks the units that must ask others first.
    ///
    /// - Throws: what reading the journal meets.
    package static func asking(_ installation: Installation) async throws(BackupError) -> GeneratorOverview {
        let found = installation.units(tarVersion: nil)
        await Generator.look(found.units, now: installation.clock.now())
        return try GeneratorOverview(installation, found)
    }

    /// - Throws: what reading the journal meets.
    package init(_ installation: Installation) throws(BackupError) {
        try self.init(installation, installation.units(tarVersion: nil))
    }

    private init(
        _ installation: Installation, _ found: (units: [any BackupUnit], errors: [BackupError])
    ) throws(BackupError) {
        let now = installation.clock.now()
        let (units, unitErrors) = found
        var errors = unitErrors
        var runs: [ScheduledRun] = []
        var owners = SourceOwners(installation)
        var waiting: [WaitingSource] = []
        var notices: [String] = []
        for unit in units {
            do throws(BackupError) {
                var outlook = try unit.outlook(now: now)
                owners.settle(&outlook, of: unit)
                runs += outlook.runs
                waiting += outlook.waiting
                notices += outlook.notices
                errors += outlook.problems.map { .unitPartlyUnusable(unit.name, $0) }
            } catch {
                errors.append(.unitUnusable(unit.name, error))
            }
        }
        let stateDirectory = installation.main.general.stateDirectory
        let state: Directory?
        do throws(BackupError) { state = try Directory(path: stateDirectory) } catch {
            // Before the first run there is none.
            if error.code != .notFound { throw error }
            state = nil
        }
        var stored: [String: Event] = [:]
        var failed: [String: Event] = [:]
        if let state {
            for line in try Journal.recent(stateDirectory: stateDirectory) {
                Self.read(line, &stored, &failed)
            }
            let isHeld = try FileLock.isHeld(Generator.lockName, in: state)
            let note = try state.readFileIfPresent(Generator.lockName, limit: 4096) ?? []
            runningProcess = isHeld ? String(decoding: note.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) : nil
        } else {
            runningProcess = nil
        }
        sources = runs.sorted { ($0.due, $0.source) < ($1.due, $1.source) }.map { run in
            Source(
                next: run, lastStored: stored[run.source.description], lastFailure: failed[run.source.description])
        }
        self.waiting = waiting.sorted { ($0.next, $0.source) < ($1.next, $1.source) }.map { source in
            Waiting(
                source: source, lastStored: stored[source.source.description],
                lastFailure: failed[source.source.description])
        }
        self.notices = notices
        self.errors = errors
    }

    private static func read(_ line: JSONObject, _ stored: inout [String: Event], _ failed: inout [String: Event]) {
        guard let source = line["source"]?.stringValue, let time = line["time"]?.stringValue,
            let type = line["type"]?.stringValue
        else { return }
        switch line["event"]?.stringValue {
        case JournalEvent.Kind.elementStored.rawValue:
            stored[source] = Event(
                time: time, type: type, text: line["element"]?.stringValue ?? "",
                size: line["bytes_out"]?.integerValue)
            failed[source] = nil
        case JournalEvent.Kind.runFailed.rawValue:
            failed[source] = Event(time: time, type: type, text: line["error"]?.stringValue ?? "", size: nil)
        default: break
        }
    }
}
