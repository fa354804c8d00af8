package import BackupModel

/// The elements of one source, put in order by their predecessors. The chain tells the order; times may lie.
package struct ElementChain: Sendable {
    package let source: SourceURL
    /// Oldest first. Elements that no chain connects are in order of time.
    package let elements: [StoredElement]
    /// What is wrong with the chain, one sentence each.
    package let violations: [String]

    /// - Parameter elements: of one source, in any order.
    package init(source: SourceURL, _ elements: [StoredElement]) {
        self.source = source
        var violations: [String] = []
        var index: [ElementUUID: Int] = [:]
        // Sorted by time first, so that whatever the chain leaves open is decided by time.
        let sorted = elements.sorted {
            ($0.metadata.timestamp, $0.id) < ($1.metadata.timestamp, $1.id)
        }
        for (position, element) in sorted.enumerated() {
            guard let uuid = element.metadata.uuid else { continue }
            if let other = index[uuid] {
                violations.append("\(element.id) and \(sorted[other].id) have the same UUID")
            } else {
                index[uuid] = position
            }
        }
        var followers: [Int: [Int]] = [:]
        var roots: [Int] = []
        for (position, element) in sorted.enumerated() {
            let previous = element.metadata.predecessor.flatMap { index[$0] }
            if let previous, previous != position {
                followers[previous, default: []].append(position)
            } else {
                if previous == position {
                    violations.append("\(element.id) is its own predecessor: the chain runs in a circle")
                } else if element.metadata.type == .inc {
                    violations.append("the increment \(element.id) has lost its predecessor: a gap in the chain")
                }
                roots.append(position)
            }
        }
        var order: [Int] = []
        var isPlaced = [Bool](repeating: false, count: sorted.count)
        for root in roots {
            var open = [root]
            while let next = open.popLast() {
                guard !isPlaced[next] else { continue }
                isPlaced[next] = true
                order.append(next)
                let after = followers[next] ?? []
                if after.count > 1 {
                    let names = after.map { sorted[$0].id.baseName }.joined(separator: " and ")
                    violations.append("\(names) both follow \(sorted[next].id): a fork in the chain")
                }
                open.append(contentsOf: after.reversed())
            }
        }
        if order.count < sorted.count {
            let rest = isPlaced.indices.filter { !isPlaced[$0] }
            let names = rest.prefix(3).map { sorted[$0].id.baseName }.joined(separator: ", ")
            violations.append(
                "the predecessors of \(rest.count) elements of \(source) run in a circle: "
                    + names + (rest.count > 3 ? ", …" : ""))
            order += rest
        }
        self.elements = order.map { sorted[$0] }
        self.violations = violations
    }
}
