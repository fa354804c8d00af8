import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// The toolkit must work with originals at the other end, whatever breaks on the way.
@Suite struct OriginalPeerTests {
    /// Elements of several sources, of 1 byte to `largest` bytes.
    static func elements(
        _ count: Int, largest: Int, prefix: String = "/host1", _ random: inout SeededGenerator
    ) throws -> [OriginalPeer.Element] {
        let block = random.bytes(largest)
        var last: [Int: ElementMetadata] = [:]
        var elements: [OriginalPeer.Element] = []
        for number in 0..<count {
            let size =
                switch number % 50 {
                case 0: largest
                case 1: 1
                case 2: 65536
                case 3: 65537
                default: Int.random(in: 1...4096, using: &random)
                }
            let start = Int.random(in: 0...(largest - size), using: &random)
            let data = Array(block[start..<start + size])
            let which = number % 7
            let source = try SourceURL("\(prefix)/source\(which)")
            let metadata = makeMetadata(
                last[which] == nil ? .full : .inc, at: Timestamp(1_795_220_058 + Int64(number)), data: data,
                predecessor: last[which]?.uuid, source: source)
            last[which] = metadata
            elements.append(.init(source: source.description, info: metadata.text, data: data))
        }
        return elements
    }

    static func named(_ elements: [OriginalPeer.Element]) -> [String: [UInt8]] {
        Dictionary(elements.map { ($0.name, $0.data) }, uniquingKeysWith: { first, _ in first })
    }

    static func fill(_ storage: DefaultFileStorage, _ elements: [OriginalPeer.Element]) throws {
        for element in elements {
            try storage.store(
                SourceURL(element.source), ElementMetadata(parsing: Array(element.info.utf8)), data: element.data)
        }
    }

