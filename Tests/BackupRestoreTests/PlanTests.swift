import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupRestore

/// Which elements bring a source back.
@Suite struct PlanTests {
    private func withPlace(_ body: (RestorePlace) throws -> Void) throws {
        try withTemporaryDirectory { try body(RestorePlace($0)) }
    }

    /// Stores a chain of elements of these types at these times.
    private func chain(_ place: RestorePlace, _ links: [(BackupType, Int64)]) throws -> [StoredElement] {
        var elements: [StoredElement] = []
        for (number, link) in links.enumerated() {
            elements.append(
                try place.store(link.0, at: link.1, data: [UInt8(number)], stages: [tarRecord], after: elements.last))
        }
        return elements
    }

    private func ids(_ elements: some Sequence<StoredElement>) -> [ElementID] { elements.map(\.id) }

    @Test func timesBeforeBetweenAndAfter() throws {
        try withPlace { place in
            let all = try chain(place, [(.full, 100), (.inc, 200), (.inc, 300), (.full, 400), (.inc, 500)])
            #expect(ids(try place.plan().elements) == ids(all[3...4]))
            for (time, expected) in [
                (100, all[0...0]), (199, all[0...0]), (200, all[0...1]), (399, all[0...2]), (400, all[3...3]),
                (10_000, all[3...4]),
            ] {
                let plan = try place.plan(at: Int64(time))
                #expect(ids(plan.elements) == ids(expected), "at \(time)")
                #expect(plan.time == expected.last?.metadata.timestamp)
                #expect(plan.warnings.isEmpty)
                #expect(plan.size == Int64(expected.count))
            }
            let error = try #require(throws: BackupError.self) { _ = try place.plan(at: 99) }
            #expect(error.code == .notFound)
            #expect(error.message.contains(Timestamp(100).description))
            let other = #expect(throws: BackupError.self) {
                _ = try RestorePlan(place.storage, source: SourceURL("/host1/other"), at: .newest)
            }
            #expect(other?.code == .notFound)
        }
    }

    /// An element is the point itself, whatever else has its second.
    @Test func elementsOfOneSecond() throws {
        try withPlace { place in
            func plan(_ id: ElementID) throws -> RestorePlan {
                try RestorePlan(place.storage, source: place.source, at: .element(id))
            }
            let all = try chain(place, [(.full, 100), (.inc, 100), (.inc, 100), (.inc, 100)])
            for number in all.indices { #expect(ids(try plan(all[number].id).elements) == ids(all[...number])) }
            #expect(ids(try place.plan(at: 100).elements) == ids(all))
            for id in [
                ElementID(source: place.source, digits: all[0].id.digits, serial: 77, type: .inc),
                ElementID(source: try SourceURL("/host1/other"), digits: all[0].id.digits, serial: nil, type: .full),
            ] {
                let error = try #require(throws: BackupError.self) { _ = try plan(id) }
                #expect(error.code == .notFound)
                #expect(error.message.contains("\(id)"), "\(error)")
            }
            try place.storage.delete(all[1].id)
            let gap = try #require(throws: BackupError.self) { _ = try plan(all[2].id) }
            #expect(gap.code == .damaged)
        }
    }

    /// The chain tells the order, whatever the clock said.
    @Test func clockSetBack() throws {
        try withPlace { place in
            let all = try chain(place, [(.full, 1000), (.inc, 2000), (.inc, 500), (.inc, 600)])
            #expect(ids(try place.plan().elements) == ids(all))
            #expect(
                ids(try place.plan(at: 550).elements) == ids(all[0...2]), "the state that was newest when it was 550")
            #expect(ids(try place.plan(at: 2500).elements) == ids(all))
        }
    }

    @Test func gapNamesTheLastGoodTime() throws {
        try withPlace { place in
            let all = try chain(
                place, [(.full, 100), (.inc, 200), (.inc, 300), (.inc, 400), (.inc, 500), (.inc, 600), (.full, 700)])
            try place.storage.delete(all[2].id)
            for time: Int64 in [400, 500, 650] {
                let error = try #require(throws: BackupError.self) { _ = try place.plan(at: time) }
                #expect(error.code == .damaged)
                #expect(error.message.contains(all[3].id.description), "the element behind the gap")
                #expect(error.remedy.contains(all[1].metadata.timestamp.description), "\(error)")
            }
            #expect(ids(try place.plan(at: 250).elements) == ids(all[0...1]))
            let newest = try place.plan()
            #expect(ids(newest.elements) == [all[6].id])
            #expect(newest.warnings.contains { $0.contains(all[3].id.description) })
        }
    }

    /// Behind the first gap comes a second one: what lies between them is no good time either.
    @Test func twoGaps() throws {
        try withPlace { place in
            let all = try chain(
                place, [(.full, 100), (.inc, 200), (.inc, 300), (.inc, 400), (.inc, 500), (.inc, 600)])
            try place.storage.delete(all[1].id)
            try place.storage.delete(all[4].id)
            let error = try #require(throws: BackupError.self) { _ = try place.plan() }
            #expect(error.remedy.contains(Timestamp(100).description), "\(error)")
            try place.storage.delete(all[0].id)
            let hopeless = try #require(throws: BackupError.self) { _ = try place.plan() }
            #expect(!hopeless.remedy.contains("--at"), "\(hopeless)")
        }
    }

    /// The time in a remedy must work, and no error may come where every element is there.
    @Test func randomGaps() throws {
        var random = SeededGenerator()
        for _ in 0..<15 {
            try withPlace { place in
                var links: [(BackupType, Int64)] = []
                for number in 0..<12 {
                    links.append(
                        (
                            number == 0 || Int.random(in: 0..<5, using: &random) == 0 ? .full : .inc,
                            Int64(100 * number + 100)
                        ))
                }
                let all = try chain(place, links)
                let lost = Set(
                    (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 0..<12, using: &random) })
                for number in lost { try place.storage.delete(all[number].id) }
                for number in all.indices where !lost.contains(number) {
                    let start = try #require(links[...number].lastIndex { $0.0 == .full })
                    let isWhole = !lost.contains { (start...number).contains($0) }
                    do {
                        let plan = try place.plan(at: links[number].1)
                        #expect(isWhole, random.comment)
                        #expect(ids(plan.elements) == ids(all[start...number]), random.comment)
                    } catch let error as BackupError {
                        #expect(!isWhole, "\(error), \(random.comment)")
                        let good = links.indices.filter { !lost.contains($0) && $0 < number }.last { candidate in
                            let start = links[...candidate].lastIndex { $0.0 == .full } ?? 0
                            return !lost.contains { (start...candidate).contains($0) }
                        }
                        if let good {
                            let time = Timestamp(links[good].1)
                            #expect(error.remedy.contains(time.description), "\(error), \(random.comment)")
                            #expect(throws: Never.self, random.comment) { _ = try place.plan(at: time.seconds) }
                        } else {
                            #expect(!error.remedy.contains("--at"), "\(error), \(random.comment)")
                        }
                    }
                }
            }
        }
    }

    @Test func fork() throws {
        try withPlace { place in
            let all = try chain(place, [(.full, 100), (.inc, 200)])
            let other = try place.store(.inc, at: 300, data: [9], stages: [tarRecord], after: all[0])
            let plan = try place.plan()
            #expect(ids(plan.elements) == [all[0].id, other.id], "the newest branch")
            #expect(ids(try place.plan(at: 250).elements) == ids(all))
            #expect(plan.warnings.contains { $0.contains("fork") })
        }
    }

    @Test func circle() throws {
        try withPlace { place in
            func link(_ time: Int64, _ uuid: UInt8, _ predecessor: UInt8) throws -> StoredElement {
                let bytes = { (value: UInt8) in try #require(ElementUUID([UInt8](repeating: value, count: 64))) }
                return try place.storage.store(
                    place.source,
                    makeMetadata(
                        .inc, at: Timestamp(time), data: [1], uuid: try bytes(uuid), predecessor: try bytes(predecessor)
                    ),
                    data: [1])
            }
            let full = try place.store(.full, at: 100, data: [0], stages: [tarRecord])
            _ = try link(200, 1, 3)
            _ = try link(300, 2, 1)
            _ = try link(400, 3, 2)
            let error = try #require(throws: BackupError.self) { _ = try place.plan() }
            #expect(error.code == .damaged)
            #expect(error.message.contains("circle"))
            #expect(error.remedy.contains(full.metadata.timestamp.description), "\(error)")
            _ = try link(500, 4, 4)
            #expect(throws: BackupError.self) { _ = try place.plan() }
        }
    }

    @Test func incrementWithoutFull() throws {
        try withPlace { place in
            let lone = try place.storage.store(
                place.source, makeMetadata(.inc, at: Timestamp(100), data: [1], predecessor: nil), data: [1])
            let error = try #require(throws: BackupError.self) { _ = try place.plan() }
            #expect(error.code == .damaged)
            #expect(error.message.contains(lone.id.description))
        }
    }

    /// An element whose metadata cannot be read is a gap for those behind it, and a warning for those before.
    @Test func unreadableMetadata() throws {
        try withPlace { place in
            let all = try chain(place, [(.full, 100), (.inc, 200), (.inc, 300)])
            let path = try #require(place.storage.localPath(of: all[1].id))
            try place.place.write(String(path.dropFirst(place.place.path.utf8.count + 1).dropLast(4)) + "info", "{")
            #expect(throws: BackupError.self) { _ = try place.plan() }
            let plan = try place.plan(at: 150)
            #expect(ids(plan.elements) == ids(all[0...0]))
            #expect(plan.warnings.contains { $0.contains(all[1].id.description) })
        }
    }
}
