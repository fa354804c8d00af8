import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupRestore

/// Which elements bring a source back that several chains were written for at the same time.
@Suite struct OverlapTests {
    private func withPlace(_ body: (RestorePlace) throws -> Void) throws {
        try withTemporaryDirectory { try body(RestorePlace($0)) }
    }

    /// Stores a chain that begins anew: a full and increments at these times. No other has these bytes.
    private func chain(_ place: RestorePlace, _ times: [Int64], name: UInt8) throws -> [StoredElement] {
        var elements: [StoredElement] = []
        for (number, time) in times.enumerated() {
            elements.append(
                try place.store(
                    number == 0 ? .full : .inc, at: time, data: [name, UInt8(number)], stages: [tarRecord],
                    after: elements.last))
        }
        return elements
    }

    private func ids(_ elements: some Sequence<StoredElement>) -> [ElementID] { elements.map(\.id) }

    private func overlaps(_ plan: RestorePlan) -> [String] { plan.warnings.filter { $0.contains("overlap in time") } }

    /// The chain that began last is not the one that has the newest element.
    @Test func newestOfTwoChains() throws {
        try withPlace { place in
            let old = try chain(place, [100, 300, 500], name: 1)
            let young = try chain(place, [200, 400], name: 2)
            let newest = try place.plan()
            #expect(ids(newest.elements) == ids(old))
            #expect(ids(newest.otherChains) == [young[1].id])
            let warning = try #require(overlaps(newest).first)
            #expect(overlaps(newest).count == 1)
            for word in ["\(place.source)", "\(old[2].id)", "--at \(young[1].id)", "two generators"] {
                #expect(warning.contains(word), "\(warning)")
            }
            #expect(!warning.contains("\n"))

            for (time, expected) in [
                (450, young[0...1]), (399, old[0...1]), (250, young[0...0]), (199, old[0...0]), (10_000, old[0...2]),
            ] {
                #expect(ids(try place.plan(at: Int64(time)).elements) == ids(expected), "at \(time)")
            }
            #expect(ids(try place.plan(at: 450).otherChains) == [old[1].id], "as they were at that time")
            #expect(overlaps(try place.plan(at: 199)).isEmpty, "there was one chain only")

            // The way out that the warning names.
            let named = try RestorePlan(place.storage, source: place.source, at: .element(young[1].id))
            #expect(ids(named.elements) == ids(young))
            #expect(named.otherChains.isEmpty && overlaps(named).isEmpty, "it was chosen by name")
        }
    }

    /// A state that was lost gives a chain that begins when the other has ended.
    @Test func chainsBehindEachOther() throws {
        try withPlace { place in
            _ = try chain(place, [100, 200, 300], name: 1)
            let second = try chain(place, [300, 400], name: 2)
            let plan = try place.plan()
            #expect(ids(plan.elements) == ids(second))
            #expect(plan.otherChains.isEmpty && plan.warnings.isEmpty, "\(plan.warnings)")
        }
    }

    /// Two generators that go on from a copy of one state.
    @Test func forkedChains() throws {
        try withPlace { place in
            let one = try chain(place, [100, 200, 500], name: 1)
            let fork = try place.store(.inc, at: 300, data: [9], stages: [tarRecord], after: one[0])
            let other = try place.store(.inc, at: 400, data: [8], stages: [tarRecord], after: fork)
            let plan = try place.plan()
            #expect(ids(plan.elements) == ids(one))
            #expect(ids(plan.otherChains) == [other.id])
            #expect(ids(try place.plan(at: 450).elements) == [one[0].id, fork.id, other.id])
            #expect(ids(try place.plan(at: 350).elements) == [one[0].id, fork.id])
        }
    }

