import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

/// Every damage is found, named with its element, and hides nothing else.
@Suite struct VerificationTests {
    private let source: SourceURL

    init() throws { source = try SourceURL("/host/x") }

    private func verify(_ place: StoragePlace) async throws -> StorageVerification.SourceResult {
        try await StorageVerification(place.storage, jobs: 3).verify(source)
    }

    /// Three elements in a chain, of which `change` damages the second; the other two stay sound.
    private func checkDamage(
        _ words: String, code: BackupError.Code = .damaged, sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (StoragePlace, ElementID) throws -> Void
    ) async throws {
        try await withStorage { place in
            var elements: [StoredElement] = []
            for number in 0..<3 {
                elements.append(
                    try place.storage.store(
                        source, data: [UInt8](repeating: UInt8(number), count: 3000), after: elements.last))
            }
            #expect(try await verify(place).isSound, sourceLocation: sourceLocation)
            try change(place, elements[1].id)
            let result = try await verify(place)
            var shown = 0
            try place.storage.forEachElement(matching: nil) { _, _ in shown += 1 }
            #expect(shown == 3, "a listing of everything shows the damaged one too", sourceLocation: sourceLocation)
            #expect(result.damaged.map(\.id) == [elements[1].id], sourceLocation: sourceLocation)
            #expect(result.sound == [elements[0].id, elements[2].id], sourceLocation: sourceLocation)
            #expect(!result.isSound, sourceLocation: sourceLocation)
            let error = try #require(result.damaged.first?.error, sourceLocation: sourceLocation)
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
            #expect(error.description.contains(words), "\(error)", sourceLocation: sourceLocation)
            #expect(error.description.contains(elements[1].id.baseName), "\(error)", sourceLocation: sourceLocation)
            #expect(!error.firstRemedy.isEmpty, "\(error)", sourceLocation: sourceLocation)
        }
    }

    // MARK: - .data

    @Test func changedByte() async throws {
        try await checkDamage("SHA-512") { place, id in
            var bytes = try place.place.read(place.file(id, "data"))
            bytes[1234] ^= 1
            try place.place.write(place.file(id, "data"), bytes)
        }
    }

    @Test(arguments: [0, 1, 2999, 3001]) func truncatedOrLongerData(_ size: Int) async throws {
        try await checkDamage("SHA-512") { place, id in
            try place.place.write(place.file(id, "data"), [UInt8](repeating: 1, count: size))
        }
    }

    @Test func missingData() async throws {
        try await checkDamage("missing") { place, id in place.place.remove(place.file(id, "data")) }
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["data", "info"]) func fifo(_ suffix: String) async throws {
        try await checkDamage("FIFO") { place, id in
            place.place.remove(place.file(id, suffix))
            try place.place.makeFIFO(place.file(id, suffix))
        }
    }

    @Test(arguments: ["data", "info"]) func directory(_ suffix: String) async throws {
        try await checkDamage("a directory") { place, id in
            place.place.remove(place.file(id, suffix))
            try place.place.makeDirectory(place.file(id, suffix))
        }
    }

