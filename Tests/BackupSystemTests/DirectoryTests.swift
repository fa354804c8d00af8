import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

@Suite struct DirectoryTests {
    /// Every way in that takes a name, each tried with one that leads out.
    private static let waysIn: [(String, @Sendable (Directory, String) throws -> Void)] = [
        ("openFile", { _ = try $0.openFile($1) }),
        ("readFile", { _ = try $0.readFile($1, limit: 100) }),
        ("readFileIfPresent", { _ = try $0.readFileIfPresent($1, limit: 100) }),
        ("createFile", { _ = try $0.createFile($1) }),
        ("directory", { _ = try $0.directory($1) }),
        ("directory, made", { _ = try $0.directory($1, create: true) }),
        ("status", { _ = try $0.status($1) }),
        ("removeFile", { try $0.removeFile($1) }),
        ("rename from", { try $0.rename($1, to: "here") }),
        ("rename to", { try $0.rename("inside", to: $1) }),
        ("replaceFile", { try $0.replaceFile($1, with: [1]) }),
        ("lock", { _ = try FileLock.acquire($1, in: $0) }),
        ("takeOver", { _ = try FileLock.takeOver($1, in: $0) }),
        ("isHeld", { _ = try FileLock.isHeld($1, in: $0) }),
        (
            "link",
            { directory, name in
                let file = try UnnamedFile(in: directory, fallbackName: "tmp-x-1")
                defer { file.discard() }
                _ = try file.link(as: name)
            }
        ),
    ]

    @Test(arguments: waysIn.indices) func noPathLeadsOut(_ index: Int) throws {
        let (name, attempt) = Self.waysIn[index]
        try withTemporaryDirectory { place in
            try place.write("outside/file", "secret")
            try place.write("root/inside", "text")
            try place.makeDirectory("root/sub")
            try place.link("root/way", to: "../outside")
            let before = try contentsOfTree(place.path("outside"))
            let directory = try Directory(path: place.path("root"))
            let outside = place.path("outside/file")
            for path in [
                "../outside/file", outside, "sub/../../outside/file", "way/file", "..", "../new", place.path("new"),
            ] {
                let error = try #require(throws: BackupError.self, "\(name) \(path)") { try attempt(directory, path) }
                #expect(error.code == .untrusted, "\(name) \(path): \(error)")
            }
            #expect(treeDifferences(before, try contentsOfTree(place.path("outside"))) == [], "\(name)")
            #expect(place.names() == ["outside", "root"], "\(name)")
            #expect(try place.read("root/inside") == Array("text".utf8), "\(name)")
        }
    }

    @Test func followsNoLink() throws {
        try withTemporaryDirectory { place in
            try place.write("root/file", "text")
            try place.makeDirectory("root/sub")
            try place.link("root/link", to: "file")
            try place.link("root/dangling", to: "nowhere")
            try place.link("root/sublink", to: "sub")
            let directory = try Directory(path: place.path("root"))
            for name in ["link", "dangling"] {
                let error = try #require(throws: BackupError.self) { _ = try directory.openFile(name) }
                #expect(error.code == .untrusted)
                #expect(error.message.contains(name))
                #expect(!error.remedy.isEmpty)
                #expect(try directory.status(name)?.kind == .symbolicLink)
                let created = try #require(throws: BackupError.self) { _ = try directory.createFile(name) }
                #expect(created.code == .exists)
            }
            let error = try #require(throws: BackupError.self) { _ = try directory.directory("sublink") }
            #expect([.untrusted, .notFound].contains(error.code))
            #expect(throws: BackupError.self) { _ = try directory.directory("sublink/new", create: true) }
            #expect(place.names("root/sub").isEmpty)
        }
    }

    /// A FIFO without a writer makes whoever opens it wait for ever.
    @Test(.timeLimit(.minutes(10))) func waitsForNothing() throws {
        try withTemporaryDirectory { place in
            try place.makeFIFO("fifo")
            try place.makeDirectory("sub")
            let directory = try Directory(path: place.path)
            for name in ["fifo", "sub"] {
                for attempt in [
                    { _ = try directory.openFile(name) }, { _ = try FileLock.takeOver(name, in: directory) },
                ] as [() throws -> Void] {
                    let error = try #require(throws: BackupError.self) { try attempt() }
                    #expect(error.code == .damaged)
                    #expect(error.message.contains(place.path(name)))
                }
                #expect(throws: BackupError.self) { _ = try FileLock.acquire(name, in: directory) }
            }
        }
    }

