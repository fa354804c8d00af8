package import BackupModel
package import BackupStorage

/// Which elements bring a source back to a point in time, in the order in which they are applied.
package struct RestorePlan: Sendable {
    package let source: SourceURL
    /// The full first, then the increments after it; at least one.
    package let elements: [StoredElement]
    /// Elements that another plan could as well end with, since their chains overlap with that of this one in time; newest
    /// first, and none for a plan of an element that was named.
    package let otherChains: [StoredElement]
    /// What is wrong with the chain elsewhere, one sentence each; the plan itself is whole.
    package let warnings: [String]

    /// The state that comes back is of this time.
    package var time: Timestamp { elements[elements.count - 1].metadata.timestamp }

    /// Increments that make directories exactly as they were, and so delete what they do not know.
    package var deletingIncrements: Int {
        elements.count { $0.metadata.type == .inc && $0.metadata.pipeline?.first?.stage != "packages" }
    }

    /// Bytes that will be read.
    package var size: Int64 { elements.reduce(0) { $0 + $1.size } }

    /// Chooses the elements.
    ///
    /// - Throws: `notFound` for an unknown source, a time before its first element, an element that is not one of it;
    ///   `damaged` for a gap in the chain, or an element asked for that cannot be used.
    package init(
        _ storage: any ElementStorage, source: SourceURL, at point: RestorePoint
    ) throws(BackupError) {
        if case .element(let id) = point, id.source != source { throw .otherSource(id, source) }
        let (usable, damaged) = try storage.elements(of: source)
        let chain = ElementChain(source: source, usable)
        guard let first = chain.elements.first else {
            if let (_, error) = damaged.first { throw error }
            throw .noSource(source)
        }
        let branches = ChainBranches(chain)
        let last: StoredElement
        var choice: ChainBranches.Choice?
        switch point {
        case .newest:
            choice = branches.choose(notAfter: nil)
            last = choice?.element ?? first
        case .time(let time):
            choice = branches.choose(notAfter: time)
            guard let found = choice?.element else {
                let oldest = usable.map(\.metadata.timestamp).min() ?? first.metadata.timestamp
                throw .beforeFirst(source, time, first: oldest)
            }
            last = found
        case .element(let id):
            guard let found = chain.elements.first(where: { $0.id == id }) else {
                throw damaged.first { $0.0 == id }?.1 ?? .noPoint(id, source)
            }
            last = found
        }
        let remarks = (choice?.warnings(source, branches) ?? []) + chain.violations
        do throws(BackupError) {
            try self.init(
                chain, branches, target: last, otherChains: choice?.otherEnds ?? [],
                warnings: remarks + damaged.map { "\($0.0): \($0.1)" })
        } catch {
            // What looks missing may be here and damaged.
            guard let (_, cause) = damaged.first else { throw error }
            throw BackupError(error.code, error.message, remedy: error.remedy, cause: cause)
        }
    }

    /// The plan that ends with `target`, an element of `chain`.
    ///
    /// - Throws: `damaged` for a gap in the chain.
    package init(_ chain: ElementChain, target: StoredElement) throws(BackupError) {
        try self.init(chain, ChainBranches(chain), target: target, otherChains: [], warnings: [])
    }

    private init(
        _ chain: ElementChain, _ branches: ChainBranches, target: StoredElement, otherChains: [StoredElement],
        warnings: [String]
    ) throws(BackupError) {
        let (path, end) = branches.walk(target)
        guard end == .full else {
            let lastGood = branches.lastGood(notAfter: target.metadata.timestamp)
            throw end == .circle
                ? .circle(chain.source, target.id, lastGood: lastGood)
                : .noFull(chain.source, path[path.count - 1].id, lastGood: lastGood)
        }
        source = chain.source
        elements = path.reversed()
        self.otherChains = otherChains
        self.warnings = warnings
    }
}
