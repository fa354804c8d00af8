import BackupModel

/// In which order offers are fetched. Within a source it is the chain's order, and the listing's where no chain says
/// more.
struct FetchOrder {
    struct Offer: Sendable {
        let offer: OfferedElement
        let local: SourceURL
    }

    private let isEndangeredFirst: Bool
    private var plain: ArraySlice<Offer> = []
    private var queues: [SourceURL: SourceQueue] = [:]
    /// The sources by the rank they had when they were entered; what changed since is entered again.
    private var heap = RankHeap<SourceRank>()
    /// Ranks beyond those that may be true at which the others are dropped.
    private static let staleRanks = 1000
    private(set) var count = 0
    /// Bytes of offers that wait to be put in order: few of them may be large.
    private var bytes = 0

    init(isEndangeredFirst: Bool) { self.isEndangeredFirst = isEndangeredFirst }

    mutating func add(_ offer: Offer) {
        count += 1
        guard isEndangeredFirst else {
            plain.append(offer)
            return
        }
        bytes += Self.size(offer)
        queues[offer.local, default: SourceQueue()].add(offer)
        enter(offer.local)
    }

    /// Whether fetching may begin before all offers are known.
    func isReady(limit: Int, bytes maximum: Int) -> Bool { !isEndangeredFirst || count > limit || bytes > maximum }

    mutating func removeFirst() -> Offer? {
        guard isEndangeredFirst else {
            if !plain.isEmpty { count -= 1 }
            return plain.popFirst()
        }
        while let rank = heap.removeFirst() {
            guard queues[rank.source]?.rank(of: rank.source) == rank, let offer = queues[rank.source]?.removeFirst()
            else { continue }
            count -= 1
            bytes -= Self.size(offer)
            if queues[rank.source]?.isEmpty == true { queues[rank.source] = nil }
            enter(rank.source)
            return offer
        }
        return nil
    }

    /// Bytes of all that the peer can make long.
    private static func size(_ offer: Offer) -> Int {
        let texts = [offer.offer.id, offer.offer.source.description, offer.local.description]
        return texts.reduce(offer.offer.metadata.text.utf8.count) { $0 + $1.utf8.count }
            + JSONValue(offer.offer.attributes).canonicalText.utf8.count
    }

    private mutating func enter(_ source: SourceURL) {
        if let rank = queues[source]?.rank(of: source) { heap.insert(rank) }
        // Ranks that are not true any more stay until they come first, if they ever do.
        guard heap.count > 2 * queues.count + Self.staleRanks else { return }
        heap = RankHeap()
        for (source, queue) in queues { if let rank = queue.rank(of: source) { heap.insert(rank) } }
    }
}

/// Fewest known copies first, then the source with the newest element, then the smallest; the name decides the rest.
private struct SourceRank: Comparable {
    let copies: Int64
    let newest: Timestamp
    let size: Int64
    let source: SourceURL

    static func < (left: SourceRank, right: SourceRank) -> Bool {
        (left.copies, right.newest, left.size, left.source) < (right.copies, left.newest, right.size, right.source)
    }
}

/// The offers of one source. Keeps nothing of those that were taken.
private struct SourceQueue {
    /// By their position in the list.
    private var offers: [Int: FetchOrder.Offer] = [:]
    private var listed = 0
    private var positions: [ElementUUID: Int] = [:]
    /// What comes next, last; below it what comes after that, each the follower of the one above it.
    private var stack: [Int] = []
    private var nextInList = 0
    private var newest = Timestamp(.min)

    mutating func add(_ offer: FetchOrder.Offer) {
        if let uuid = offer.offer.metadata.uuid { positions[uuid] = listed }
        offers[listed] = offer
        listed += 1
        newest = max(newest, offer.offer.metadata.timestamp)
        prepare()
    }

    var isEmpty: Bool { stack.isEmpty }

    func rank(of source: SourceURL) -> SourceRank? {
        guard let offer = stack.last.flatMap({ offers[$0] })?.offer else { return nil }
        return SourceRank(
            copies: offer.attributes?["copies"]?.integerValue ?? 0, newest: newest, size: offer.size, source: source)
    }

    mutating func removeFirst() -> FetchOrder.Offer? {
        guard let position = stack.popLast() else { return nil }
        let offer = offers.removeValue(forKey: position)
        if let uuid = offer?.offer.metadata.uuid, positions[uuid] == position { positions[uuid] = nil }
        prepare()
        return offer
    }

    /// Finds what comes next: the first in the list, after all that its chain has before it.
    private mutating func prepare() {
        if stack.isEmpty {
            while nextInList < listed, offers[nextInList] == nil { nextInList += 1 }
            guard nextInList < listed else { return }
            stack.append(nextInList)
            nextInList += 1
        }
        // As long as there is one before it that waits still; one that stands here already makes a circle.
        while let top = stack.last, let predecessor = offers[top]?.offer.metadata.predecessor,
            let position = positions[predecessor], offers[position] != nil, !stack.contains(position)
        {
            stack.append(position)
        }
    }
}
