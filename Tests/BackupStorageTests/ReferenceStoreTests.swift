import BackupModel
import BackupStorage
import BackupTestKit
import Testing

/// A storage that the original program wrote is read and continued.
@Suite struct ReferenceStoreTests {
    private func withReference(_ body: (ReferenceStore, DefaultFileStorage) async throws -> Void) async throws {
        try await withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let before = try contentsOfTree(reference.dataPath, aspects: [.mode, .owner, .hardLinks])
            try await body(reference, try DefaultFileStorage(path: reference.dataPath))
            // Whatever was done: what the original wrote is as it was.
            let after = try contentsOfTree(reference.dataPath, aspects: [.mode, .owner, .hardLinks])
            for (name, line) in before { #expect(after[name] == line, "\(name)") }
        }
    }

    @Test func listing() async throws {
        try await withReference { _, storage in
            #expect(try storage.sources().map(\.description) == ["/host1/root", "/host1/var/log/syslog"])
            let root = try storage.elements(of: SourceURL("/host1/root"))
            #expect(root.damaged.isEmpty)
            #expect(root.usable.map(\.id.baseName) == ["20261121001418-root-full", "20261121001420-root-inc"])
            #expect(root.usable.map(\.metadata.type) == [.full, .inc])
            #expect(root.usable.map(\.size) == [248, 169])
            #expect(root.usable.map(\.metadata.timestamp.seconds) == [1_795_220_058, 1_795_220_060])
            #expect(root.usable.map { $0.metadata.uuid?.description } == ["WayP9EsqMM04", "BNMeUmMgNDH/"])
            #expect(root.usable[1].metadata.predecessor == root.usable[0].metadata.uuid)
            #expect(root.usable[0].metadata.handlingPolicies == ["default"])
            let log = try storage.elements(of: SourceURL("/host1/var/log/syslog"))
            #expect(log.usable.map(\.id.baseName) == ["20261121001418-syslog-full", "202611210014180-syslog-full"])
            #expect(log.usable.map { $0.metadata.uuid?.description } == ["jyOPYkvcCOkA", "ZwZyStHvmZ44"])
            #expect(try storage.sources(matching: SourcePattern("**/log/*")).count == 1)
        }
    }

    @Test func chainsAndBytesAreSound() async throws {
        try await withReference { _, storage in
            let verification = StorageVerification(storage, jobs: 2)
            for source in try storage.sources() {
                let result = try await verification.verify(source)
                #expect(result.isSound, "\(result)")
                #expect(result.sound.count == 2)
                #expect(result.unchecked.isEmpty)
            }
            #expect(verification.progress.bytes == 248 + 169 + 52 + 52)
            #expect(try verification.strayFiles() == [])
        }
    }

    /// An element of the original does not say by which rule its UUID was made: none that differs is called damage.
    @Test(arguments: ["host1/20261121001418-root-full", "host1/var/log/20261121001418-syslog-full"])
    func elementsWithoutPipelineAreNotJudged(_ name: String) async throws {
        try await withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let storage = try DefaultFileStorage(path: reference.dataPath)
            let info = "reference/data/\(name).info"
            let text = String(decoding: try place.read(info), as: UTF8.self)
            let changed = text.split(separator: "1795220058", omittingEmptySubsequences: false)
            try #require(changed.count == 2)
            try place.write(info, changed.joined(separator: "1795220059"))
            for source in try storage.sources() {
                let result = try await StorageVerification(storage, jobs: 1).verify(source)
                #expect(result.isSound, "\(result)")
                #expect(result.sound.count == 2)
            }
        }
    }

    /// Same second, same source, same type: serial numbers go on after those of the original.
    @Test func extending() async throws {
        try await withReference { _, storage in
            let source = try SourceURL("/host1/var/log/syslog")
            var last = try storage.elements(of: source).usable.last
            for serial in 1...3 {
                let next = try storage.store(source, .full, data: [UInt8(serial)], after: last)
                #expect(next.id.serial == serial)
                last = next
            }
            let tar = try SourceURL("/host1/root")
            let increment = try storage.elements(of: tar).usable.last
            let next = try storage.store(tar, .inc, at: Timestamp(1_795_220_060), after: increment)
            #expect(next.id.baseName == "202611210014200-root-inc")
            let listed = try storage.elements(of: source).usable
            #expect(listed.map(\.id.serial) == [nil, 0, 1, 2, 3])
            #expect(ElementChain(source: source, listed.shuffled()).elements.map(\.id) == listed.map(\.id))
            for source in try storage.sources() {
                #expect(try await StorageVerification(storage, jobs: 1).verify(source).isSound)
            }
        }
    }

    @Test func recoveryFindsNothing() async throws {
        try await withReference { _, storage in
            var recovery = StorageRecovery(storage)
            try recovery.run(now: Timestamp(2_000_000_000))
            #expect(recovery.actions == [])
        }
    }

    @Test func metadataIsWrittenBackAsItWas() throws {
        try withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let storage = try DefaultFileStorage(path: reference.dataPath)
            for source in try storage.sources() {
                for element in try storage.elements(of: source).usable {
                    let path = try #require(storage.localPath(of: element.id)).dropFirst(place.path.count + 1).dropLast(
                        4)
                    #expect(Array(element.metadata.text.utf8) == (try place.read(path + "info")))
                }
            }
        }
    }

    /// A full by its name that says it is an increment, or the other way round, would be restored wrongly.
    @Test func aTypeThatContradictsTheNameIsDamage() throws {
        try withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let storage = try DefaultFileStorage(path: reference.dataPath)
            let id = try ElementID("/host1/20261121001420-root-inc")
            let info = reference.dataPath + "/host1/20261121001420-root-inc.info"
            #expect(try ToolRun(["sed", "-i", "s/\"BackupType\": \"inc\"/\"BackupType\": \"full\"/", info]).isSuccess)
            let error = try #require(throws: BackupError.self) { _ = try storage.element(id) }
            #expect(error.code == .damaged)
            #expect(error.description.contains("BackupType"), "\(error)")
        }
    }
}