    /// The link leads to the very bytes that were there: it is refused for what it is.
    @Test(arguments: ["data", "info"]) func symbolicLink(_ suffix: String) async throws {
        try await checkDamage("symbolic link") { place, id in
            let bytes = try place.place.read(place.file(id, suffix))
            let elsewhere = try place.place.write("elsewhere", bytes)
            place.place.remove(place.file(id, suffix))
            try place.place.link(place.file(id, suffix), to: elsewhere)
            let names = try #require(throws: BackupError.self) { _ = try place.storage.element(id) }
            #expect(names.description.contains("symbolic link"))
            if suffix == "data" { #expect(throws: BackupError.self) { _ = try place.storage.openData(id) } }
        }
    }

    // MARK: - .info

    @Test(arguments: [
        "", "{", "[]", "null", "no JSON", "{\"BackupType\": \"full\"}", "{\"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"Timestamp\": 1795220058",
        "{\"BackupType\": \"diff\", \"Timestamp\": 1}", "{\"BackupType\": 1, \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"Timestamp\": \"1\"}", "{\"BackupType\": \"full\", \"Timestamp\": -1}",
        "{\"BackupType\": \"full\", \"Timestamp\": 1.5}",
        "{\"BackupType\": \"full\", \"DataUuid\": \"!\", \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"Predecessor\": 7, \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"StorageFileChecksumSha512\": \"AAAA\", \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"HandlingPolicy\": [1], \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"BackupType\": \"inc\", \"Timestamp\": 1}",
        "{\"BackupType\": \"full\", \"TransferAttributes\": [], \"Timestamp\": 1}\u{0}",
    ]) func badInfo(_ text: String) async throws {
        try await checkDamage("cannot be used") { place, id in try place.place.write(place.file(id, "info"), text) }
    }

    @Test func truncatedInfo() async throws {
        for part in [1, 2, 10] {
            try await checkDamage("cannot be used") { place, id in
                let bytes = try place.place.read(place.file(id, "info"))
                try place.place.write(place.file(id, "info"), Array(bytes.dropLast(part)))
            }
        }
    }

    @Test func tooLargeInfo() async throws {
        try await checkDamage("larger than 1048576 bytes") { place, id in
            let bytes = try place.place.read(place.file(id, "info"))
            let blanks = [UInt8](repeating: 0x20, count: (1 << 20) + 1 - bytes.count)
            try place.place.write(place.file(id, "info"), bytes + blanks)
        }
    }

    /// A file of a terabyte that holds nothing must not be read.
    @Test(.timeLimit(.minutes(10))) func giganticInfo() async throws {
        try await checkDamage("larger than") { place, id in
            try systemCall("make", "") { truncate(place.place.path(place.file(id, "info")), 1 << 40) }
        }
    }

    @Test func unknownKeysAreKept() async throws {
        try await withStorage { place in
            let text = #"{"BackupType": "full", "New": {"x": 1.50}, "Timestamp": 1795220058}"#
            try place.place.write("store/host/20261121001418-x-full.info", text)
            try place.place.write("store/host/20261121001418-x-full.data", "bytes")
            let result = try await verify(place)
            #expect(result.isSound)
            #expect(
                result.unchecked.map(\.baseName) == ["20261121001418-x-full"], "there is no checksum to compare with")
            #expect(try place.storage.elements(of: source).usable.first?.metadata.text == text)
        }
    }

    // MARK: - Strays

    @Test func unfinishedElement() async throws {
        try await withStorage { place in
            let first = try place.storage.store(source).id
            let second = try place.storage.store(source).id
            place.place.remove(place.file(second, "info"))
            let result = try await verify(place)
            #expect(result.sound == [first])
            #expect(!result.isSound)
            #expect(result.strays.count == 1)
            #expect(result.strays.first?.contains("\(second.baseName).data has no .info") == true)
            // Its source is not listed any more when there is nothing else: then the storage as a whole names it.
            place.place.remove(place.file(first, "info"))
            #expect(try place.storage.sources().isEmpty)
            #expect(try StorageVerification(place.storage, jobs: 1).strayFiles().count == 2)
        }
    }

