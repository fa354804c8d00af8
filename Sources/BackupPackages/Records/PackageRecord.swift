package import BackupModel

/// One change of the packages of a machine, as it is stored. A record never changes once it is written; what turns out later
/// is another record.
package struct PackageRecord: Sendable, Hashable {
    /// The version of the form that this program writes.
    package static let currentSchema = 1

    /// The version of the form that the record was written in.
    package var schema: Int = PackageRecord.currentSchema
    /// The UUID of the machine.
    package var machine: String
    /// `portage`, `dpkg`, `pacman`, `apk`, or what another version of the program knows.
    package var manager: String
    /// The root directory as the manager names it: `/`, or where a second system or a prefix lies.
    package var root: String
    /// Whether the log says in which root it happened.
    package var isRootKnown = true
    package var event: PackageEvent
    package var category: String?
    /// `nil` for events that concern no package.
    package var name: String?
    package var version: String?
    /// The version that was replaced by this one, or that replaced it; in a disagreement the one of the database.
    package var otherVersion: String?
    package var repository: String?
    package var slot: String?
    package var architecture: String?
    package var installType: InstallType?
    /// Whether somebody wants the package for itself and not as a dependency, where the log says it.
    package var isExplicit: Bool?
    package var cause: RemovalCause?
    /// The manager's own word for the state after the event, for managers that have more than two.
    package var state: String?
    package var started: Timestamp?
    /// When it was done. Where the log has local times and nobody knows the zone, as if they were UTC.
    package var finished: Timestamp?
    /// The time as the log has it, unchanged.
    package var recorded: String?
    /// Local time minus UTC in seconds when it happened; `nil` when it is not known.
    package var zoneOffset: Int64?
    /// Seconds, 0 or more; `nil` when it is not known.
    package var duration: Int64?
    package var completeness: Completeness
    package var detail: String?
    /// The line that proves the event; `nil` for what no line says.
    package var position: LogPosition?
    /// Keys that are not known here, as they were read.
    package var unknown: JSONObject = [:]

    package init(
        machine: String, manager: String, root: String, event: PackageEvent, category: String? = nil,
        name: String? = nil, version: String? = nil, completeness: Completeness = .complete
    ) {
        self.machine = machine
        self.manager = manager
        self.root = root
        self.event = event
        self.category = category
        self.name = name
        self.version = version
        self.completeness = completeness
    }

    /// Category and name as one text, `dev-libs/openssl`; the name alone where there are no categories.
    package var fullName: String? {
        guard let name else { return nil }
        return category.map { $0 + "/" + name } ?? name
    }

    /// Sets ``duration`` to the time from ``started`` to ``finished``; a clock that went back gives no duration.
    mutating func measure() {
        guard let started, let finished, finished >= started else { return duration = nil }
        duration = finished.seconds - started.seconds
    }
}

/// Where in the stream of a log a line stands.
package struct LogPosition: Sendable, Hashable {
    /// Bytes from the beginning of the stream, over all its rotated parts.
    package var offset: Int64
    /// Bytes of the line, without its end.
    package var length: Int
    /// FNV-1a of the line with 64 bits: recognises a line, protects nothing.
    package var digest: UInt64?

    package init(offset: Int64, length: Int, digest: UInt64?) {
        self.offset = offset
        self.length = length
        self.digest = digest
    }
}
