import BackupModel
import BackupStorage

/// The elements of one source as rows, in each of which every element follows the one before it.
///
/// One generator that loses nothing writes one row. There are several when an element is missing, when a state was lost and
/// a new chain begun, and when two generators write one source: only then do they overlap in time.
struct ChainBranches {
    /// One row.
    struct Branch {
        /// Oldest first; at least one.
        fileprivate(set) var elements: [StoredElement]

        /// Up to a moment, as far as the row goes: what comes behind an element that is not later than it belongs to it, whatever
        /// the clock said then.
        fileprivate func cut(at bound: Timestamp?) -> Branch? {
            guard let bound else { return self }
            guard let last = elements.lastIndex(where: { $0.metadata.timestamp <= bound }) else { return nil }
            return Branch(elements: Array(elements[...last]))
        }

        fileprivate var last: StoredElement { elements[elements.count - 1] }
        var times: ClosedRange<Timestamp> {
            let times = elements.map(\.metadata.timestamp)
            let first = times[0]
            return times.reduce(first, min)...times.reduce(first, max)
        }
    }

    /// In the order of the chain.
    let branches: [Branch]
    private let byUUID: [ElementUUID: StoredElement]
    private let count: Int

    init(_ chain: ElementChain) {
        var branches: [Branch] = []
        for element in chain.elements {
            let previous = branches.last?.last.metadata.uuid
            if let previous, element.metadata.predecessor == previous {
                branches[branches.count - 1].elements.append(element)
            } else {
                branches.append(Branch(elements: [element]))
            }
        }
        self.branches = branches
        byUUID = Dictionary(
            chain.elements.compactMap { element in element.metadata.uuid.map { ($0, element) } },
            uniquingKeysWith: { first, _ in first })
        count = chain.elements.count
    }

    // MARK: - Back to a full

    /// Where the way back from an element ends.
    enum End { case full, gap, circle }

    /// - Returns: The elements on the way, `start` first.
    func walk(_ start: StoredElement) -> (path: [StoredElement], end: End) {
        var path = [start]
        var element = start
        while element.metadata.type == .inc {
            guard let predecessor = element.metadata.predecessor, let previous = byUUID[predecessor] else {
                return (path, .gap)
            }
            // No way without a circle is longer than the chain.
            guard path.count < count else { return (path, .circle) }
            path.append(previous)
            element = previous
        }
        return (path, .full)
    }

    func isRestorable(_ element: StoredElement) -> Bool { walk(element).end == .full }

    // MARK: - Choosing

    /// What a moment means.
    struct Choice {
        let element: StoredElement
        /// Its row up to there.
        fileprivate let branch: Branch
        /// A newer element that cannot be restored.
        let passedOver: StoredElement?
        /// The ends of other rows, at that moment, that overlap with this one in time; newest first.
        let others: [Branch]
    }

    /// The newest element that is not later than `bound`, of all rows. In each row that is its end: within it, the order tells
    /// and not the clock.
    ///
    /// If that one cannot be restored, a row that was written beside it may stand in: one that reaches beyond the beginning of
    /// what has lost its full. To go back to before a gap is for whoever asked to decide, so the element is chosen all the
    /// same, and following it fails.
    ///
    /// - Parameter bound: `nil` for the newest of all.
    /// - Returns: `nil` when all elements are later.
    func choose(notAfter bound: Timestamp?) -> Choice? {
        let ends = branches.compactMap { $0.cut(at: bound) }
        guard let newest = Self.newest(ends) else { return nil }
        var chosen = newest
        let way = walk(newest.last)
        if way.end != .full {
            let times = way.path.map(\.metadata.timestamp)
            let begin = times.reduce(times[0], min)
            let beside = ends.filter { $0.last.metadata.timestamp > begin && isRestorable($0.last) }
            chosen = Self.newest(beside) ?? newest
        }
        let range = chosen.times
        let others = ends.filter { other in
            guard other.last.id != chosen.last.id else { return false }
            // Where one ends in the second in which another begins, they follow each other.
            let times = other.times
            return times == range || (times.lowerBound < range.upperBound && range.lowerBound < times.upperBound)
        }
        return Choice(
            element: chosen.last, branch: chosen, passedOver: chosen.last.id == newest.last.id ? nil : newest.last,
            others: others.sorted { $0.last.metadata.timestamp > $1.last.metadata.timestamp })
    }

    /// The newest moment that can be asked for, and then restored, up to `bound`.
    func lastGood(notAfter bound: Timestamp) -> Timestamp? {
        let ends = branches.compactMap { $0.cut(at: bound) }.filter { isRestorable($0.last) }
        return Self.newest(ends)?.last.metadata.timestamp
    }

    /// By the times of their last elements; of two in one second, the one that the order of the chain has last.
    private static func newest(_ branches: [Branch]) -> Branch? {
        branches.reduce(nil) { best, next in
            guard let best, next.last.metadata.timestamp < best.last.metadata.timestamp else { return next }
            return best
        }
    }
}

extension ChainBranches.Choice {
    /// The last elements of ``others``.
    var otherEnds: [StoredElement] { others.map { $0.elements[$0.elements.count - 1] } }

    /// What whoever restores must know, one sentence each.
    func warnings(_ source: SourceURL, _ branches: ChainBranches) -> [String] {
        var sentences: [String] = []
        if let passedOver {
            sentences.append(
                "\(passedOver.id) is newer and cannot be restored, since what it needs before it is missing or damaged: "
                    + "\(element.id) of another chain is taken")
        }
        if let other = others.first, let end = otherEnds.first {
            sentences.append(
                "chains of \(source) overlap in time, as when two generators write one source: \(element.id) is taken; "
                    + "another chain (\(other.elements.count) elements, \(other.times.lowerBound) to "
                    + "\(other.times.upperBound)) ends with \(end.id), "
                    + (branches.isRestorable(end) ? "which --at \(end.id) takes" : "which cannot be restored")
                    + (others.count > 1 ? ", and there are \(others.count - 1) more" : "")
                    + "; `gb restore list \(source)` shows all")
        }
        return sentences
    }
}
