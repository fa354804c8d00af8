import BackupModel
import BackupTestKit
import Testing

@testable import BackupRestore

/// Where a restore may write.
@Suite struct TargetTests {
    private func refusal(
        _ path: String, _ permissions: RestoreTarget.Permissions = .init(), storage: String?, increments: Int = 1
    ) throws -> BackupError {
        try #require(throws: BackupError.self) {
            _ = try RestoreTarget(path, permissions: permissions, storagePath: storage, increments: increments)
        }
    }

    @Test func emptyOrNew() throws {
        try withTemporaryDirectory { place in
            let store = try place.makeDirectory("store")
            let new = try RestoreTarget(
                place.path("a/b/new"), permissions: .init(), storagePath: store, increments: 3)
            #expect(new.path.hasSuffix("/a/b/new"))
            #expect(new.mayDelete)
            #expect(place.exists("a/b/new"))
            try place.makeDirectory("fresh/lost+found")
            _ = try RestoreTarget(place.path("fresh"), permissions: .init(), storagePath: store, increments: 3)
            // What fsck has saved is somebody's data.
            try place.write("fresh/lost+found/#12", "saved")
            #expect(try refusal(place.path("fresh"), storage: store).code == .exists)
        }
    }

    @Test func notEmpty() throws {
        try withTemporaryDirectory { place in
            try place.write("target/file", "x")
            let target = place.path("target")
            #expect(try refusal(target, storage: nil).code == .exists)
            #expect(try refusal(target, .init(deleteUnknown: true), storage: nil).code == .exists)
            #expect(try refusal(target, .init(inPlace: true), storage: nil).code == .exists)
            let deleting = try refusal(target, .init(intoExisting: true), storage: nil)
            #expect(deleting.code == .usage)
            #expect(deleting.remedy.contains("--delete-unknown"))
            let gentle = try RestoreTarget(
                target, permissions: .init(intoExisting: true), storagePath: nil, increments: 0)
            #expect(!gentle.mayDelete)
            let allowed = try RestoreTarget(
                target, permissions: .init(intoExisting: true, deleteUnknown: true), storagePath: nil, increments: 3)
            #expect(allowed.mayDelete)
        }
    }

    @Test func noDirectory() throws {
        try withTemporaryDirectory { place in
            let file = try place.write("file", "x")
            #expect(try refusal(file, storage: nil).code == .usage)
            #expect(try refusal(file + "/below", storage: nil).code != .usage)
            try place.makeFIFO("fifo")
            #expect(try refusal(place.path("fifo"), storage: nil).code == .usage)
            try place.link("dangling", to: place.path("nothing"))
            _ = try refusal(place.path("dangling"), storage: nil)
            #expect(place.names() == ["dangling", "fifo", "file"])
        }
    }

    /// Nothing is made in the storage, not even the directory that is refused.
    @Test func insideTheStorage() throws {
        try withTemporaryDirectory { place in
            let store = try place.makeDirectory("store")
            try place.link("link", to: store)
            try place.link("store-link", to: store)
            for path in [
                store, store + "/new", store + "/a/b", place.path("link"), place.path("link/new"),
                place.path("link/../store/x"), place.path("store/./y"),
            ] {
                for permissions in [
                    RestoreTarget.Permissions(), .init(intoExisting: true, deleteUnknown: true, inPlace: true),
                ] {
                    for storage in [store, place.path("store-link"), store + "/"] {
                        #expect(try refusal(path, permissions, storage: storage).code == .usage, "\(path)")
                    }
                }
            }
            #expect(place.names("store").isEmpty)
            _ = try RestoreTarget(place.path("store2"), permissions: .init(), storagePath: store, increments: 1)
        }
    }

    /// What was made for a restore that did not begin goes again, and nothing else.
    @Test func removedIfUnused() throws {
        try withTemporaryDirectory { place in
            let new = try RestoreTarget(place.path("a/b/new"), permissions: .init(), storagePath: nil, increments: 0)
            #expect(new.removeIfUnused())
            #expect(place.names().isEmpty)
            let used = try RestoreTarget(place.path("c/used"), permissions: .init(), storagePath: nil, increments: 0)
            try place.write("c/used/file", "x")
            #expect(!used.removeIfUnused())
            #expect(place.exists("c/used/file"))
            let shared = try RestoreTarget(place.path("d/e"), permissions: .init(), storagePath: nil, increments: 0)
            try place.write("d/mine", "x")
            #expect(shared.removeIfUnused())
            #expect(place.names("d") == ["mine"])
            try place.makeDirectory("empty")
            let there = try RestoreTarget(place.path("empty"), permissions: .init(), storagePath: nil, increments: 0)
            #expect(!there.removeIfUnused())
            #expect(place.exists("empty"))
        }
    }

    @Test func theRootOfTheSystem() throws {
        try withTemporaryDirectory { place in
            try place.link("root", to: "/")
            try place.link("indirect", to: "root")
            for path in ["/", "//", "/.", "/usr/..", place.path("root"), place.path("indirect")] {
                let error = try refusal(path, .init(intoExisting: true, deleteUnknown: true), storage: nil)
                #expect(error.code == .usage, "\(path)")
                #expect(error.remedy.contains("--in-place"), "\(error)")
                let target = try RestoreTarget(
                    path, permissions: .init(deleteUnknown: true, inPlace: true), storagePath: nil, increments: 1)
                #expect(target.path == "/")
                #expect(try refusal(path, .init(inPlace: true), storage: nil).remedy.contains("--delete-unknown"))
            }
        }
    }
}
