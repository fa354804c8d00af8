import BackupModel
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@testable import BackupStorage

@Suite struct PartialFileTests {
    private let key = PartialKey([UInt8](repeating: 0xab, count: 16))

    private func write(_ text: String, to file: PartialFile, at offset: Int64 = 0) throws {
        try Array(text.utf8).withUnsafeBytes { try file.descriptor.write($0, at: offset) }
    }

    private func listedNames(_ storage: DefaultFileStorage) throws -> [String] {
        var names = try storage.sources().map(\.description) + StorageVerification(storage, jobs: 1).strayFiles()
        var recovery = StorageRecovery(storage)
        try recovery.run(now: Timestamp(1_795_300_000))
        names += recovery.actions
        return names
    }

    // MARK: - What may have come between

    @Test func bytesAreTrustedOnlyWhenNothingCameBetween() throws {
        try withStorage { place in
            let now = SystemClock().now()
            let file = try place.storage.openPartial(key)
            #expect(try !file.isUntouchedSinceNote(now: now), "without a note")
            try write("12345", to: file)
            try file.checkpoint([1])
            #expect(try file.isUntouchedSinceNote(now: now))
            file.close()
            let again = try place.storage.openPartial(key)
            try again.truncate(to: 5)
            #expect(try again.isUntouchedSinceNote(now: now), "to open it is no change")
            #expect(try !again.isUntouchedSinceNote(now: now + TimeSpan(seconds: 3700)), "after a long time")
            #expect(
                try !again.isUntouchedSinceNote(now: now - TimeSpan(seconds: 3700)), "with a clock that was set back")
            usleep(20_000)
            try write("x", to: again, at: 2)
            #expect(try !again.isUntouchedSinceNote(now: now), "written to")
        }
    }

    // MARK: - Where they lie

    @Test func besideTheStorage() throws {
        try withStorage { place in
            let file = try place.storage.openPartial(key)
            try file.checkpoint([1])
            #expect(place.place.names("store") == [])
            let name = String(repeating: "ab", count: 16)
            #expect(place.place.names("store.partial") == [name + ".note", name + ".partial"])
            let modes = try contentsOfTree(place.place.path("store.partial"), aspects: [.mode])
            #expect(modes["."]?.contains("mode=700") == true)
            for (path, line) in modes where path != "." { #expect(line.contains("mode=600"), "\(path)") }
            #expect(try listedNames(place.storage) == [])
        }
    }

    /// A storage that is a file system of its own has no place beside it: then they are where no listing looks.
    @Test func inTheStorage() throws {
        try withMountedFileSystem("size=1m") { path in
            let storage = try DefaultFileStorage(path: path)
            let file = try storage.openPartial(key)
            try file.checkpoint([1])
            let files = try contentsOfTree(path).keys.sorted()
            #expect(files.count == 4 && files[1] == ".partial", "\(files)")
            #expect(try listedNames(storage) == [])
            // A source may be called like it, but none lies below it.
            let source = try SourceURL("/.partial")
            let element = try storage.store(source)
            for below in try ["/.partial/x", "/.partial/a/x"].map(SourceURL.init) {
                let error = try #require(throws: BackupError.self) { try storage.store(below) }
                #expect(error.code == .invalidValue)
                #expect(!error.remedy.isEmpty)
                let pending = PendingElement(source: below, metadata: makeMetadata(), content: .bytes([]))
                #expect(throws: BackupError.self) { _ = try storage.commit([pending])[0].get() }
            }
            #expect(try storage.sources() == [source])
            let pending = PendingElement(
                source: source, metadata: makeMetadata(at: Timestamp(1_795_220_059)), content: .partial(file))
            let id = try storage.commit([pending])[0].get()
            #expect(try storage.elements(of: source).usable.map(\.id) == [element.id, id])
            #expect(try storage.removePartials(before: Timestamp(253_402_300_799)) == 0)
        }
    }

    @Test func whereTheAdministratorSays() throws {
        try withTemporaryDirectory { place in
            let storage = try DefaultFileStorage(
                path: place.path("store"), durability: .none, partialDirectory: place.path("some/where"), create: true)
            #expect(!place.exists("some"), "it is made when it is needed")
            try storage.openPartial(key).close()
            #expect(place.names("some/where").count == 1)
            #expect(!place.exists("store.partial"))
            try withMountedFileSystem("size=1m") { mounted in
                let storage = try DefaultFileStorage(path: place.path("store"), partialDirectory: mounted + "/x")
                let error = try #require(throws: BackupError.self) { _ = try storage.openPartial(key) }
                #expect(error.code == .configuration)
                #expect(error.message.contains(mounted + "/x"))
                #expect(error.remedy.contains("storage.partial_directory"))
                let pending = PendingElement(source: try SourceURL("/a"), metadata: makeMetadata(), content: .bytes([]))
                #expect(throws: BackupError.self) { _ = try storage.commit([pending])[0].get() }
            }
        }
    }

    /// Within one file system a bind mount is a border too, as the sandbox of a service makes one.
    @Test func bindMounts() throws {
        try withStorage { place in
            let store = place.place.path("store")
            guard try ToolRun(["mount", "--bind", store, store]).isSuccess else {
                withKnownIssue("mounting is not permitted here") { Issue.record("not tested") }
                return
            }
            defer { _ = try? ToolRun(["umount", "-l", store]) }
            let storage = try DefaultFileStorage(path: store, durability: .none)
            let file = try storage.openPartial(key)
            #expect(place.place.names("store") == [".partial"])
            let pending = PendingElement(
                source: try SourceURL("/a/x"), metadata: makeMetadata(), content: .partial(file))
            _ = try storage.commit([pending])[0].get()
            #expect(place.place.names("store/a").count == 2)
        }
    }

    /// A directory that others can write into is not taken.
    @Test func directoriesOfOthers() throws {
        try withStorage { place in
            let beside = try place.place.makeDirectory("store.partial")
            #expect(chmod(beside, 0o777) == 0)
            try place.storage.openPartial(key).close()
            #expect(place.place.names("store.partial") == [])
            #expect(place.place.names("store") == [".partial"])
            #expect(try listedNames(place.storage) == [])
        }
    }

    // MARK: - After a crash

    /// The lock ends with the process; what it had not checkpointed may be there or not, the note speaks of the rest.
    @Test func afterTheEndOfAProcess() async throws {
        try await withTemporaryDirectory { place in
            let path = try place.makeDirectory("store")
            await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
                let storage = try DefaultFileStorage(path: path)
                let tests = PartialFileTests()
                let file = try storage.openPartial(tests.key)
                try tests.write("durable", to: file)
                try file.checkpoint(Array("7".utf8))
                try tests.write(" and more", to: file, at: 7)
                kill(getpid(), SIGKILL)
            }
            let storage = try DefaultFileStorage(path: path)
            let file = try storage.openPartial(key)
            #expect(try file.note() == Array("7".utf8))
            #expect(try file.descriptor.status().size >= 7)
            file.discard()
            #expect(place.names("store.partial") == [])
        }
    }

    /// Notes that speak of other bytes than those there: the file is begun anew.
    @Test(arguments: [
        "", "{", "no note\n", "{}\n", #"{"inode": 1, "size": 0}"# + "\nx", #"{"inode": INODE, "size": 6}"# + "\nx",
        #"{"inode": INODE, "size": -1}"# + "\nx", #"{"inode": INODE, "size": 5}"#,
    ]) func notesThatDoNotFit(_ text: String) throws {
        try withStorage { place in
            let file = try place.storage.openPartial(key)
            try write("bytes", to: file)
            let inode = try file.descriptor.status().inode
            file.close()
            let name = "store.partial/" + key.noteName
            let note = text.split(separator: "INODE", omittingEmptySubsequences: false).joined(separator: "\(inode)")
            try place.place.write(name, note)
            let again = try place.storage.openPartial(key)
            #expect(try again.note() == nil)
            try again.checkpoint([9])
            #expect(try again.note() == [9])
            again.close()
        }
    }

    @Test(.timeLimit(.minutes(10))) func hostileFiles() throws {
        try withStorage { place in
            let outside = try place.place.write("outside", "secret")
            try place.storage.openPartial(key).discard()
            try place.place.link("store.partial/" + key.noteName, to: outside)
            let file = try place.storage.openPartial(key)
            #expect(try file.note() == nil)
            try write("bytes", to: file)
            try file.checkpoint([1])
            #expect(try place.place.read("outside") == Array("secret".utf8))
            file.discard()
            for make in [
                { try place.place.link("store.partial/" + key.dataName, to: outside) },
                { try place.place.makeFIFO("store.partial/" + key.dataName) },
            ] {
                try make()
                #expect(throws: BackupError.self) { _ = try place.storage.openPartial(key) }
                #expect(try place.storage.removePartials(before: Timestamp(253_402_300_799)) == 0)
                place.place.remove("store.partial/" + key.dataName)
            }
            #expect(try place.place.read("outside") == Array("secret".utf8))
        }
    }

    /// A crash between the names of an element and the end of the group leaves the bytes with two names: they are the
    /// element's, whatever happens to the other name.
    @Test func bytesThatAreAnElementAlready() throws {
        try withStorage { place in
            let id = try place.storage.store(SourceURL("/a/x"), data: Array("element".utf8)).id
            try place.storage.openPartial(key).discard()
            let directory = try Directory(path: place.place.path("store/a"))
            let partials = try Directory(path: place.place.path("store.partial"))
            func leave() throws {
                #expect(try directory.link(id.fileName("data"), to: partials, as: key.dataName) == .done)
                try place.place.write("store.partial/" + key.noteName, "note")
            }
            try leave()
            let file = try place.storage.openPartial(key)
            try write("other bytes", to: file)
            try file.truncate(to: 3)
            file.discard()
            #expect(try place.storage.data(id) == Array("element".utf8))
            try leave()
            #expect(try place.storage.removePartials(before: Timestamp(253_402_300_799)) == 0)
            #expect(place.place.names("store.partial") == [])
            #expect(try place.storage.data(id) == Array("element".utf8))
        }
    }

    @Test func leftoverNotes() throws {
        try withStorage { place in
            try place.storage.openPartial(key).discard()
            try place.place.write("store.partial/" + key.noteName, "note")
            try place.place.write("store.partial/" + key.noteName + ".tmp", "note")
            try place.place.write("store.partial/notes.txt", "text")
            let now = SystemClock().now()
            #expect(try place.storage.removePartials(before: now - TimeSpan(seconds: 1000)) == 0)
            #expect(place.place.names("store.partial").count == 3)
            #expect(try place.storage.removePartials(before: now + TimeSpan(seconds: 1000)) == 0)
            #expect(place.place.names("store.partial") == ["notes.txt"])
        }
    }
}
