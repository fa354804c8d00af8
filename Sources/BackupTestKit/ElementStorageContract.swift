import BackupModel
package import BackupStorage
import BackupSystem
import Testing

/// What every storage of elements must do, one case for each promise. A storage's own tests run all of them:
///
///     @Test(arguments: ElementStorageContract.allCases)
///     func contract(_ promise: ElementStorageContract) throws { try promise.check { MyStorage() } }
package enum ElementStorageContract: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case storesWhatItWasGiven = "stores what it was given"
    case showsNothingBeforeCommit = "shows nothing before the commit"
    case forgetsDiscarded = "forgets what was discarded"
    case refusesWrongSize = "refuses another number of bytes than was written"
    case storesEmptyElements = "stores elements of zero bytes"
    case keepsUnknownKeys = "keeps metadata as it was written"
    case neverOverwrites = "gives each element of the same second its own name"
    case listsInOrder = "lists elements in the order of their names"
    case listsSources = "lists sources, parents before children, by name"
    case keepsSourcesApart = "keeps sources of similar names apart"
    case refusesUnknown = "refuses elements that are not there"
    case keepsAttributes = "keeps attributes"
    case deletesExactly = "deletes one element and nothing else"
    case storesGroups = "stores a group as each of its elements would be stored"
    case storesTheRestOfAGroup = "stores the others when one element of a group cannot be"
    case deletesGroups = "deletes a group, and says which were not there"
    case marksGroups = "sets an attribute of a group"
    case keepsPartials = "keeps partial files and their notes"
    case makesElementsOfPartials = "makes elements of partial files"
    case removesOldPartials = "removes old partial files that nobody holds"
    case listsChains = "lists each source in the order of its chain"
    case knowsUUIDs = "knows the UUIDs of a source"
    case inventsNothing = "lists nothing for a source that was never written"

    package var testDescription: String { rawValue }

    /// Checks this promise with a new, empty storage from `make`.
    package func check(_ make: () throws -> any ElementStorage) throws {
        let storage = try make()
        let source = try SourceURL("/host1/root")
        switch self {
        case .storesWhatItWasGiven: try Self.storing(storage, source)
        case .showsNothingBeforeCommit: try Self.beforeCommit(storage, source)
        case .forgetsDiscarded: try Self.discarding(storage, source)
        case .refusesWrongSize: try Self.wrongSize(storage, source)
        case .storesEmptyElements: try Self.emptyElement(storage, source)
        case .keepsUnknownKeys: try Self.unknownKeys(storage, source)
        case .neverOverwrites: try Self.sameSecond(storage, source)
        case .listsInOrder: try Self.order(storage, source)
        case .listsSources: try Self.listingSources(storage)
        case .keepsSourcesApart: try Self.similarSources(storage)
        case .refusesUnknown: try Self.unknownElement(storage, source)
        case .keepsAttributes: try Self.attributes(storage, source)
        case .deletesExactly: try Self.deletion(storage, source)
        case .storesGroups: try Self.groups(storage)
        case .storesTheRestOfAGroup: try Self.groupWithRefused(storage, source)
        case .deletesGroups: try Self.groupDeletion(storage, source)
        case .marksGroups: try Self.groupAttributes(storage, source)
        case .keepsPartials: try Self.partials(storage)
        case .makesElementsOfPartials: try Self.partialElements(storage, source)
        case .removesOldPartials: try Self.oldPartials(storage)
        case .listsChains: try Self.chains(storage)
        case .knowsUUIDs: try Self.uuids(storage, source)
        case .inventsNothing: try Self.nothing(storage, source)
        }
    }
}

// MARK: - Storing

extension ElementStorageContract {
    private static func storing(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var random = SeededGenerator()
        let data = random.bytes(200_000)
        let stored = try storage.store(source, data: data)
        #expect(stored.id.source == source)
        let found = try storage.element(stored.id)
        #expect(found.metadata == stored.metadata)
        #expect(found.size == 200_000)
        #expect(try storage.data(stored.id) == data, random.comment)
        #expect(try storage.data(stored.id) == data, "a second reader starts at the beginning")
    }

    private static func beforeCommit(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let data = Array("bytes".utf8)
        let sink = try storage.beginElement(source: source)
        try sink.descriptor.write(data)
        #expect(try storage.sources().isEmpty)
        #expect(try storage.elements(of: source).usable.isEmpty)
        #expect(try storage.elements(of: source).damaged.isEmpty)
        let id = try sink.commit(makeMetadata(data: data), size: Int64(data.count))
        #expect(try storage.elements(of: source).usable.map(\.id) == [id])
        sink.discard()
        #expect(try storage.data(id) == data, "discarding after a commit does nothing")
    }