    @Test func makesDirectoriesForItsOwnerOnly() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path("a/b"), create: true)
            let below = try directory.directory("c/d.e/f", create: true)
            #expect(below.path == place.path("a/b/c/d.e/f"))
            let tree = try contentsOfTree(place.path("a"), aspects: .mode)
            #expect(tree.keys.sorted() == [".", "b", "b/c", "b/c/d.e", "b/c/d.e/f"])
            #expect(Set(tree.values) == ["directory mode=700"])
            _ = try directory.directory("c/d.e/f", create: true)
            try directory.createFile("file").write([1])
            #expect(try directory.status("file")?.mode == 0o600)
        }
    }

    @Test func tellsWhatIsMissing() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let error = try #require(throws: BackupError.self) { _ = try directory.openFile("none") }
            #expect(error.code == .notFound)
            #expect(error.message.contains(place.path("none")))
            #expect(try directory.readFileIfPresent("none", limit: 1) == nil)
            #expect(try directory.status("none") == nil)
            try directory.removeFile("none")
            #expect(throws: BackupError.self) { _ = try directory.directory("none/below") }
            #expect(throws: BackupError.self) { _ = try Directory(path: place.path("none")) }
        }
    }

    @Test func replacesFilesAsAWhole() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            try directory.replaceFile("file", with: Array("old".utf8))
            let reader = try directory.openFile("file")
            // What a crash left of an earlier attempt, or what somebody laid in the way.
            try place.link("file.tmp", to: "elsewhere")
            try directory.replaceFile("file", with: Array("new and longer".utf8), durability: .none)
            #expect(try reader.readAll(limit: 100) == Array("old".utf8), "a reader keeps the contents it opened")
            #expect(try place.read("file") == Array("new and longer".utf8))
            #expect(place.names() == ["file"])
            #expect(try directory.status("file")?.mode == 0o600)
        }
    }

    @Test func givesAFileASecondName() throws {
        try withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            try directory.replaceFile("now", with: Array("one".utf8))
            for _ in 0..<2 { try directory.addName("before", to: "now") }
            #expect(place.names() == ["before", "now"])
            try directory.replaceFile("now", with: Array("two".utf8), durability: .contents)
            #expect(try place.read("before") == Array("one".utf8) && place.read("now") == Array("two".utf8))
            try directory.addName("before", to: "now")
            #expect(try place.read("before") == Array("two".utf8))
            #expect(throws: BackupError.self) { try directory.addName("before", to: "missing") }
            #expect(place.names() == ["before", "now"])
        }
    }

    /// Readers at any moment see one of the two contents and nothing between.
    @Test func showsNoHalfReplacedFile() async throws {
        try await withTemporaryDirectory { place in
            let directory = try Directory(path: place.path)
            let contents = [[UInt8](repeating: 1, count: 70_000), [UInt8](repeating: 2, count: 3)]
            try directory.replaceFile("file", with: contents[0], durability: .none)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<300 {
                        do { try directory.replaceFile("file", with: contents[number % 2], durability: .none) } catch {
                            Issue.record(error)
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<300 {
                        do {
                            let seen = try directory.readFile("file", limit: 100_000)
                            #expect(contents.contains(seen))
                        } catch { Issue.record(error) }
                    }
                }
            }
        }
    }

    @Test func leavesTheOldFileWhenThereIsNoSpace() throws {
        try withMountedFileSystem("size=64k") { path in
            let directory = try Directory(path: path)
            try directory.replaceFile("file", with: Array("old".utf8))
            let error = try #require(throws: BackupError.self) {
                try directory.replaceFile("file", with: [UInt8](repeating: 1, count: 200_000))
            }
            #expect(error.code == .noSpace)
            #expect(try directory.readFile("file", limit: 10) == Array("old".utf8))
            #expect(try directory.status("file.tmp") == nil)
        }
    }

    @Test func listsAllNames() throws {
        try withTemporaryDirectory { place in
            for number in 0..<300 { try place.write("file-\(number)", "") }
            try place.makeDirectory("sub")
            try place.link("link", to: "sub")
            try place.makeFIFO("fifo")
            try place.write(".hidden", "")
            let directory = try Directory(path: place.path)
            var kinds: [String: FileStatus.Kind] = [:]
            for _ in 0..<2 {
                kinds = [:]
                try directory.forEachEntry { entry in
                    #expect(kinds[entry.name] == nil)
                    kinds[entry.name] = entry.kind ?? (try? directory.status(entry.name))?.kind
                }
            }
            #expect(kinds.count == 304, "a second listing begins anew")
            #expect(kinds["sub"] == .directory)
            #expect(kinds["link"] == .symbolicLink)
            #expect(kinds["fifo"] == .other)
            #expect(kinds[".hidden"] == .regular)
        }
    }

    @Test func listsARemovedDirectoryAsEmpty() throws {
        try withTemporaryDirectory { place in
            try place.makeDirectory("sub")
            let directory = try Directory(path: place.path("sub"))
            place.remove("sub")
            try directory.forEachEntry { Issue.record("\($0.name)") }
        }
    }
}
