package import BackupModel
package import BackupSystem
package import BackupTransfer
import Glibc
import Synchronization

/// What is remembered of each remote agent, in `<state>/agents/<agent>/state.json`: when it was seen last, and how its
/// last connection ended.
package final class AgentRecords: Sendable {
    package struct Record: Sendable, Hashable {
        package var lastSeen: Timestamp?
        /// When elements were last moved in either direction.
        package var lastTransfer: Timestamp?
        /// When a round that we began last went well.
        package var lastSuccess: Timestamp?
        /// Why the last connection ended badly; `nil` when it ended well.
        package var lastFailure: String?

        package init() {}

        init(_ object: JSONObject) {
            lastSeen = object["last_seen"]?.integerValue.map { Timestamp($0) }
            lastTransfer = object["last_transfer"]?.integerValue.map { Timestamp($0) }
            lastSuccess = object["last_success"]?.integerValue.map { Timestamp($0) }
            lastFailure = object["last_failure"]?.stringValue
        }

        package var json: JSONObject {
            var object = JSONObject()
            object["last_seen"] = lastSeen.map { .integer($0.seconds) }
            object["last_transfer"] = lastTransfer.map { .integer($0.seconds) }
            object["last_success"] = lastSuccess.map { .integer($0.seconds) }
            object["last_failure"] = lastFailure.map { .string($0) }
            return object
        }
    }

    private static let fileName = "state.json"
    private static let lockName = "state.lock"
    /// A change takes milliseconds: whoever holds the lock for so many seconds is stuck.
    private static let patience = 10.0

    private let directory: Directory
    private let records = Mutex<[AgentName: Record]>([:])

    /// - Parameter stateDirectory: `general.state_directory`; `agents` is made in it.
    package init(stateDirectory: Directory) throws(BackupError) {
        directory = try stateDirectory.directory("agents", create: true)
    }

    /// What is known of `agent`; an empty record where nothing is, or what is there cannot be read.
    package func record(of agent: AgentName) -> Record {
        if let known = records.withLock({ $0[agent] }) { return known }
        let record = read(agent)
        return records.withLock { records in
            records[agent] = records[agent] ?? record
            return records[agent] ?? record
        }
    }

    private func read(_ agent: AgentName) -> Record {
        guard let bytes = try? directory.readFileIfPresent(agent.description + "/" + Self.fileName, limit: 1 << 16),
            let object = try? JSONParser.parse(bytes).objectValue
        else { return Record() }
        return Record(object)
    }

    /// Changes what is remembered.
    ///
    /// - Parameter durable: write it down now; otherwise it is written with the next change that is.
    /// - Throws: `busy` when somebody else has been writing for ten seconds.
    package func update(
        _ agent: AgentName, durable: Bool = true, _ change: (inout Record) -> Void
    ) throws(BackupError) {
        var record = record(of: agent)
        guard durable else {
            change(&record)
            return records.withLock { $0[agent] = record }
        }
        let place = try directory.directory(agent.description, create: true)
        // Connections of this agent, here and in other processes, end at the same moment.
        let lock = try acquireLock(in: place)
        defer { lock.release() }
        // A round that was started by hand may have written since.
        let pending = record.lastTransfer
        record = read(agent)
        record.lastTransfer = [record.lastTransfer, pending].compactMap(\.self).max()
        change(&record)
        records.withLock { $0[agent] = record }
        try place.replaceFile(Self.fileName, with: Array(JSONValue.object(record.json).canonicalText.utf8))
    }

    private func acquireLock(in place: Directory) throws(BackupError) -> FileLock {
        let end = SystemClock.monotonic() + Self.patience
        while true {
            do throws(BackupError) { return try FileLock.acquire(Self.lockName, in: place) } catch {
                guard error.code == .busy, SystemClock.monotonic() < end else { throw error }
                usleep(2000)
            }
        }
    }

    /// Takes the lock under which elements are fetched from `agent`.
    ///
    /// - Throws: `busy` when somebody is fetching from it.
    package func claimReception(_ agent: AgentName) throws(BackupError) -> FileLock {
        let place = try directory.directory(agent.description, create: true)
        do throws(BackupError) {
            return try FileLock.acquire("receiving.lock", in: place, note: "\(ProcessIdentity.number)\n")
        } catch {
            throw error.code == .busy ? .receptionBusy(agent, error) : error
        }
    }

    /// The agents of which anything is remembered, sorted.
    package func all() throws(BackupError) -> [AgentName] {
        var names: [AgentName] = []
        try directory.forEachEntry { entry throws(BackupError) in
            if let name = try? AgentName(entry.name) { names.append(name) }
        }
        return names.sorted()
    }
}
