package import BackupModel
package import BackupStorage

/// Which elements bring a source back to a point in time, in the order in which they are applied.
package struct RestorePlan: Sendable {
    package let source: SourceURL
    /// The full first, then the increments after it; at least one.
    package let elements: [StoredElement]
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
        let last: StoredElement
        switch point {
        case .newest: last = chain.elements.last ?? first
        case .time(let time):
            guard let found = chain.elements.last(where: { $0.metadata.timestamp <= time }) else {
                throw .beforeFirst(source, time, first: first.metadata.timestamp)
            }
            last = found
        case .element(let id):
            guard let found = chain.elements.first(where: { $0.id == id }) else {
                throw damaged.first { $0.0 == id }?.1 ?? .noPoint(id, source)
            }
            last = found
        }
        do throws(BackupError) {
            try self.init(chain, target: last, warnings: chain.violations + damaged.map { "\($0.0): \($0.1)" })
        } catch {
            // What looks missing may be here and damaged.
            guard let (_, cause) = damaged.first else { throw error }
            throw BackupError(error.code, error.message, remedy: error.remedy, cause: cause)
        }
    }

    /// The plan that ends with `target`, an element of `chain`.
    ///
    /// - Throws: `damaged` for a gap in the chain.
    package init(
        _ chain: ElementChain, target: StoredElement, warnings: [String] = []
    ) throws(BackupError) {
        let byUUID = Dictionary(
            chain.elements.compactMap { element in element.metadata.uuid.map { ($0, element) } },
            uniquingKeysWith: { first, _ in first })
        source = chain.source
        elements = try Self.follow(target, byUUID, chain)
        self.warnings = warnings
    }

    /// From an element back to the full that it needs.
    private static func follow(
        _ target: StoredElement, _ byUUID: [ElementUUID: StoredElement], _ chain: ElementChain
    ) throws(BackupError) -> [StoredElement] {
        let (path, end) = walk(target, byUUID, limit: chain.elements.count)
        let element = path[path.count - 1]
        guard end != .full else { return path.reversed() }
        let position = chain.elements.firstIndex { $0.id == element.id } ?? 0
        let lastGood = chain.elements[..<position].last {
            walk($0, byUUID, limit: chain.elements.count).end == .full
        }
        if end == .circle { throw .circle(chain.source, target.id, lastGood: lastGood?.metadata.timestamp) }
        throw .noFull(chain.source, element.id, lastGood: lastGood?.metadata.timestamp)
    }

    /// Where the way back from an element ends.
    private enum End { case full, gap, circle }

    /// - Returns: The elements on the way, `start` first.
    private static func walk(
        _ start: StoredElement, _ byUUID: [ElementUUID: StoredElement], limit: Int
    ) -> (path: [StoredElement], end: End) {
        var path = [start]
        var element = start
        while element.metadata.type == .inc {
            guard let predecessor = element.metadata.predecessor, let previous = byUUID[predecessor] else {
                return (path, .gap)
            }
            // No way without a circle is longer than the chain.
            guard path.count < limit else { return (path, .circle) }
            path.append(previous)
            element = previous
        }
        return (path, .full)
    }
}