    /// What lies in a directory is named once, although sources share directories.
    @Test func everyStrayIsNamedOnce() async throws {
        try await withStorage { place in
            let id = try place.storage.store(source).id
            try place.storage.store(SourceURL("/host/y"))
            try place.storage.store(SourceURL("/host"))
            let strays = [
                "store/host/notes.txt", "store/host/20261121001418-x-inc.data",
                "store/host/20261121001418-x-inc.copies",
                "store/host/20261121001418-z-full.data", "store/20261121001418-host-full.lock", "store/lonely/file",
                "store/host/tmp-x-0123456789abcdef",
            ]
            for name in strays { try place.place.write(name, "?") }
            try place.place.link("store/linked", to: "host")
            try place.place.link("store/host/20261121001418-x-full.copies", to: "notes.txt")
            try place.place.makeFIFO("store/host/pipe")
            try place.place.makeDirectory("store/not a source/host")
            let verification = StorageVerification(place.storage, jobs: 1)
            var found = try verification.strayFiles()
            for source in try place.storage.sources() {
                let result = try await verification.verify(source)
                #expect(result.damaged.isEmpty)
                found += result.strays
            }
            let expected =
                strays + [
                    "store/linked", "store/host/20261121001418-x-full.copies", "store/host/pipe", "store/not a source",
                ]
            for name in expected {
                let start = place.place.path(name) + " "
                #expect(found.filter { $0.hasPrefix(start) }.count == 1, "\(name): \(found)")
            }
            #expect(found.count == expected.count, "\(found)")
            #expect(try place.storage.elements(of: id.source).usable.map(\.id) == [id])
        }
    }

    /// Neither the link nor what it leads to is taken for a source.
    @Test func linkedSourceDirectory() throws {
        try withStorage { place in
            let inside = try place.storage.store(SourceURL("/host/sub/x"))
            let outside = try DefaultFileStorage(path: place.place.path("other"), durability: .none, create: true)
            try outside.store(SourceURL("/sub/x"))
            try place.place.link("store/host/link", to: place.place.path("other/sub"))
            try place.place.link("store/host/again", to: "sub")
            #expect(try place.storage.sources() == [inside.id.source])
            for linked in ["/host/link/x", "/host/again/x"] {
                let linked = try SourceURL(linked)
                #expect((try? place.storage.elements(of: linked).usable.isEmpty) ?? true)
                #expect(throws: BackupError.self) { try place.storage.store(linked) }
            }
            #expect(place.place.names("other/sub").count == 2, "something was written through the link")
            var links: [String] = []
            try place.storage.forEachElement(matching: nil, links: { links.append($0) }) { source, _ in
                #expect(source == inside.id.source)
            }
            let strays = try StorageVerification(place.storage, jobs: 1).strayFiles()
            #expect(strays.count == 2)
            #expect(links.sorted() == strays, "a listing says the same")
            for name in ["link", "again"] {
                #expect(strays.contains { $0.hasPrefix(place.place.path("store/host/\(name) ")) })
            }
        }
    }

    @Test func locks() async throws {
        try await withStorage { place in
            let id = try place.storage.store(source).id
            let directory = try Directory(path: place.place.path("store/host"))
            let lock = try FileLock.acquire(id.fileName("lock"), in: directory)
            #expect(try await verify(place).isSound, "somebody is at work")
            lock.abandon()
            let result = try await verify(place)
            #expect(result.strays.count == 1)
            #expect(result.strays.first?.contains(".lock is a lock that nobody holds") == true)
            #expect(result.sound == [id])
        }
    }

    @Test func aRunningCommitIsNoStray() async throws {
        try await withStorage { place in
            try place.storage.store(source)
            try place.place.write("store/host/20261121001418-x-inc.data", "bytes")
            let directory = try Directory(path: place.place.path("store/host"))
            let lock = try FileLock.acquire("20261121001418-x-inc.lock", in: directory)
            #expect(try await verify(place).isSound)
            lock.release()
            #expect(try await verify(place).strays.count == 1)
        }
    }

    @Test func verifyingChangesNothing() async throws {
        try await withStorage { place in
            let id = try place.storage.store(source).id
            try place.place.write(place.file(id, "lock"), "text")
            try place.place.write("store/host/20261121001418-x-inc.data", "bytes")
            let before = try place.tree()
            _ = try await verify(place)
            _ = try StorageVerification(place.storage, jobs: 1).strayFiles()
            #expect(treeDifferences(before, try place.tree()) == [])
        }
    }
}
