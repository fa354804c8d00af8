import BackupModel
import BackupStorage
import BackupTestKit
import Testing

/// What a file system refuses leaves nothing visible, and the message names the place and the way out.
@Suite struct FullDiskTests {
    private let source: SourceURL

    init() throws { source = try SourceURL("/a/x") }

    private func expectRefusal(
        _ code: BackupError.Code, at path: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) throws {
        let error = try #require(throws: BackupError.self, sourceLocation: sourceLocation) { try body() }
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(!error.firstRemedy.isEmpty, "\(error)", sourceLocation: sourceLocation)
        #expect(error.description.contains(path), "\(error)", sourceLocation: sourceLocation)
    }

    @Test(arguments: [DefaultFileStorage.Durability.none, .element])
    func noSpaceForTheBytes(_ durability: DefaultFileStorage.Durability) throws {
        try withMountedFileSystem("size=256k") { path in
            let storage = try DefaultFileStorage(path: path, durability: durability)
            try storage.checkWritable()
            let first = try storage.store(source, data: [UInt8](repeating: 1, count: 50_000))
            let before = try contentsOfTree(path)
            try expectRefusal(.noSpace, at: path) {
                try storage.store(source, data: [UInt8](repeating: 2, count: 1 << 20))
            }
            #expect(treeDifferences(before, try contentsOfTree(path)) == [])
            #expect(try storage.elements(of: source).usable.map(\.id) == [first.id])
            // The bytes of the failed one are free again.
            try storage.store(source, data: [UInt8](repeating: 3, count: 100_000))
        }
    }

    /// Every later step of a commit may be the one that finds no space: with less and less of it, each is met.
    @Test func noSpaceInTheMidstOfACommit() throws {
        try withMountedFileSystem("size=128k") { path in
            let storage = try DefaultFileStorage(path: path, durability: .element)
            var stored: [ElementID] = []
            var refused = 0
            while refused < 3, stored.count < 1000 {
                let before = try contentsOfTree(path, aspects: [.mode, .hardLinks])
                do {
                    // The bytes take none, one or two pages, the metadata one, the lock one.
                    let size = [0, 100, 5000][stored.count % 3]
                    stored.append(try storage.store(source, data: [UInt8](repeating: 1, count: size)).id)
                } catch let error as BackupError {
                    refused += 1
                    #expect(error.code == .noSpace, "\(error)")
                    let after = try contentsOfTree(path, aspects: [.mode, .hardLinks])
                    #expect(treeDifferences(before, after) == [], "something is left of what was refused")
                    // Room for one page more: the next attempt comes a step further.
                    try storage.delete(stored.removeLast())
                }
            }
            #expect(refused == 3)
            #expect(try storage.elements(of: source).usable.map(\.id).sorted() == stored.sorted())
            #expect(try storage.elements(of: source).damaged.isEmpty)
        }
    }

    @Test func checkWritableFindsNoSpace() throws {
        try withMountedFileSystem("size=64k") { path in
            let storage = try DefaultFileStorage(path: path)
            try storage.store(source, data: [UInt8](repeating: 1, count: 20_000))
            try expectRefusal(.noSpace, at: path) { try storage.checkWritable() }
        }
    }

    @Test func noInodes() throws {
        try withMountedFileSystem("size=1m,nr_inodes=8") { path in
            let storage = try DefaultFileStorage(path: path, durability: .element)
            var stored: [ElementID] = []
            var refusal: BackupError?
            while refusal == nil, stored.count < 20 {
                let before = try contentsOfTree(path, aspects: [.mode, .hardLinks])
                do { stored.append(try storage.store(source).id) } catch let error as BackupError {
                    refusal = error
                    #expect(treeDifferences(before, try contentsOfTree(path, aspects: [.mode, .hardLinks])) == [])
                }
            }
            #expect(refusal?.code == .noSpace)
            #expect(refusal?.remedy.contains("inodes") == true)
            #expect(!stored.isEmpty)
            #expect(try storage.elements(of: source).usable.map(\.id) == stored)
            // A new source needs a directory.
            try expectRefusal(.noSpace, at: path) {
                for number in 0..<20 { try storage.store(SourceURL("/b/\(number)/x")) }
            }
        }
    }

    @Test func readOnly() throws {
        try withMountedFileSystem("size=1m") { path in
            let storage = try DefaultFileStorage(path: path)
            let element = try storage.store(source)
            try remountReadOnly(path)
            let before = try contentsOfTree(path)
            try expectRefusal(.readOnly, at: path) { try storage.store(source) }
            try expectRefusal(.readOnly, at: path) { try storage.store(SourceURL("/new/x")) }
            try expectRefusal(.readOnly, at: path) { try storage.delete(element.id) }
            try expectRefusal(.readOnly, at: path) {
                try storage.setAttribute(AttributeName("copies"), of: element.id, to: [1])
            }
            try expectRefusal(.readOnly, at: path) { try storage.checkWritable() }
            // Reading goes on.
            #expect(try storage.data(element.id) == Array("some bytes".utf8))
            #expect(try storage.sources() == [source])
            #expect(treeDifferences(before, try contentsOfTree(path)) == [])
        }
    }

    /// One directory of a writable storage that nobody, not even root, may write into.
    @Test func unwritableDirectory() throws {
        try withStorage { place in
            let element = try place.storage.store(source)
            let directory = place.place.path("store/a")
            guard try ToolRun(["mount", "--bind", directory, directory]).isSuccess else {
                withKnownIssue("mounting is not permitted here") { Issue.record("not tested") }
                return
            }
            defer { _ = try? ToolRun(["umount", "-l", directory]) }
            try #require(try ToolRun(["mount", "-o", "remount,bind,ro", directory]).isSuccess)
            // The storage was opened before; a mount lies over what it knows of, as it does for a running service.
            let storage = try DefaultFileStorage(path: place.place.path("store"))
            try expectRefusal(.readOnly, at: directory) { try storage.store(source) }
            #expect(try storage.element(element.id).size == element.size)
            try storage.store(SourceURL("/b/x"))
        }
    }
}