    /// Within one chain the order tells, between chains the clock.
    @Test func clockSetBackInOneOfThem() throws {
        try withPlace { place in
            let old = try chain(place, [1000, 2000, 500, 700], name: 1)
            let young = try chain(place, [550, 600], name: 2)
            #expect(ids(try place.plan().elements) == ids(old))
            #expect(ids(try place.plan(at: 650).elements) == ids(young))
            #expect(ids(try place.plan(at: 3000).elements) == ids(old), "the end of the chain, not its latest clock")
        }
    }

    /// The chain with the newest element has lost its full: the one beside it brings back almost the same.
    @Test func brokenChainBesideAWholeOne() throws {
        try withPlace { place in
            let whole = try chain(place, [100, 300, 500], name: 1)
            let broken = try chain(place, [200, 400, 600], name: 2)
            try place.storage.delete(broken[0].id)
            let plan = try place.plan()
            #expect(ids(plan.elements) == ids(whole))
            let remark = try #require(plan.warnings.first { $0.contains("cannot be restored") })
            #expect(remark.contains("\(broken[2].id) is newer") && remark.contains("\(whole[2].id)"), "\(remark)")
            #expect(!overlaps(plan).contains { $0.contains("--at \(broken[2].id)") }, "no way out that is none")
            #expect(throws: BackupError.self) {
                _ = try RestorePlan(place.storage, source: place.source, at: .element(broken[2].id))
            }
        }
    }

    /// What would mean to go back to before the gap is refused, and the way out works.
    @Test func nothingReachesBeyondTheGap() throws {
        try withPlace { place in
            let old = try chain(place, [100, 300, 500], name: 1)
            let young = try chain(place, [200, 550, 600], name: 2)
            try place.storage.delete(young[1].id)
            let error = try #require(throws: BackupError.self) { _ = try place.plan() }
            #expect(error.code == .damaged)
            #expect(error.message.contains("\(young[2].id)"))
            #expect(error.remedy.contains(Timestamp(500).description), "\(error)")
            #expect(ids(try place.plan(at: 500).elements) == ids(old))
        }
    }

    /// Of any number of chains the newest element that is whole, or a refusal whose way out works.
    @Test func randomChains() throws {
        var random = SeededGenerator()
        for _ in 0..<15 {
            try withPlace { place in
                let moments = Array(1...12).map { Int64($0) * 100 }.shuffled(using: &random)
                var chains: [[StoredElement]] = []
                for number in 0..<3 {
                    let times = moments[(number * 4)..<(number * 4 + 4)].sorted()
                    chains.append(try chain(place, times, name: UInt8(number)))
                }
                let lost = try #require(chains.randomElement(using: &random)?.randomElement(using: &random))
                try place.storage.delete(lost.id)
                /// Whether an element can be restored.
                func isWhole(_ element: StoredElement, _ chain: [StoredElement]) -> Bool {
                    !chain.contains { $0.id == lost.id && $0.metadata.timestamp <= element.metadata.timestamp }
                }
                for time in stride(from: Int64(50), through: 1250, by: 100) {
                    let there = chains.flatMap { chain in
                        chain.filter { $0.metadata.timestamp.seconds <= time && $0.id != lost.id }
                            .map { (element: $0, isWhole: isWhole($0, chain)) }
                    }.sorted { $0.element.metadata.timestamp < $1.element.metadata.timestamp }
                    let best = there.last { $0.isWhole }?.element
                    do {
                        let plan = try place.plan(at: time)
                        #expect(plan.elements.last?.id == best?.id, random.comment)
                        #expect(plan.elements.first?.metadata.type == .full, random.comment)
                    } catch let error as BackupError where error.code == .damaged {
                        #expect(there.last?.isWhole == false, "\(error), \(random.comment)")
                        guard let best else { continue }
                        #expect(error.remedy.contains(best.metadata.timestamp.description), random.comment)
                        #expect(
                            try place.plan(at: best.metadata.timestamp.seconds).elements.last?.id == best.id,
                            random.comment)
                    } catch let error as BackupError where error.code == .notFound {
                        #expect(there.isEmpty, "\(error), \(random.comment)")
                    }
                }
            }
        }
    }
}
