import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

/// Both kinds must do the same: the truly unnamed file, and the one with a temporary name for file systems that have none.
@Suite struct UnnamedFileTests {
    private func make(_ directory: Directory, _ allowUnnamed: Bool) throws -> UnnamedFile {
        try UnnamedFile(in: directory, fallbackName: "tmp-x-\(Randomness.token())", allowUnnamed: allowUnnamed)
    }

    @Test(arguments: [true, false]) func isSeenWithItsName(_ allowUnnamed: Bool) throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let file = try make(directory, allowUnnamed)
            try file.descriptor.write(Array("text".utf8))
            #expect(place.names().count == (allowUnnamed ? 0 : 1))
            #expect(!place.exists("name"))
            #expect(try file.link(as: "name"))
            #expect(place.names() == ["name"])
            #expect(try place.read("name") == Array("text".utf8))
            #expect(try directory.status("name")?.mode == 0o600)
            #expect(try directory.status("name")?.linkCount == 1)
            #expect(try directory.status("name")?.inode == file.descriptor.status().inode)
            file.discard()
            #expect(place.names() == ["name"], "discarding takes no name away")
        }
    }

    @Test(arguments: [true, false]) func neverOverwrites(_ allowUnnamed: Bool) throws {
        try withTemporaryDirectory { place in
            try place.write("name", "old")
            try place.link("link", to: "nowhere")
            let file = try make(Directory(path: place.path), allowUnnamed)
            try file.descriptor.write(Array("new".utf8))
            #expect(try !file.link(as: "name"))
            #expect(try !file.link(as: "link"))
            #expect(try file.link(as: "other"), "a taken name does no harm")
            #expect(try place.read("name") == Array("old".utf8))
            #expect(try place.read("other") == Array("new".utf8))
            #expect(place.names() == ["link", "name", "other"])
        }
    }

    @Test(arguments: [true, false]) func leavesNothingWhenDiscarded(_ allowUnnamed: Bool) throws {
        try withTemporaryDirectory { place in
            let file = try make(Directory(path: place.path), allowUnnamed)
            try file.descriptor.write([1, 2, 3])
            file.discard()
            file.discard()
            #expect(place.names().isEmpty)
        }
    }

    /// Whoever cleans up must see that a temporary name is still in use.
    @Test func theTemporaryNameIsLocked() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let file = try UnnamedFile(in: directory, fallbackName: "tmp-x-1", allowUnnamed: false)
            #expect(try FileLock.isHeld("tmp-x-1", in: directory))
            file.descriptor.close()
            #expect(try !FileLock.isHeld("tmp-x-1", in: directory))
        }
    }

    @Test(arguments: [true, false]) func tellsWhatIsWrong(_ allowUnnamed: Bool) throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: try place.makeDirectory("sub"))
            let file = try make(directory, allowUnnamed)
            place.remove("sub")
            let error = try #require(throws: BackupError.self) { _ = try file.link(as: "name") }
            #expect(error.code == .notFound)
            #expect(error.message.contains(place.path("sub/name")))
            #expect(throws: BackupError.self) { _ = try make(directory, allowUnnamed) }
        }
    }

    @Test(arguments: [true, false]) func needsAWritableFileSystem(_ allowUnnamed: Bool) throws {
        try withMountedFileSystem("size=64k") { path in
            let directory = try Directory(path: path)
            try remountReadOnly(path)
            let error = try #require(throws: BackupError.self) { _ = try make(directory, allowUnnamed) }
            #expect(error.code == .readOnly)
            #expect(!error.remedy.isEmpty)
        }
    }
}
