import BackupModel
import BackupTestKit
import Testing

@testable import BackupStorage

/// The order that takes little memory is the order of ``ElementChain``.
@Suite struct ChainOrderTests {
    private func order(_ elements: [StoredElement]) throws -> [ElementID] {
        var order = ChainOrder()
        for element in elements { order.add(element) }
        var ids: [ElementID] = []
        let source = try SourceURL("/a/x")
        try order.forEach { ids.append($0.id(of: source)) }
        return ids
    }

    private func element(_ number: Int, _ uuid: Int?, after predecessor: Int?, time: Int64) throws -> StoredElement {
        func make(_ value: Int) throws -> ElementUUID { try #require(ElementUUID(Array("e\(value)".utf8))) }
        var text = "{\"BackupType\": \"\(number % 2 == 0 ? "full" : "inc")\""
        if let uuid { text += ", \"DataUuid\": \"\(try make(uuid).base64)\"" }
        if let predecessor { text += ", \"Predecessor\": \"\(try make(predecessor).base64)\"" }
        let metadata = try ElementMetadata(parsing: Array((text + ", \"Timestamp\": \(time)}").utf8))
        let id = ElementID(
            source: try SourceURL("/a/x"), digits: metadata.timestamp.digits, serial: number == 0 ? nil : number,
            type: metadata.type)
        return StoredElement(id: id, metadata: metadata, size: 1)
    }

    /// Gaps, forks, circles, the same UUID twice, none at all.
    @Test func anyPredecessors() throws {
        var random = SeededGenerator()
        for _ in 0..<1000 {
            let count = Int.random(in: 0...12, using: &random)
            var elements: [StoredElement] = []
            for number in 0..<count {
                let uuid = Int.random(in: 0...9, using: &random) == 0 ? nil : Int.random(in: 0..<count, using: &random)
                let after = Bool.random(using: &random) ? Int.random(in: 0...count, using: &random) : nil
                elements.append(
                    try element(number, uuid, after: after, time: Int64.random(in: 0...3, using: &random)))
            }
            let expected = ElementChain(source: try SourceURL("/a/x"), elements).elements.map(\.id)
            #expect(try order(elements.shuffled(using: &random)) == expected, random.comment)
        }
    }

    @Test func longChain() throws {
        let elements = try (0..<20_000).map { try element($0, $0, after: $0 == 0 ? nil : $0 - 1, time: 5) }
        #expect(try order(elements.reversed()) == elements.map(\.id))
    }

    @Test func manyFollowersOfOne() throws {
        let elements = try (0..<20_000).map { try element($0, $0, after: $0 == 0 ? nil : 0, time: 5) }
        #expect(try order(elements.reversed()) == elements.map(\.id))
    }
}
