import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@Suite struct NameTests {
    @Test func filesLieWhereTheFormatSays() throws {
        try withStorage { place in
            let data = Array("bytes".utf8)
            let metadata = makeMetadata(.inc, data: data)
            let id = try place.storage.store(SourceURL("/host1/var/log/sys-log2"), metadata, data: data).id
            let base = "store/host1/var/log/20261121001418-sys-log2-inc"
            #expect(try place.place.read(base + ".data") == data)
            #expect(try place.place.read(base + ".info") == Array(metadata.text.utf8))
            #expect(place.storage.localPath(of: id) == place.place.path(base + ".data"))
            let tree = try contentsOfTree(place.place.path("store"), aspects: [.mode, .hardLinks])
            #expect(
                tree.keys.sorted() == [
                    ".", "host1", "host1/var", "host1/var/log", "host1/var/log/20261121001418-sys-log2-inc.data",
                    "host1/var/log/20261121001418-sys-log2-inc.info",
                ])
            for (name, line) in tree {
                #expect(
                    line.contains(name.contains(".data") || name.contains(".info") ? "mode=600" : "mode=700"), "\(name)"
                )
            }
        }
    }

    @Test func aSourceOfOnePartLiesInTheRoot() throws {
        try withStorage { place in
            let element = try place.storage.store(SourceURL("/root"))
            #expect(place.place.names("store") == ["20261121001418-root-full.data", "20261121001418-root-full.info"])
            #expect(try place.storage.sources().map(\.description) == ["/root"])
            try place.storage.delete(element.id)
            #expect(place.place.names("store").isEmpty)
        }
    }

    /// The ID is the path of the files from the root of the storage, without suffix, and can be read back.
    @Test(arguments: ["/root", "/host1/root", "/host1/var/log/syslog", "/a/5-x", "/a/full-inc", "/a/2026.data"])
    func theIDIsThePath(_ source: String) throws {
        try withStorage { place in
            for _ in 0..<2 {
                let id = try place.storage.store(SourceURL(source), .inc).id
                #expect(place.place.exists("store\(id).data"), "\(id)")
                #expect(try ElementID("\(id)") == id)
                #expect(try place.storage.element(ElementID("\(id)")).id == id)
            }
        }
    }

    /// A serial number for each type and second, after what is there.
    @Test func namesOfTheSameSecond() throws {
        try withStorage { place in
            let source = try SourceURL("/a/syslog")
            var names: [String] = []
            for _ in 0..<12 { names.append(try place.storage.store(source).id.baseName) }
            #expect(names[0] == "20261121001418-syslog-full")
            #expect(names[1] == "202611210014180-syslog-full")
            #expect(names[2] == "202611210014181-syslog-full")
            #expect(names[11] == "2026112100141810-syslog-full")
            #expect(try place.storage.elements(of: source).usable.map(\.id.baseName) == names)
        }
    }

    /// What was left alone of another element must not become part of a new one.
    @Test(arguments: ["data", "info", "copies"]) func takenNamesAreLeftAlone(_ suffix: String) throws {
        try withStorage { place in
            let left = "store/a/20261121001418-x-full." + suffix
            try place.place.write(left, "left")
            let id = try place.storage.store(SourceURL("/a/x")).id
            #expect(id.serial == 0)
            #expect(try place.storage.attributes(of: id).isEmpty)
            #expect(try place.place.read(left) == Array("left".utf8))
        }
    }

    /// In a process of its own, since the zone is the whole process's.
    @Test func localZone() async {
        await #expect(processExitsWith: .success) {
            setenv("TZ", "GBT-3:30", 1)
            tzset()
            try withTemporaryDirectory { place in
                let source = try SourceURL("/a/x")
                let local = try DefaultFileStorage(path: place.path("store"), nameZone: .local, create: true)
                #expect(try local.store(source).id.baseName == "20261121034418-x-full")
                let utc = try DefaultFileStorage(path: place.path("store"))
                #expect(try utc.store(source).id.baseName == "20261121001418-x-full")
                // The time is the one of the metadata, whatever the name says.
                #expect(Set(try utc.elements(of: source).usable.map(\.metadata.timestamp.seconds)) == [1_795_220_058])
            }
        }
    }

    @Test func tooLargeMetadataIsRefused() throws {
        try withStorage { place in
            let filler = String(repeating: "x", count: ElementMetadata.maximumSize)
            let record = StageRecord(stage: "process", restore: nil, other: ["Note": .string(filler)])
            let error = try #require(throws: BackupError.self) {
                try place.storage.store(SourceURL("/a/x"), makeMetadata(pipeline: [record]), data: [])
            }
            #expect(error.code == .invalidValue)
            #expect(try place.storage.sources().isEmpty)
            #expect(place.place.names("store/a").isEmpty)
        }
    }

    @Test func missingStorage() throws {
        try withTemporaryDirectory { place in
            let error = try #require(throws: BackupError.self) { _ = try DefaultFileStorage(path: place.path("none")) }
            #expect(error.code == .configuration)
            #expect(error.message.contains(place.path("none")))
            #expect(error.remedy.contains("storage.directory"))
            #expect(place.names().isEmpty)
        }
    }
}
