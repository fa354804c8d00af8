/// The roots that the changes of a log name, and how often. The same place has other names from within and from outside.
struct LogRoots: Sendable {
    private var counts: [String: Int] = [:]

    /// How many there are.
    var count: Int { counts.count }

    /// A root that is known without a change that names it.
    mutating func add(_ root: String) { counts[root, default: 0] += 0 }

    /// A change names a root.
    mutating func count(_ root: String) { counts[root, default: 0] += 1 }

    /// The name that the log has for the root of a snapshot: the same one; where the log does not have it, the one that it
    /// names most often.
    func name(of root: String) -> String {
        if counts[root] != nil { return root }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? root
    }
}
