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

    /// Lets all through.
    package init() { rule = .none }

    /// - Parameter count: how many records are kept back.
    init(first count: Int) { rule = count > 0 ? .first(count) : .none }

    /// - Parameter time: what is not later is kept back; `nil` lets all through.
    init(newerThan time: Timestamp?) { rule = time.map { .until($0) } ?? .none }

    /// Whether the record, the next one of the element, is new. The order is the truth: behind the first that is, all are.
    package mutating func passes(_ record: PackageRecord) -> Bool {
        switch rule {
        case .none: return true
        case .first(let count):
            rule = count > 1 ? .first(count - 1) : .none
            return false
        case .until(let time):
            // No log repeats what none has said.
            if record.completeness == .inferred { return true }
            guard let found = record.finished ?? record.started, found > time else { return false }
            rule = .none
            return true
        }
    }
}
