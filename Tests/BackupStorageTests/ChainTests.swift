import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@Suite struct ChainTests {
    private let source: SourceURL

    init() throws { source = try SourceURL("/a/x") }

    private func uuid(_ name: String) throws -> ElementUUID { try #require(ElementUUID(Array(name.utf8))) }

    /// An element called `name`, `time` seconds after the first possible one.
    private func element(
        _ name: String, _ type: BackupType = .inc, after predecessor: String? = nil, time: Int64
    ) throws -> StoredElement {
        let metadata = makeMetadata(
            type, at: Timestamp(time), uuid: try uuid(name), predecessor: try predecessor.map { try uuid($0) })
        let id = ElementID(source: source, digits: metadata.timestamp.digits, serial: nil, type: type)
        return StoredElement(id: id, metadata: metadata, size: 1)
    }

    private func order(_ chain: ElementChain) -> [String] {
        chain.elements.map { $0.metadata.uuid.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "" }
    }

    /// The chain gives the order, whatever the clock did and in whatever order the elements come.
    @Test func orderIsTheChains() throws {
        var random = SeededGenerator()
        var elements: [StoredElement] = []
        var names: [String] = []
        for number in 0..<50 {
            let name = "e\(number)"
            let time = Int64.random(in: 0...100, using: &random)
            elements.append(try element(name, number % 7 == 0 ? .full : .inc, after: names.last, time: time))
            names.append(name)
        }
        for _ in 0..<20 {
            let chain = ElementChain(source: source, elements.shuffled(using: &random))
            #expect(order(chain) == names, random.comment)
            #expect(chain.violations == [], random.comment)
        }
    }

    @Test func fullsWithoutPredecessorAreNoViolation() throws {
        let chain = ElementChain(
            source: source,
            [
                try element("b", .full, time: 2), try element("c", .full, after: "gone", time: 3),
                try element("a", .full, time: 1),
            ])
        #expect(order(chain) == ["a", "b", "c"])
        #expect(chain.violations == [])
        #expect(ElementChain(source: source, []).violations == [])
    }

    @Test(arguments: ["gone", nil]) func gap(_ predecessor: String?) throws {
        let lost = try element("c", after: predecessor, time: 3)
        let chain = ElementChain(
            source: source, [try element("a", .full, time: 1), lost, try element("d", after: "c", time: 4)])
        #expect(order(chain) == ["a", "c", "d"])
        #expect(chain.violations.count == 1)
        #expect(chain.violations.first?.contains("\(lost.id)") == true)
        #expect(chain.violations.first?.contains("gap") == true)
    }

    @Test func fork() throws {
        let first = try element("a", .full, time: 1)
        let left = try element("b", after: "a", time: 2)
        let right = try element("c", after: "a", time: 3)
        let chain = ElementChain(source: source, [right, first, left, try element("d", after: "b", time: 4)])
        #expect(Set(order(chain)) == ["a", "b", "c", "d"])
        #expect(chain.violations.count == 1)
        for id in [first.id, left.id, right.id] {
            #expect(chain.violations.first?.contains(id.baseName) == true)
        }
        #expect(chain.violations.first?.contains("fork") == true)
    }

    @Test func circle() throws {
        let elements = [
            try element("f", .full, time: 0), try element("a", after: "c", time: 1),
            try element("b", after: "a", time: 2),
            try element("c", after: "b", time: 3),
        ]
        let chain = ElementChain(source: source, elements)
        #expect(chain.elements.count == 4, "elements in a circle are not lost")
        #expect(chain.violations.count == 1)
        #expect(chain.violations.first?.contains("circle") == true)
        #expect(chain.violations.first?.contains(elements[1].id.baseName) == true)
    }

    @Test(arguments: BackupType.allCases) func itsOwnPredecessor(_ type: BackupType) throws {
        let lone = try element("a", type, after: "a", time: 1)
        let chain = ElementChain(source: source, [lone])
        #expect(chain.elements.count == 1)
        #expect(chain.violations.count == 1)
        #expect(chain.violations.first?.contains("circle") == true)
        #expect(chain.violations.first?.contains("\(lone.id)") == true)
    }

    @Test func sameUUIDTwice() throws {
        let first = try element("a", .full, time: 1)
        let twin = try element("a", .full, time: 2)
        let chain = ElementChain(source: source, [twin, first])
        #expect(chain.elements.map(\.id) == [first.id, twin.id])
        #expect(chain.violations.count == 1)
        #expect(chain.violations.first?.contains("\(first.id)") == true)
        #expect(chain.violations.first?.contains("\(twin.id)") == true)
    }

    /// Longer than any stack would take, were it recursive.
    @Test func longChain() throws {
        var elements: [StoredElement] = []
        for number in 0..<20_000 {
            let after = number == 0 ? nil : "e\(number - 1)"
            elements.append(try element("e\(number)", number == 0 ? .full : .inc, after: after, time: 5))
        }
        let chain = ElementChain(source: source, elements.reversed())
        #expect(chain.violations == [])
        #expect(order(chain).last == "e19999")
    }

    /// Whatever the predecessors say: nothing crashes, and no element is lost or shown twice.
    @Test func anyPredecessors() throws {
        var random = SeededGenerator()
        for _ in 0..<300 {
            let count = Int.random(in: 1...8, using: &random)
            var elements: [StoredElement] = []
            for number in 0..<count {
                let name = "e\(Int.random(in: 0..<count, using: &random))"
                let after = Bool.random(using: &random) ? "e\(Int.random(in: 0...count, using: &random))" : nil
                let type = Bool.random(using: &random) ? BackupType.full : .inc
                elements.append(try element(name, type, after: after, time: Int64(number)))
            }
            let chain = ElementChain(source: source, elements)
            #expect(chain.elements.map(\.id).sorted() == elements.map(\.id).sorted(), random.comment)
            #expect(
                ElementChain(source: source, elements.shuffled(using: &random)).elements.map(\.id)
                    == chain.elements.map(\.id), random.comment)
        }
    }

    @Test func violationsAreInTheResultOfAVerification() async throws {
        try await withStorage { place in
            let first = try place.storage.store(source)
            let second = try place.storage.store(source, .inc, after: first)
            try place.storage.store(source, .inc, at: Timestamp(1_795_220_061), after: second)
            let verification = StorageVerification(place.storage, jobs: 1)
            #expect(try await verification.verify(source).isSound)
            try place.storage.delete(second.id)
            let result = try await verification.verify(source)
            #expect(result.chainViolations.count == 1)
            #expect(!result.isSound)
            #expect(result.sound.count == 2)
        }
    }
}
