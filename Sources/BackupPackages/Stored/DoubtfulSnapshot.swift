import BackupModel

/// A snapshot that is not what the changes before it lead to, as long as those behind it may explain that: when it was taken
/// the manager was at work, and its database had already what the log had not.
struct DoubtfulSnapshot: Sendable {
    /// A package in any version, in any root.
    private struct Name: Hashable {
        let manager: String
        let category: String
        let name: String
    }

    private let found: StateChain.Contradiction
    /// What changes were about that had begun when the snapshot was taken.
    private var underWay: Set<Name> = []

    init(_ found: StateChain.Contradiction) { self.found = found }

    /// Takes the next change of the element behind the snapshot.
    mutating func take(_ record: PackageRecord) {
        guard let name = record.name, let start = record.started ?? record.finished, start <= found.time else { return }
        underWay.insert(Name(manager: record.manager, category: record.category ?? "", name: name))
    }

    /// What remains when all changes of the element behind the snapshot are known; `nil` when they explain everything.
    var contradiction: StateChain.Contradiction? {
        var left = found
        left.comparison.forget {
            underWay.contains(Name(manager: $0.manager, category: $0.category ?? "", name: $0.name))
        }
        return left.comparison.agrees ? nil : left
    }
}
