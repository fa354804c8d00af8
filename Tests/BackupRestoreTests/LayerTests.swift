import BackupModel
import BackupPipeline
import BackupStorage
import BackupSystem
import BackupTestKit
import Testing

@testable import BackupRestore

/// How an element is undone: by its record, or by its bytes.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LayerTests {
    // MARK: - What the original stored

    @Test func referenceStore() async throws {
        try await withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let storage = try DefaultFileStorage(path: reference.dataPath)
            let before = try contentsOfTree(reference.dataPath)
            let session = makeSession(storage, reference.dataPath, place)
            let root = try RestorePlan(storage, source: SourceURL("/host1/root"), at: .newest)
            #expect(root.elements.count == 2)
            #expect(try await session.rehearse(root).isEmpty)
            for element in root.elements { #expect(try await session.layers(of: element).isArchive) }
            let target = try RestoreTarget(
                place.path("t"), permissions: .init(), storagePath: reference.dataPath, increments: 1)
            try await session.extract(root, to: target, paths: []) { _, _ in }
            // The same by hand, as the original's manual says.
            try place.makeDirectory("by-hand")
            for element in root.elements {
                let path = try #require(storage.localPath(of: element.id))
                let kind = try await session.layers(of: element).shellCommands
                let undo = kind.map { $0.joined(separator: " ") }.joined(separator: " | ")
                try shell(
                    "<'\(path)' \(undo.isEmpty ? "cat" : undo) | tar -x -g /dev/null -C by-hand -f -", in: place.path)
            }
            #expect(
                treeDifferences(try contentsOfTree(place.path("t")), try contentsOfTree(place.path("by-hand"))) == [])
            #expect(!place.names("t").isEmpty)
            let log = try RestorePlan(storage, source: SourceURL("/host1/var/log/syslog"), at: .newest)
            let file = try RestoreTarget(
                place.path("u"), permissions: .init(), storagePath: reference.dataPath, increments: 0)
            try await session.extract(log, to: file, paths: []) { _, _ in }
            #expect(place.names("u") == ["syslog"])
            #expect(try place.read("u/syslog").isEmpty == false)
            #expect(try contentsOfTree(reference.dataPath) == before)
        }
    }

    /// Metadata without `Pipeline`, as the original writes it.
    private func storeLikeTheOriginal(_ restore: RestorePlace, _ data: [UInt8]) throws -> StoredElement {
        let checksum = Base64.encode(DataDigest.sha512(data))
        let text = #"{"BackupType": "full", "StorageFileChecksumSha512": "\#(checksum)", "Timestamp": 1000}"#
        return try restore.storage.store(restore.source, ElementMetadata(parsing: Array(text.utf8)), data: data)
    }

    @Test(
        arguments: ["gnu", "posix", "ustar", "v7"],
        ["cat", "gzip", "bzip2", "xz", "zstd -q", "gzip | xz", "gzip | bzip2 | zstd -q"])
    func layersAreFoundByTheirBytes(format: String, filter: String) async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            let root = try place.makeDirectory("root")
            try shell("mkdir d; echo 1 >d/1; head -c 100000 /dev/urandom >d/2; ln -s 1 d/3", in: root)
            try shell("tar -c --format=\(format) -C root . | \(filter) >made", in: place.path)
            let element = try storeLikeTheOriginal(restore, try place.read("made"))
            let layers = try await restore.session().layers(of: element)
            #expect(layers.isArchive)
            #expect(!layers.isEncrypted)
            #expect(layers.stages.count == (filter == "cat" ? 0 : filter.split(separator: "|").count))
            // These formats have no fractions of seconds.
            let times: TreeAspects = format == "posix" ? .all : [.mode, .owner, .hardLinks]
            let restored = try await restore.extract(try restore.plan(), into: "t")
            let same =
                format == "posix"
                ? []
                : treeDifferences(
                    try contentsOfTree(restored, aspects: times), try contentsOfTree(root, aspects: times))
            #expect(same == [])
            #expect(try place.read("t/d/2") == (try place.read("root/d/2")))
        }
    }

    @Test func bytesOfNoKnownKindAreOneFile() async throws {
        try await withTemporaryDirectory { place in
            for (number, data) in [[], Array("log line\n".utf8), [UInt8](repeating: 0, count: 2000), [0x1f]]
                .enumerated()
            {
                let restore = try RestorePlace(place, source: "/host1/s\(number)")
                let element = try storeLikeTheOriginal(restore, data)
                #expect(try await restore.session().layers(of: element).isArchive == false)
                _ = try await restore.extract(try restore.plan(), into: "t\(number)")
                #expect(try place.read("t\(number)/s\(number)") == data)
            }
        }
    }

    @Test func encryptedAndUnknownKey() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            let keys = try place.makeDirectory("keys")
            defer { _ = try? ToolRun(["gpgconf", "--homedir", keys, "--kill", "all"]) }
            let gpg = "gpg --homedir keys --batch --quiet --no-tty --pinentry-mode loopback --passphrase ''"
            try shell("\(gpg) --quick-generate-key test@example.org future-default default never 2>&1", in: place.path)
            let root = try place.makeDirectory("root")
            try shell("echo secret >a", in: root)
            let encrypt =
                "\(gpg) --trust-model always --compress-algo none --hidden-recipient test@example.org --encrypt"
            try shell("tar -c -C root . | zstd -q | \(encrypt) >made", in: place.path)
            let element = try storeLikeTheOriginal(restore, try place.read("made"))
            let layers = try await restore.session().layers(of: element)
            #expect(layers.isEncrypted)
            #expect(layers.shellCommands.map { $0.first } == ["gpg", "zstd"])
            _ = try await restore.extract(try restore.plan(), into: "t")
            #expect(try place.read("t/a") == Array("secret\n".utf8))
            try await restore.session().peek(element, layers)
            // Recorded elements say what was done, and are undone with the tools of this machine.
            try restore.store(
                at: 2000, data: try place.read("made"),
                stages: [
                    tarRecord, StageRecord(stage: "zstd", restore: ["false"]),
                    StageRecord(stage: "gpg", restore: ["false"]),
                ])
            _ = try await restore.extract(try restore.plan(), into: "u")
            #expect(try place.read("u/a") == Array("secret\n".utf8))
            try shell("gpgconf --homedir keys --kill all; rm -r keys/private-keys-v1.d", in: place.path)
            await #expect(throws: BackupError.self) { _ = try await restore.session().layers(of: element) }
            await #expect(throws: BackupError.self) {
                _ = try await restore.extract(try restore.plan(), into: "v")
            }
            #expect(place.names("v").isEmpty)
        }
    }

    // MARK: - What metadata says

    /// An increment that were written as one file among the others would look like a good restore.
    @Test func anIncrementThatIsNoArchiveIsDamaged() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            let commandRecord = StageRecord(stage: "command", restore: nil)
            for stages in [[commandRecord], []] {
                let element = try restore.store(.inc, at: 1000, data: [1, 2, 3], stages: stages)
                let error = try await #require(throws: BackupError.self) {
                    _ = try await restore.session().layers(of: element)
                }
                #expect(error.code == .damaged && error.message.contains("holds no archive"), "\(error)")
            }
        }
    }

    @Test func anEmptyPathIsNotEverything() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            _ = try restore.store(at: 1000, data: [1, 2, 3], stages: [StageRecord(stage: "command", restore: nil)])
            let target = try restore.target("t")
            let error = try await #require(throws: BackupError.self) {
                try await restore.session().extract(try restore.plan(), to: target, paths: [[]]) { _, _ in }
            }
            #expect(error.code == .usage)
            #expect(place.names("t").isEmpty)
        }
    }

    /// Whoever can write into a storage must not be able to run programs.
    @Test func recordedCommandsAreNotRun() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            let trap = place.path("trap")
            let hostile: [[StageRecord]] = [
                [tarRecord, StageRecord(stage: "process", restore: ["touch", trap])],
                [tarRecord, StageRecord(stage: "touch", restore: ["touch", trap])],
                [StageRecord(stage: "process", restore: ["touch", trap])],
                [tarRecord, StageRecord(stage: "command", restore: ["touch", trap])],
                [tarRecord, StageRecord(stage: "tar", restore: ["touch", trap])],
                [
                    StageRecord(stage: "tar", restore: ["touch", trap]),
                    StageRecord(stage: "process", restore: ["sh", "-c", "touch \(trap)"]),
                ],
                [tarRecord, StageRecord(stage: "process", restore: ["xz", "-dc", "--files=\(trap)"])],
            ]
            for (number, stages) in hostile.enumerated() {
                let element = try restore.store(at: 1000 + Int64(number), data: [1, 2, 3], stages: stages)
                let session = restore.session(trusted: [["xz", "-dc"], ["touch"]])
                let plan = try restore.plan()
                #expect(plan.elements.map(\.id) == [element.id])
                for body: () async throws -> Void in [
                    { _ = try await session.layers(of: element) },
                    { try await session.extract(plan, to: try restore.target("t\(number)"), paths: []) { _, _ in } },
                    { _ = try await session.rehearse(plan) },
                    { _ = try await session.shellLines(plan, directory: "x") },
                    { try await session.write(element, to: .nothing) },
                ] {
                    let error = await #expect(throws: BackupError.self, "\(number)") { try await body() }
                    #expect(error?.code == .untrusted, "\(number): \(String(describing: error))")
                }
                #expect(place.names("t\(number)").isEmpty)
            }
            #expect(!place.exists("trap"))
            // The one of tar's record is for people only.
            try shell("echo 1 >f; tar -cf a.tar f", in: place.path)
            try restore.store(
                at: 3000, data: try place.read("a.tar"), stages: [StageRecord(stage: "tar", restore: ["touch", trap])])
            _ = try await restore.extract(try restore.plan(), into: "u")
            #expect(place.exists("u/f") && !place.exists("trap"))
        }
    }

    @Test func configuredCommandsAreRun() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            try shell("echo 1 >f; tar -c f | xz >a", in: place.path)
            try restore.store(
                data: try place.read("a"), stages: [tarRecord, StageRecord(stage: "process", restore: ["xz", "-dc"])])
            let target = try restore.target()
            try await restore.session(trusted: [["xz", "-dc"]]).extract(try restore.plan(), to: target, paths: []) {
                _, _ in
            }
            #expect(place.names("target") == ["f"])
        }
    }

    @Test func unknownStage() async throws {
        try await withTemporaryDirectory { place in
            let restore = try RestorePlace(place)
            for (number, stages) in [
                [tarRecord, StageRecord(stage: "rot13", restore: nil)],
                [tarRecord, StageRecord(stage: "", restore: nil)],
                [StageRecord(stage: "snapshot\n", restore: nil)],
                [tarRecord, StageRecord(stage: "process", restore: [])],
            ].enumerated() {
                let element = try restore.store(at: 1000 + Int64(number), data: [1], stages: stages)
                let error = await #expect(throws: BackupError.self) {
                    _ = try await restore.session().layers(of: element)
                }
                #expect(error?.code == .damaged)
                #expect(error?.message.contains("\n") == false)
            }
        }
    }
}
