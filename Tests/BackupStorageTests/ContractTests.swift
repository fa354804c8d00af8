import BackupModel
import BackupStorage
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
            let lasting = FaultyStorage(place.storage, failingCall: 1, with: error, lasting: true)
            for _ in 0..<3 { #expect(throws: BackupError.self) { _ = try lasting.sources() } }
            #expect(try place.storage.elements(of: source).usable.count == 1)
        }
    }
}
