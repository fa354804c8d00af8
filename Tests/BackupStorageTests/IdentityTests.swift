import BackupModel
import BackupStorage
import BackupTestKit
import Testing

/// `DataUuid` against what it was made from.
@Suite struct IdentityTests {
    /// Two elements in a chain; the metadata of the second is replaced. Gives what a verification then says of it.
    private func verifyAfter(
        stage: String = "tar", _ change: (StoredElement) throws -> ElementMetadata
    ) async throws -> BackupError? {
        var found: BackupError?
        try await withStorage { place in
            let source = try SourceURL("/host/x")
            let pipeline = [
                StageRecord(stage: stage, restore: nil), StageRecord(stage: "zstd", restore: ["zstd", "-d"]),
            ]
            let first = try place.storage.store(source, data: [1], pipeline: pipeline)
            let second = try place.storage.store(
                source, .inc, at: Timestamp(1_795_220_060), data: [2], after: first, pipeline: pipeline)
            let verification = StorageVerification(place.storage, jobs: 1)
            #expect(try await verification.verify(source).isSound)
            try place.place.write(place.file(second.id, "info"), try change(second).text)
            let result = try await verification.verify(source)
            #expect(result.sound.count + result.damaged.count + result.unchecked.count == 2)
            #expect(result.sound.contains(first.id))
            #expect(result.damaged.allSatisfy { $0.id == second.id })
            found = result.damaged.first?.error
            if let found { #expect(found.message.contains("\(second.id)"), "\(found)") }
        }
        return found
    }

    private func changed(
        _ element: StoredElement, time: Timestamp? = nil, uuid: ElementUUID? = nil, predecessor: ElementUUID? = nil,
        keepsPredecessor: Bool = true, checksum: [UInt8]? = nil, stage: String = "tar"
    ) throws -> ElementMetadata {
        let old = element.metadata
        return ElementMetadata(
            type: old.type, timestamp: time ?? old.timestamp, uuid: try #require(uuid ?? old.uuid),
            predecessor: keepsPredecessor ? predecessor ?? old.predecessor : nil, handlingPolicies: ["other"],
            checksum: try #require(checksum ?? old.checksum), pipeline: [StageRecord(stage: stage, restore: nil)],
            origin: ElementOrigin(machine: nil, unit: "test", software: "test"))
    }

    @Test(arguments: ["tar", "command", "program"]) func changesOfTheChainAreFound(_ stage: String) async throws {
        let other = try #require(ElementUUID([UInt8](repeating: 7, count: 64)))
        let changes: [(StoredElement) throws -> ElementMetadata] = [
            { try changed($0, time: Timestamp($0.metadata.timestamp.seconds + 1), stage: stage) },
            { try changed($0, uuid: other, stage: stage) }, { try changed($0, predecessor: other, stage: stage) },
            { try changed($0, keepsPredecessor: false, stage: stage) },
        ]
        for change in changes {
            let error = try #require(try await verifyAfter(stage: stage, change))
            #expect(error.code == .damaged)
            #expect(error.message.contains("not what it was made with"), "\(error)")
            #expect(error.remedy.contains("another copy"), "\(error)")
        }
    }

    /// What the UUID does not cover may differ.
    @Test func otherKeysAreNotJudged() async throws {
        #expect(try await verifyAfter { try changed($0) } == nil)
    }

    /// What other stages make of a UUID is not known.
    @Test(arguments: ["process", "log", ""]) func otherFirstStagesAreNotJudged(_ stage: String) async throws {
        let error = try await verifyAfter(stage: stage) { try changed($0, time: Timestamp(5), stage: stage) }
        #expect(error == nil)
    }

    @Test func aChangedChecksumIsNamedAsSuch() async throws {
        let error = try #require(
            try await verifyAfter { try changed($0, checksum: [UInt8](repeating: 3, count: 64)) })
        #expect(error.message.contains("SHA-512"), "\(error)")
    }

    /// An element that was put into the place of another source.
    @Test func aRenamedDirectoryIsFound() async throws {
        try await withStorage { place in
            let element = try place.storage.store(
                SourceURL("/host/x"), pipeline: [StageRecord(stage: "tar", restore: nil)])
            try place.place.makeDirectory("store/renamed")
            for suffix in ["data", "info"] {
                let bytes = try place.place.read(place.file(element.id, suffix))
                try place.place.write("store/renamed/" + element.id.fileName(suffix), bytes)
            }
            let verification = StorageVerification(place.storage, jobs: 1)
            #expect(try await verification.verify(SourceURL("/host/x")).isSound)
            let error = try #require(try await verification.verify(SourceURL("/renamed/x")).damaged.first?.error)
            #expect(error.remedy.contains("old name"), "\(error)")
        }
    }
}

/// Elements of log files, whose UUID has the name of the file in place of the source.
@Suite struct LogIdentityTests {
    private func verify(file: String?, named: String = "syslog.1", time: Int64 = 0) async throws -> BackupError? {
        var found: BackupError?
        try await withStorage { place in
            let source = try SourceURL("/host/syslog")
            let checksum = DataDigest.sha512([1, 2, 3])
            let timestamp = Timestamp(1_795_220_058)
            let uuid = try #require(
                DataDigest.uuid(predecessor: nil, checksum: checksum, timestamp: timestamp, name: named))
            let stage = StageRecord(stage: "logfile", restore: nil, other: file.map { ["File": .string($0)] } ?? [:])
            let metadata = ElementMetadata(
                type: .full, timestamp: Timestamp(timestamp.seconds + time), uuid: uuid, predecessor: nil,
                handlingPolicies: [], checksum: checksum, pipeline: [stage],
                origin: ElementOrigin(machine: nil, unit: "test", software: "test"))
            _ = try place.storage.store(source, metadata, data: [1, 2, 3])
            found = try await StorageVerification(place.storage, jobs: 1).verify(source).damaged.first?.error
        }
        return found
    }

    @Test func theNameOfTheFileIsPartOfIt() async throws {
        #expect(try await verify(file: "syslog.1") == nil)
        #expect(try await verify(file: "syslog.2")?.code == .damaged)
        #expect(try await verify(file: "syslog.1", time: 1)?.code == .damaged)
        // Nobody knows what it was made from.
        #expect(try await verify(file: nil, named: "other") == nil)
    }
}
