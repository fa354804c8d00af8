import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Testing

@Suite struct ContractTests {
    @Test(arguments: ElementStorageContract.allCases, [DefaultFileStorage.Durability.none, .filesystem, .element])
    func fileStorage(_ promise: ElementStorageContract, _ durability: DefaultFileStorage.Durability) throws {
        try withTemporaryDirectory { place in
            try promise.check {
                try DefaultFileStorage(path: place.path("store"), durability: durability, create: true)
            }
        }
    }

    @Test(arguments: ElementStorageContract.allCases)
    func localNames(_ promise: ElementStorageContract) throws {
        try withTemporaryDirectory { place in
            try promise.check { try DefaultFileStorage(path: place.path("store"), nameZone: .local, create: true) }
        }
    }

    /// What a storage gets that has nothing of its own for groups; partial files it has none.
    @Test(arguments: ElementStorageContract.allCases.filter { !needPartials.contains($0) })
    func oneByOne(_ promise: ElementStorageContract) throws {
        try withTemporaryDirectory { place in
            try promise.check {
                OneByOneStorage(
                    storage: try DefaultFileStorage(path: place.path("store"), durability: .none, create: true))
            }
        }
    }

    private static let needPartials: [ElementStorageContract] = [
        .storesTheRestOfAGroup, .keepsPartials, .makesElementsOfPartials, .removesOldPartials,
    ]

    /// The decorator fails where it was told to, and is transparent else.
    @Test func faultyStorage() throws {
        try withStorage { place in
            let source = try SourceURL("/a")
            let error = BackupError(.noSpace, "made up")
            let faulty = FaultyStorage(place.storage, failingCall: 4, with: error)
            try faulty.store(source)
            #expect(faulty.calls == 2)
            let sink = try faulty.beginElement(source: source)
            defer { sink.discard() }
            let thrown = try #require(throws: BackupError.self) { _ = try sink.commit(makeMetadata(), size: 0) }
            #expect(thrown.code == .noSpace)
            #expect(try faulty.elements(of: source).usable.count == 1, "calls after the failing one work")
            let group = FaultyStorage(place.storage, failingCall: 2, with: error)
            let pending = PendingElement(source: source, metadata: makeMetadata(), content: .bytes([]))
            let id = try group.commit([pending])[0].get()
            for result in group.delete([id, id]) { #expect(throws: BackupError.self) { try result.get() } }
            #expect(group.calls == 2, "a call for many counts once")
            try group.delete([id])[0].get()
            let lasting = FaultyStorage(place.storage, failingCall: 1, with: error, lasting: true)
            for _ in 0..<3 { #expect(throws: BackupError.self) { _ = try lasting.sources() } }
            #expect(try place.storage.elements(of: source).usable.count == 1)
        }
    }
}

/// Only what every storage must have of its own.
private struct OneByOneStorage: ElementStorage {
    let storage: DefaultFileStorage

    func beginElement(source: SourceURL) throws(BackupError) -> any ElementSink {
        try storage.beginElement(source: source)
    }

    func element(_ id: ElementID) throws(BackupError) -> StoredElement { try storage.element(id) }

    func arrivalTime(of id: ElementID) throws(BackupError) -> Timestamp? { try storage.arrivalTime(of: id) }

    func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) { try storage.forEachSource(matching: pattern, body) }

    func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) { try storage.forEachElement(of: source, body) }

    func openData(_ id: ElementID) throws(BackupError) -> OwnedDescriptor { try storage.openData(id) }

    func localPath(of id: ElementID) -> String? { nil }

    func attributes(of id: ElementID) throws(BackupError) -> [AttributeName] { try storage.attributes(of: id) }

    func attribute(_ name: AttributeName, of id: ElementID) throws(BackupError) -> [UInt8]? {
        try storage.attribute(name, of: id)
    }

    func setAttribute(_ name: AttributeName, of id: ElementID, to value: [UInt8]?) throws(BackupError) {
        try storage.setAttribute(name, of: id, to: value)
    }

    func delete(_ id: ElementID) throws(BackupError) { try storage.delete(id) }
}