    @Test func `An original fetches everything from us, and what it has confirmed is gone here`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let elements = try Self.elements(300, largest: 3 << 20, &random)
            try Self.fill(pair.left, elements)
            // It has some of them already, and does not stream those.
            let original = OriginalPeer(held: Array(elements.prefix(20)))
            let context = try TransferPair.context(sender: pair.movePolicy)
            let met = try await pair.meet(.left, context, original: original)
            #expect(met.value.1 == .agreed, random.comment)
            #expect(met.outcome.failure == nil)
            #expect(met.value.0.held?.count == 300)
            #expect(Set(met.value.0.held ?? []) == Set(elements), random.comment)
            #expect(try await pair.left.inventory().holds(exactly: [:]))
        }
    }

    @Test func `An original brings us everything, in the order of its directories`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let elements = try Self.elements(300, largest: 3 << 20, &random)
            try Self.fill(pair.right, Array(elements.suffix(20)))
            let original = OriginalPeer(offers: elements.shuffled(using: &random))
            let context = try TransferPair.context(receiver: ReceiverPolicy())
            let met = try await pair.meet(.right, context, original: original)
            #expect(met.value.1 == .agreed, random.comment)
            #expect(met.outcome.failure == nil)
            #expect(met.outcome.summary.stored == 280)
            #expect(met.outcome.summary.present == 20)
            #expect(met.value.0.offers == [])
            #expect(try await pair.right.inventory().holds(exactly: Self.named(elements)), random.comment)
        }
    }

    @Test func `Both directions go over one connection at once`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let ours = try Self.elements(100, largest: 2 << 20, prefix: "/ours", &random)
            let theirs = try Self.elements(100, largest: 2 << 20, prefix: "/theirs", &random)
            try Self.fill(pair.left, ours)
            var filter = ElementFilter()
            filter.sources = [try SourcePattern("/ours")]
            let move = SenderMoveDataTransferPolicy(pair.left, ledger: CopyLedger(pair.left), filter: filter)
            let context = try TransferPair.context(sender: move, receiver: ReceiverPolicy())
            let met = try await pair.meet(.left, context, original: OriginalPeer(offers: theirs, held: []))
            #expect(met.value.1 == .agreed, random.comment)
            #expect(met.outcome.failure == nil)
            #expect(Set(met.value.0.held ?? []) == Set(ours), random.comment)
            #expect(met.value.0.offers == [])
            #expect(try await pair.left.inventory().holds(exactly: Self.named(theirs)), random.comment)
        }
    }

    @Test func `A large element passes in both directions`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let block = random.bytes(1 << 16)
            var data: [UInt8] = []
            for _ in 0..<1000 { data += block }
            data.append(1)
            let source = try SourceURL("/big/blob")
            let metadata = makeMetadata(data: data, source: source)
            try pair.left.store(source, metadata, data: data)
            let sent = try await pair.meet(
                .left, try TransferPair.context(sender: pair.movePolicy), original: OriginalPeer(held: []))
            #expect(sent.value.1 == .agreed)
            #expect(sent.value.0.held?.first?.data == data)
            let original = OriginalPeer(offers: sent.value.0.held)
            let received = try await pair.meet(
                .right, try TransferPair.context(receiver: ReceiverPolicy()), original: original)
            #expect(received.value.1 == .agreed)
            #expect(try await pair.right.inventory().holds(exactly: ["\(source) \(metadata.text)": data]))
        }
    }

    @Test func `Elements of zero bytes are kept from an original, which would crash on them`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            let empty = try pair.left.store(SourceURL("/a"), data: [])
            try pair.left.store(SourceURL("/b"), data: [1])
            let last = try pair.left.store(SourceURL("/c"), data: [])
            let met = try await pair.meet(
                .left, try TransferPair.context(sender: pair.movePolicy), original: OriginalPeer(held: []))
            #expect(met.value.1 == .agreed)
            #expect(met.value.0.held?.map(\.data) == [[1]])
            #expect(try pair.left.sources() == [empty.id.source, last.id.source])
        }
    }

    @Test func `An original that offers nothing and wants nothing is served its shutdown`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            try pair.left.store(SourceURL("/a"))
            for (sender, receiver) in [(true, true), (true, false), (false, true), (false, false)] {
                let context = try TransferPair.context(
                    sender: sender ? pair.movePolicy : nil, receiver: receiver ? ReceiverPolicy() : nil)
                let met = try await pair.meet(.left, context, original: OriginalPeer())
                #expect(met.value.1 == .agreed)
                #expect(met.outcome.failure == nil)
            }
            #expect(try pair.left.contents().count == 1)
        }
    }

    @Test func `A transfer that breaks anywhere and is run again loses nothing and doubles nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let pair = try TransferPair(directory)
            var random = SeededGenerator()
            let ours = try Self.elements(60, largest: 300_000, prefix: "/ours", &random)
            let theirs = try Self.elements(60, largest: 300_000, prefix: "/theirs", &random)
            try Self.fill(pair.left, ours)
            var filter = ElementFilter()
            filter.sources = [try SourcePattern("/ours")]
            let move = SenderMoveDataTransferPolicy(pair.left, ledger: CopyLedger(pair.left), filter: filter)
            let context = try TransferPair.context(sender: move, receiver: ReceiverPolicy())
            var original = OriginalPeer(offers: theirs, held: [])
            for round in 0...20 {
                let isLast = round == 20
                let budget = Int.random(in: 1...(round % 2 == 0 ? 600_000 : 5000), using: &random)
                let met = try await pair.meet(.left, context, original: original, budget: isLast ? nil : budget)
                original = met.value.0
                let isFine = met.value.1 == .agreed || (met.value.1 == .cut && !isLast)
                #expect(isFine, "\(met.value.1), round \(round), \(random.comment)")
                // At every moment each element is at one of the two places at least.
                let here = try pair.left.contents()
                let there = Set((original.held ?? []).map(\.name))
                #expect(ours.allSatisfy { here[$0.name] != nil || there.contains($0.name) }, random.comment)
                let offered = Set((original.offers ?? []).map(\.name))
                #expect(theirs.allSatisfy { here[$0.name] != nil || offered.contains($0.name) }, random.comment)
            }
            #expect(original.held?.count == 60, random.comment)
            #expect(Set(original.held ?? []) == Set(ours), random.comment)
            #expect(original.offers == [], random.comment)
            #expect(try await pair.left.inventory().holds(exactly: Self.named(theirs)), random.comment)
        }
    }
}
