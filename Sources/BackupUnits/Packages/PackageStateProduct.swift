import BackupModel
import BackupPackages
import BackupSystem

/// What is installed, and what has changed since the last element: a line of JSON for each fact.
///
/// All elements begin with the changes since the one before, as the log tells them, and where log and database disagree, with
/// records that say so and bring the one in line with the other. A full has the snapshot behind them.
struct PackageStateProduct: PackagesProduct {
    static let name = "state"

    let place: PackagesPlace
    let before: PackagesMemory?
    /// When the element before was made.
    let lastTime: Timestamp?
    let type: BackupType
    let machine: String
    let now: Timestamp
    let openFiles: @Sendable (Set<FileIdentity>) -> OpenFiles
    /// Whether somebody asked for a full: then a database without any package is what it is.
    let mayBeEmpty: Bool

    /// How often the database is read again because the log has grown meanwhile.
    private static let attempts = 3

    /// Whoever reads it must not take for new what an element before had: the log was read from its beginning.
    var particulars: JSONObject { before == nil ? ["FromBeginning": .bool(true)] : [:] }

    func write(_ emit: ByteTransform.Emit) throws(BackupError) -> PackagesYield {
        let look = try look()
        var lines = LineBuffer()
        var reading = try place.reader.reading(machine: machine, resuming: before?.parser)
        var replay =
            if let before {
                PackageReplay(before.packages, root: before.logRoot)
            } else {
                PackageReplay(watching: look.snapshot.packages)
            }
        var rejected = RejectedLines()
        let bookmark = try look.plan.forEachPiece(after: before?.bookmark) { piece throws(BackupError) in
            // Of a log that was replaced nobody knows which lines were taken before: the database says what came of them.
            guard look.plan.continuity != .replaced else { return }
            reading.take(piece)
            let found = reading.takeFindings()
            rejected.add(found.rejected)
            for record in found.records {
                try lines.add(record.canonicalBytes, emit)
                replay.apply(record)
            }
        }
        // As after a power cut: nobody removes the last package.
        if look.snapshot.packages.isEmpty, before != nil, !mayBeEmpty, !replay.state.installed.isEmpty {
            throw .databaseEmpty(place.root.directory.path, place.reader.manager, replay.state.installed.count)
        }
        var result = PackagesYield(
            memory: PackagesMemory(bookmark: bookmark, manager: place.reader.manager, root: place.rootPath),
            notes: look.notes)
        result.notes += PackagesNote.rejected(rejected)
        result.memory.parser = reading.state
        result.memory.logRoot = before?.logRoot
        result.memory.packages = look.snapshot.packages
        if look.isSettled {
            let comparison = PackageComparison(replay: replay, pending: reading.pending, snapshot: look.snapshot)
            try report(comparison, &result, &lines, emit)
        } else if type == .inc, let before {
            // Nobody knows which of these changes the database had when it was read: the next run compares.
            result.memory.packages = replay.state.packages(machine: machine, root: before.packages.first?.root)
        }
        if type == .full {
            var snapshot = look.snapshot
            snapshot.header.taken = now
            snapshot.header.logOffset = reading.position
            try snapshot.forEachLine { line throws(BackupError) in try lines.add(line, emit) }
        }
        try lines.flush(emit)
        return result
    }

    // MARK: - Log against database

    private func report(
        _ comparison: PackageComparison, _ result: inout PackagesYield, _ lines: inout LineBuffer,
        _ emit: ByteTransform.Emit
    ) throws(BackupError) {
        result.memory.logRoot = comparison.logRoot
        // A system without a log has nothing that could disagree: that something has changed is all that is known.
        let hasLog = result.memory.bookmark.total > 0
        for record in comparison.records(machine: machine, at: now, since: before.flatMap { _ in lastTime })
        where hasLog || record.event != .disagreement {
            try lines.add(record.canonicalBytes, emit)
        }
        guard hasLog, !comparison.agrees else { return }
        result.notes.append(PackagesNote.disagreements(comparison.disagreements))
        result.events = comparison.disagreements.map(PackagesNote.event)
    }

    /// The log and the database of one moment.
    private struct Look {
        let plan: LogPlan
        let snapshot: PackageSnapshot
        /// Whether the log had not grown when the database had been read.
        let isSettled: Bool
        let notes: [String]
    }

    private func look() throws(BackupError) -> Look {
        var parts = try place.parts()
        var attempt = 0
        while true {
            attempt += 1
            let snapshot = try place.reader.snapshot(place.root, machine: machine)
            let after = try place.parts()
            let isSettled = Self.areSame(parts, after) && snapshot.header.isConsistent
            guard isSettled || attempt == Self.attempts else {
                parts = after
                continue
            }
            let plan = try LogPlan(parts.files, after: before?.bookmark, now: now, openFiles: openFiles)
            if type == .inc, plan.continuity == .replaced { throw .logReplacedMeanwhile(place.logPath) }
            var notes = parts.oddities + snapshot.complaints.map(\.escapedForMessage)
            if parts.files.isEmpty {
                notes.append(PackagesNote.noLog(place.logPath, wasThere: hadLog))
            } else {
                notes += PackagesNote.continuity(plan.continuity, place.logPath, isFull: type == .full)
            }
            notes += PackagesNote.heldBack(plan.heldBack)
            if !isSettled { notes.append(PackagesNote.notCompared()) }
            // What the log has beyond the part that is held back is in the database already.
            return Look(
                plan: plan, snapshot: snapshot, isSettled: isSettled && plan.heldBack == nil, notes: notes)
        }
    }

    private var hadLog: Bool { before.map { $0.bookmark.total > 0 } ?? false }

    private static func areSame(_ left: PackageLogParts, _ right: PackageLogParts) -> Bool {
        left.files.count == right.files.count
            && zip(left.files, right.files).allSatisfy { $0.inode == $1.inode && $0.size == $1.size }
    }
}

extension PackageManagerReader {
    /// Begins to read a log, or goes on where it stood.
    ///
    /// - Parameter state: ``PackageLogReading/state`` of the last run; `nil` for the beginning of the log.
    /// - Throws: `damaged` when the state cannot be used.
    func reading(machine: String, resuming state: JSONObject?) throws(BackupError) -> PackageLogReading {
        let context = LogContext(machine: machine, zoneOffset: SystemClock.localOffset)
        guard let state else { return PackageLogReading(self, context) }
        return try PackageLogReading(self, context, resuming: state)
    }
}

/// Gathers lines, so that they are not passed on one by one.
private struct LineBuffer {
    private var bytes: [UInt8] = []
    private static let size = 64 << 10

    mutating func add(_ line: [UInt8], _ emit: ByteTransform.Emit) throws(BackupError) {
        bytes += line
        if line.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
        if bytes.count >= Self.size { try flush(emit) }
    }

    mutating func flush(_ emit: ByteTransform.Emit) throws(BackupError) {
        var failure: BackupError?
        bytes.withUnsafeBytes { buffer in
            do throws(BackupError) { try emit(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        bytes.removeAll(keepingCapacity: true)
    }
}

extension PackageState {
    /// The packages as a snapshot has them.
    ///
    /// - Parameter root: in place of the one that the log names; `nil` for that.
    fileprivate func packages(machine: String, root: String?) -> [InstalledPackage] {
        entries.sorted { $0.key < $1.key }.map { identity, entry in
            var package = InstalledPackage(identity, entry, machine: machine)
            if let root { package.root = root }
            return package
        }
    }
}