    private static func discarding(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let sink = try storage.beginElement(source: source)
        try sink.descriptor.write(Array("bytes".utf8))
        sink.discard()
        sink.discard()
        #expect(try storage.sources().isEmpty)
        let stored = try storage.store(source)
        #expect(stored.id.serial == nil, "a discarded element took a name")
    }

    private static func wrongSize(_ storage: any ElementStorage, _ source: SourceURL) throws {
        for size: Int64 in [4, 6, 0] {
            let sink = try storage.beginElement(source: source)
            defer { sink.discard() }
            try sink.descriptor.write(Array("bytes".utf8))
            #expect(throws: BackupError.self) { _ = try sink.commit(makeMetadata(), size: size) }
        }
        #expect(try storage.sources().isEmpty)
    }

    private static func emptyElement(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let stored = try storage.store(source, data: [])
        #expect(try storage.element(stored.id).size == 0)
        #expect(try storage.data(stored.id) == [])
    }

    private static func unknownKeys(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let text = #"{"BackupType": "full", "Later": {"a": [1e3, null]}, "Timestamp": 1795220058, "Umlaut": "\u00e4"}"#
        let metadata = try ElementMetadata(parsing: Array(text.utf8))
        let stored = try storage.store(source, metadata, data: [1])
        #expect(try storage.element(stored.id).metadata.text == text)
    }

    private static func sameSecond(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var ids: [ElementID] = []
        for number in 0..<12 { ids.append(try storage.store(source, data: [UInt8(number)]).id) }
        #expect(ids.map(\.serial) == [nil, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        #expect(try storage.store(source, .inc).id.serial == nil, "each type counts for itself")
        for (number, id) in ids.enumerated() { #expect(try storage.data(id) == [UInt8(number)]) }
        #expect(try storage.elements(of: source).usable.filter { $0.id.type == .full }.map(\.id) == ids)
    }
}

// MARK: - Listing

extension ElementStorageContract {
    private static func order(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var random = SeededGenerator()
        var expected: [ElementID] = []
        for offset in (0..<40).shuffled(using: &random) {
            let type = BackupType.allCases[offset % 2]
            expected.append(try storage.store(source, type, at: Timestamp(1_795_220_058 + Int64(offset / 3))).id)
        }
        expected.sort()
        let listed = try storage.elements(of: source)
        #expect(listed.usable.map(\.id) == expected, random.comment)
        #expect(listed.damaged.isEmpty)
    }

    private static func listingSources(_ storage: any ElementStorage) throws {
        let sources = try ["/a", "/a/b", "/a/b/c", "/a/b-c", "/b/x.y", "/b/x%2F", "/z"].map(SourceURL.init)
        for source in sources.reversed() { try storage.store(source) }
        let listed = try storage.sources()
        #expect(Set(listed) == Set(sources))
        #expect(listed.count == sources.count, "a source is listed twice")
        for (position, source) in listed.enumerated() {
            for child in listed[..<position] {
                #expect(!child.description.hasPrefix(source.description + "/"), "\(child) stands before \(source)")
            }
        }
        let below = try storage.sources(matching: SourcePattern("/a"))
        #expect(Set(below.map(\.description)) == ["/a", "/a/b", "/a/b/c", "/a/b-c"])
    }

