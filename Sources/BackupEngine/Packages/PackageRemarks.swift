import BackupModel
import BackupPackages

/// Collects what there is to say of the elements that an answer comes from; what is too much is counted.
struct PackageRemarks {
    private(set) var sentences: [String] = []
    private var more = 0

    private static let limit = 20

    mutating func add(_ sentence: String) {
        if sentences.count < Self.limit { sentences.append(sentence) } else { more += 1 }
        // The last one tells how many there are.
        if more > 0 { sentences[Self.limit - 1] = "there are \(more + 1) more remarks of this kind" }
    }

    /// - Parameter ids: of the elements that the chain was given.
    mutating func take(_ chain: StateChain, _ ids: [ElementID]) {
        for gap in chain.gaps { add(PackageNote.gap(gap)) }
        let unused = chain.parts.indices.filter { !chain.parts[$0].isUsed }
        if let first = unused.first { add(PackageNote.unusable(unused.count, ids[first])) }
        for number in chain.cut { add(PackageNote.cutSnapshot(ids[number])) }
        for found in chain.contradictions { add(PackageNote.contradiction(ids[found.part], found.comparison)) }
    }
}
