package import BackupModel

/// Finds the moment just before a package changed. Records are given in the order of the log.
package struct ChangeSearch: Sendable {
    /// More than anybody goes back; so many changes are remembered.
    package static let maximumOccurrence = 10_000

    private let pattern: PackagePattern
    private let occurrence: Int
    private let bound: Timestamp?
    private var installs = Last()
    private var removals = Last()
    /// Changes that the pattern selects and that are later than the bound.
    package private(set) var laterCount = 0
    /// The last change that the pattern selects, up to the bound, of which nobody knows when it began: no line tells of it, and
    /// it was noticed later.
    package private(set) var lastInferred: PackageRecord?

    /// - Parameters:
    ///   - pattern: which packages.
    ///   - occurrence: 1 for the last change, 2 for the one before it; up to ``maximumOccurrence``.
    ///   - bound: changes that began later do not count.
    package init(_ pattern: PackagePattern, occurrence: Int = 1, notAfter bound: Timestamp? = nil) {
        self.pattern = pattern
        self.occurrence = occurrence
        self.bound = bound
    }

    /// Takes the next record.
    package mutating func take(_ record: PackageRecord) {
        guard record.event == .install || record.event == .uninstall, pattern.matches(record) else { return }
        if let bound, let time = record.started ?? record.finished, time > bound {
            laterCount += 1
            return
        }
        if record.completeness == .inferred, record.started == nil {
            lastInferred = record
        } else if record.event == .install {
            installs.add(record, keeping: occurrence)
        } else {
            removals.add(record, keeping: occurrence)
        }
    }

    private var meant: Last {
        // It was brought, if nobody knows when: a removal is not what is looked for.
        installs.records.isEmpty && lastInferred?.event != .install ? removals : installs
    }

    /// Changes from which ``change`` is chosen.
    package var count: Int { meant.count }

    /// The change that is meant: the last one that brought a package which the pattern selects; if none did, the last one that
    /// took such a package away. Or one of those before it.
    package var change: PackageRecord? {
        let list = meant.records
        return list.count < occurrence ? nil : list[list.count - occurrence]
    }

    /// The last moment before that change began; `nil` without a change, or where its time is not known.
    package var moment: Timestamp? {
        guard let change, let time = change.started ?? change.finished else { return nil }
        return Timestamp(time.seconds - 1)
    }

    /// The last changes of one kind.
    private struct Last {
        /// Oldest first; of those before, not many.
        private(set) var records: [PackageRecord] = []
        /// All that there were.
        private(set) var count = 0

        mutating func add(_ record: PackageRecord, keeping wanted: Int) {
            // Said twice: as unfinished, and then as complete.
            if let last = records.last, last.completeness == .unfinished, last.started == record.started,
                last.fullName == record.fullName, last.version == record.version, last.root == record.root
            {
                records[records.count - 1] = record
                return
            }
            count += 1
            records.append(record)
            // Not one by one: that would move all of them each time.
            if records.count >= 2 * wanted { records.removeFirst(records.count - wanted) }
        }
    }
}
