import BackupModel
import BackupTestKit
import Testing

@testable import BackupSystem

@Suite struct DirectoryBytesTests {
    @Test func links() throws {
        try withTemporaryDirectory { place in
            try place.write("a/b/file", "x")
            try place.link("a/link", to: "b")
            try place.link("a/b/last", to: "/")
            try place.link("dangling", to: "nowhere")
            let directory = try Directory(path: place.path)
            func first(_ path: String) throws -> String? {
                try directory.firstSymbolicLink(on: Array(path.utf8)).map { String(decoding: $0, as: UTF8.self) }
            }
            for path in ["", "a", "a/b", "a/b/file", "a/b/file/below", "a/nothing/c", "nothing"] {
                #expect(try first(path) == nil, "\(path)")
            }
            #expect(try first("a/link") == "a/link")
            #expect(try first("a/link/last/usr") == "a/link")
            #expect(try first("a/b/last/usr") == "a/b/last")
            #expect(try first("dangling/x") == "dangling")
            let error = #expect(throws: BackupError.self) { try first("../x") }
            #expect(error?.code == .untrusted)
        }
    }

    @Test func removing() throws {
        try withTemporaryDirectory { place in
            try place.write("a/file", "x")
            try place.write("out/file", "x")
            try place.link("a/link", to: place.path("out"))
            let directory = try Directory(path: place.path)
            for path in ["a", "nothing", "nothing/x", "a/file/x"] { try directory.removeFile(at: Array(path.utf8)) }
            #expect(place.names("a") == ["file", "link"])
            let error = #expect(throws: BackupError.self) { try directory.removeFile(at: Array("a/link/file".utf8)) }
            #expect(error?.code == .untrusted)
            try directory.removeFile(at: Array("a/link".utf8))
            try directory.removeFile(at: Array("a/file".utf8))
            #expect(place.names("a").isEmpty)
            #expect(place.names("out") == ["file"])
            // No UTF-8.
            let name = Array("caf".utf8) + [0xe9]
            #expect(try ToolRun(["bash", "-c", "mkfifo \"$0\"/$'caf\\xe9'", place.path]).isSuccess)
            #expect(try directory.kind(at: name) == .other)
            try directory.removeFile(at: name)
            #expect(try directory.kind(at: name) == nil)
        }
    }
}