    private static func similarSources(_ storage: any ElementStorage) throws {
        let sources = try ["/a/log", "/a/log2", "/a/2-log", "/a/log-full", "/a/log/log", "/log", "/a/b/log"].map(
            SourceURL.init)
        var ids: [SourceURL: ElementID] = [:]
        for (number, source) in sources.enumerated() {
            ids[source] = try storage.store(source, data: [UInt8(number)]).id
        }
        #expect(Set(try storage.sources()) == Set(sources))
        for (number, source) in sources.enumerated() {
            let listed = try storage.elements(of: source).usable
            #expect(listed.map(\.id) == [ids[source]])
            if let id = ids[source] { #expect(try storage.data(id) == [UInt8(number)]) }
        }
        for pattern in [nil, try SourcePattern("/a")] {
            var all: [ElementID] = []
            try storage.forEachElement(matching: pattern) { source, listed in
                guard case .element(let element) = listed else {
                    Issue.record("\(listed)")
                    return
                }
                #expect(element.id.source == source)
                all.append(element.id)
            }
            #expect(all == (try storage.sources(matching: pattern)).compactMap { ids[$0] })
        }
    }

    private static func nothing(_ storage: any ElementStorage, _ source: SourceURL) throws {
        #expect(try storage.sources().isEmpty)
        #expect(try storage.elements(of: source).usable.isEmpty)
        try storage.store(SourceURL("/host1/root/below"))
        try storage.store(SourceURL("/host1"))
        #expect(try storage.elements(of: source).usable.isEmpty)
    }
}

// MARK: - Changing

extension ElementStorageContract {
    private static func unknownElement(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let there = try storage.store(source, .inc).id
        for id in [
            ElementID(source: source, digits: there.digits, serial: nil, type: .full),
            ElementID(source: source, digits: there.digits, serial: 0, type: .inc),
            ElementID(source: source, digits: "19990101000000", serial: nil, type: .inc),
            ElementID(source: try SourceURL("/other/root"), digits: there.digits, serial: nil, type: .inc),
        ] {
            let name = try AttributeName("fact")
            try expectNotFound { _ = try storage.element(id) }
            try expectNotFound { _ = try storage.openData(id) }
            try expectNotFound { _ = try storage.attributes(of: id) }
            try expectNotFound { _ = try storage.attribute(name, of: id) }
            try expectNotFound { try storage.setAttribute(name, of: id, to: [1]) }
            try expectNotFound { try storage.delete(id) }
        }
        #expect(try storage.elements(of: source).usable.map(\.id) == [there])
        #expect(try storage.sources() == [source])
    }

    private static func expectNotFound(
        _ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let error = try #require(throws: BackupError.self, sourceLocation: sourceLocation) { try body() }
        #expect(error.code == .notFound, sourceLocation: sourceLocation)
    }

    private static func attributes(_ storage: any ElementStorage, _ source: SourceURL) throws {
        let element = try storage.store(source)
        let id = element.id
        let other = try storage.store(source).id
        let copies = try AttributeName("copies")
        let proof = try AttributeName("proof_1")
        #expect(try storage.attributes(of: id).isEmpty)
        #expect(try storage.attribute(copies, of: id) == nil)
        try storage.setAttribute(proof, of: id, to: Array("yes".utf8))
        try storage.setAttribute(copies, of: id, to: [])
        #expect(try storage.attributes(of: id) == [copies, proof])
        #expect(try storage.attribute(copies, of: id) == [])
        try storage.setAttribute(copies, of: id, to: Array(repeating: 7, count: 1 << 20))
        #expect(try storage.attribute(copies, of: id)?.count == 1 << 20)
        try storage.setAttribute(proof, of: id, to: nil)
        try storage.setAttribute(proof, of: id, to: nil)
        #expect(try storage.attributes(of: id) == [copies])
        #expect(try storage.attributes(of: other).isEmpty)
        let found = try storage.element(id)
        #expect(found.metadata == element.metadata, "attributes are no part of the element")
        #expect(try storage.elements(of: source).usable.map(\.id) == [id, other])
    }

    private static func deletion(_ storage: any ElementStorage, _ source: SourceURL) throws {
        var ids: [ElementID] = []
        for number in 0..<13 { ids.append(try storage.store(source, data: [UInt8(number)]).id) }
        let neighbour = try storage.store(SourceURL("/host1/root-full")).id
        let second = try storage.store(SourceURL("/host1/root2")).id
        let name = try AttributeName("fact")
        for id in ids + [neighbour, second] { try storage.setAttribute(name, of: id, to: [1]) }
        // Without serial, then serial 1, which is the beginning of 10 and 11.
        for position in [0, 2] {
            let id = ids[position]
            try storage.delete(id)
            try expectNotFound { _ = try storage.element(id) }
            try expectNotFound { _ = try storage.openData(id) }
            try expectNotFound { try storage.delete(id) }
        }
        let left = ids.enumerated().filter { ![0, 2].contains($0.offset) }.map(\.element)
        #expect(try storage.elements(of: source).usable.map(\.id) == left)
        for id in left + [neighbour, second] {
            #expect(try storage.attribute(name, of: id) == [1])
            #expect(try storage.openData(id).readAll(limit: 100).isEmpty == false)
        }
        for id in left { try storage.delete(id) }
        #expect(try storage.sources() == [neighbour.source, second.source])
    }
}
