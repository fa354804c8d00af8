import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

@Suite struct DescriptorTests {
    /// Whether `file` is open and the file of `path`. Numbers are used again at once, so a number alone says nothing.
    private func holds(_ raw: CInt, _ path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(raw, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
            && opened.st_dev == named.st_dev
    }

    /// The descriptors of this process that are the file `path`: other tests open and close others meanwhile.
    private func openCount(_ path: String) throws -> Int {
        let directory = try Directory(path: "/proc/self/fd")
        var count = 0
        try directory.forEachEntry { entry in
            if let raw = CInt(entry.name), holds(raw, path) { count += 1 }
        }
        return count
    }

    @Test func closesWhenItsOwnerGoes() throws {
        try withTemporaryDirectory { place in
            let path = try place.write("file", "text")
            let directory = try Directory(path: place.path)
            #expect(try openCount(path) == 0)
            for _ in 0..<100 {
                let file = try directory.openFile("file")
                let second = try file.duplicate()
                #expect(try openCount(path) == 2)
                file.close()
                file.close()
                #expect(!file.isOpen)
                #expect(second.isOpen)
                #expect(try openCount(path) == 1)
                withExtendedLifetime(second) {}
            }
            #expect(try openCount(path) == 0)
        }
    }

    @Test func staysOpenWhenGivenAway() throws {
        try withTemporaryDirectory { place in
            let path = try place.write("file", "text")
            let file = try Directory(path: place.path).openFile("file")
            let raw = file.release()
            defer { _ = close(raw) }
            #expect(file.release() == -1)
            #expect(!file.isOpen)
            file.close()
            #expect(try openCount(path) == 1)
        }
    }

    @Test func closesOnFailureToo() throws {
        try withTemporaryDirectory { place in
            let path = try place.write("file", [UInt8](repeating: 1, count: 10_000))
            try place.makeFIFO("fifo")
            let directory = try Directory(path: place.path)
            for _ in 0..<20 {
                #expect(throws: BackupError.self) { _ = try directory.readFile("file", limit: 9_999) }
                #expect(throws: BackupError.self) { _ = try directory.openFile("fifo") }
            }
            #expect(try openCount(path) == 0)
            #expect(try openCount(place.path("fifo")) == 0)
        }
    }

    @Test func childrenDoNotInheritIt() throws {
        try withTemporaryDirectory { place in
            try place.write("file", "text")
            let directory = try Directory(path: place.path)
            let file = try directory.openFile("file")
            let pipe = try Pipe(name: "pipe")
            let unnamed = try UnnamedFile(in: directory, fallbackName: "tmp-x-1")
            for descriptor in [
                file, try file.duplicate(), directory.descriptor, pipe.readEnd, pipe.writeEnd, unnamed.descriptor,
            ] {
                #expect(fcntl(descriptor.raw, F_GETFD) & FD_CLOEXEC != 0, "\(descriptor.name)")
            }
        }
    }

    @Test func readsAndWritesWholeFiles() throws {
        try withTemporaryDirectory { place in
            var random = SeededGenerator()
            let directory = try Directory(path: place.path)
            for size in [0, 1, 4095, 4096, 4097, 300_001] {
                let bytes = random.bytes(size)
                try directory.createFile("f\(size)").write(bytes)
                #expect(try directory.readFile("f\(size)", limit: size) == bytes, random.comment)
                #expect(try directory.openFile("f\(size)").status().size == Int64(size))
                #expect(try directory.openFile("f\(size)").readPrefix(1000) == Array(bytes.prefix(1000)))
            }
            let error = try #require(throws: BackupError.self) { _ = try directory.readFile("f4097", limit: 4096) }
            #expect(error.code == .damaged)
        }
    }

    /// A file of `/proc` says that it has no bytes and has some.
    @Test func readsFilesThatDoNotKnowTheirSize() throws {
        let directory = try Directory(path: "/proc/self")
        #expect(try directory.readFile("status", limit: 1 << 20).isEmpty == false)
        #expect(throws: BackupError.self) { _ = try directory.readFile("status", limit: 10) }
    }
}
