import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupRestore

/// A restore that deletes what the backup does not know never deletes what this program needs.
@Suite(.timeLimit(.minutes(5))) struct ProtectedPlaceTests {
    /// A tree `top` that holds a storage, a state, keys and a configuration, as the root of a machine does.
    private struct Machine {
        let place: TemporaryDirectory
        let storage: DefaultFileStorage
        let source: SourceURL
        var top: String { place.path("top") }
        var store: String { top + "/var/gb/data" }
        private(set) var last: StoredElement?

        init(_ place: TemporaryDirectory) throws {
            self.place = place
            source = try SourceURL("/host1/root")
            try place.write("top/var/gb/state/current", "state")
            try place.write("top/etc/gb/config", "config")
            try place.write("top/etc/gb/keys/secret", "key")
            try place.write("top/home/file", "1")
            storage = try DefaultFileStorage(path: place.path("top/var/gb/data"), durability: .none, create: true)
        }

        /// - Parameters:
        ///   - excluded: patterns, as the unit passes them for what must not be in a backup.
        ///   - hidden: is not there when the backup is made.
        mutating func backup(_ type: BackupType = .full, excluded: [String], without hidden: String? = nil) throws {
            if let hidden { try shell("mv \(hidden) away", in: place.path) }
            let run = try ToolRun(
                ["tar", "--create", "--file=" + place.path("archive"), "--format=posix", "--no-check-device"]
                    + ["--listed-incremental=" + place.path("index"), "--directory=" + top]
                    + excluded.map { "--exclude=" + $0 } + ["."])
            if let hidden { try shell("mv away \(hidden)", in: place.path) }
            try #require(run.isSuccess, "\(run.output)")
            let data = try place.read("archive")
            let metadata = makeMetadata(
                type, at: Timestamp(type == .full ? 1000 : 2000), data: data, predecessor: last?.metadata.uuid,
                pipeline: [tarRecord])
            last = try storage.store(source, metadata, data: data)
        }

        func extract(_ paths: [String] = []) async throws {
            let session = makeSession(
                storage, store, place,
                protected: [
                    ProtectedPlace(name: "the state directory", path: top + "/var/gb/state", care: .untouched),
                    ProtectedPlace(name: "the key ring", path: top + "/etc/gb/keys", care: .kept),
                    ProtectedPlace(name: "the configuration", path: top + "/etc/gb", care: .keptInTheEnd),
                ])
            let plan = try RestorePlan(storage, source: source, at: .newest)
            let target = try RestoreTarget(
                top, permissions: .init(intoExisting: true, deleteUnknown: true), storagePath: store,
                increments: plan.elements.count - 1)
            try await session.extract(plan, to: target, paths: paths.map { Array($0.utf8) }) { _, _ in }
        }

        /// Refused, and nothing has changed.
        func expectRefusal(_ words: String..., paths: [String] = []) async throws {
            let before = try contentsOfTree(top)
            let error = await #expect(throws: BackupError.self) { try await extract(paths) }
            #expect(error?.code == .usage, "\(String(describing: error))")
            for word in words { #expect(error?.description.contains(word) == true, "\(String(describing: error))") }
            #expect(try contentsOfTree(top) == before)
        }
    }

    private static let excluded = ["./var/gb/data", "./var/gb/state"]

    @Test func whatWasExcludedStays() async throws {
        try await withTemporaryDirectory { place in
            var machine = try Machine(place)
            try machine.backup(excluded: Self.excluded)
            try place.write("top/home/file", "2")
            try machine.backup(.inc, excluded: Self.excluded)
            try place.write("top/home/file", "3")
            try place.write("top/home/unknown", "x")
            let before = try contentsOfTree(place.path("top/var"))
            try await machine.extract()
            #expect(place.names("top/home") == ["file"])
            #expect(try place.read("top/home/file") == Array("2".utf8))
            #expect(try contentsOfTree(place.path("top/var")) == before)
            #expect(try place.read("top/etc/gb/keys/secret") == Array("key".utf8))
        }
    }

    @Test(arguments: [
        ("top/var", "the storage"), ("top/var/gb/state", "the state directory"), ("top/etc", "the key ring"),
        ("top/etc/gb/keys", "the key ring"),
    ])
    func whatTheBackupDoesNotKnowIsNotDeleted(_ hidden: String, what: String) async throws {
        try await withTemporaryDirectory { place in
            var machine = try Machine(place)
            try machine.backup(excluded: Self.excluded, without: hidden)
            try await machine.expectRefusal(what, "would delete it", "empty directory")
            // Where nothing of it is concerned there is no reason to refuse.
            try await machine.extract(["home/file"])
        }
    }

    @Test func aStorageInTheBackupIsNotPutBack() async throws {
        try await withTemporaryDirectory { place in
            var machine = try Machine(place)
            try machine.backup(excluded: ["./var/gb/state"])
            try await machine.expectRefusal("the storage", "holds var/gb/data")
            try await machine.expectRefusal("the storage", paths: ["var/gb"])
        }
    }

    /// A secret key that was brought for this restore, a unit that was added since.
    @Test(arguments: [("keys/new", "the key ring"), ("unit", "the configuration")])
    func newFilesInKeysAndConfigurationAreNotDeleted(_ name: String, what: String) async throws {
        try await withTemporaryDirectory { place in
            var machine = try Machine(place)
            try machine.backup(excluded: Self.excluded)
            try place.write("top/etc/gb/" + name, "new")
            try await machine.expectRefusal(what, "etc/gb/" + name)
        }
    }

    @Test func aFileInPlaceOfTheConfigurationIsRefused() async throws {
        try await withTemporaryDirectory { place in
            var machine = try Machine(place)
            try shell("mv top/etc away; echo file >top/etc", in: place.path)
            try machine.backup(excluded: Self.excluded)
            try shell("rm top/etc; mv away top/etc", in: place.path)
            try await machine.expectRefusal("the key ring")
        }
    }
}
