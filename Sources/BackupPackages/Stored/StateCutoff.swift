import BackupModel

/// Lets through what was not there before, where a log was read once more.
package struct StateCutoff: Sendable {
    private enum Rule: Sendable {
        /// All are new, from here on.
        case none
        /// So many records are known still.
        case first(Int)
        /// What is not later is known.
        case until(Timestamp)
    }

    private var rule: Rule
    /// The numbers of records, the first one is 1, that say what is known, wherever they stand.
    private let known: Set<Int>
    /// Records that were asked about.
    private var count = 0

    /// Lets all through.
    package init() { self.init(without: []) }

    /// Lets all through but the known ones.
    init(without known: Set<Int>) {
        rule = .none
        self.known = known
    }

    /// - Parameter count: how many records are kept back.
    init(first count: Int, without known: Set<Int> = []) {
        rule = count > 0 ? .first(count) : .none
        self.known = known
    }

    /// - Parameter time: what is not later is kept back.
    init(newerThan time: Timestamp, without known: Set<Int> = []) {
        rule = .until(time)
        self.known = known
    }

    /// Whether the record, the next one of the element, is new. The order is the truth: behind the first that is, all are,
    /// but what the database showed before.
    package mutating func passes(_ record: PackageRecord) -> Bool {
        count += 1
        return isBehind(record) && !known.contains(count)
    }

    private mutating func isBehind(_ record: PackageRecord) -> Bool {
        switch rule {
        case .none: return true
        case .first(let count):
            rule = count > 1 ? .first(count - 1) : .none
            return false
        case .until(let time):
            // No log repeats what none has said.
            if record.isCorrection { return true }
            guard let found = record.finished ?? record.started, found > time else { return false }
            rule = .none
            return true
        }
    }
}
