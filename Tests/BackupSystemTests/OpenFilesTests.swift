import BackupModel
import BackupSystem
import BackupTestKit
import Glibc
import Testing

@Suite struct OpenFilesTests {
    /// A shell that has `file` open in `mode` until it is told to end; says so by making `ready`.
    private func hold(_ place: TemporaryDirectory, _ redirection: String) throws -> pid_t {
        let script = "exec 9\(redirection)'\(place.path("file"))'; touch '\(place.path("ready"))'; exec sleep 600"
        let process = try ToolRun.spawn(["sh", "-c", script])
        for _ in 0..<6000 where !place.exists("ready") { usleep(10_000) }
        try #require(place.exists("ready"))
        return process
    }

    private func end(_ process: pid_t) {
        kill(process, SIGKILL)
        ToolRun.reap(process)
    }

    @Test(arguments: [(">>", true), ("<>", true), (">", true), ("<", false)])
    func whoeverCanWriteIsFound(redirection: String, isWriter: Bool) throws {
        try withTemporaryDirectory { place in
            try place.write("file", "x")
            try place.write("other", "x")
            let process = try hold(place, redirection)
            defer { end(process) }
            let directory = try Directory(path: place.path)
            let file = try #require(try directory.status("file")).identity
            let other = try #require(try directory.status("other")).identity
            let found = OpenFiles.writers(of: [file, other])
            #expect(found.writers[file]?.process == (isWriter ? process : nil))
            #expect(found.writers[file]?.program.isEmpty == (isWriter ? false : nil))
            #expect(found.writers[other] == nil)
            // Under whatever name: it is the file that counts.
            try directory.rename("file", to: "renamed")
            #expect(OpenFiles.writers(of: [file]).writers[file]?.process == (isWriter ? process : nil))
        }
    }

    @Test func whatCannotBeLookedIntoIsSaid() throws {
        try withTemporaryDirectory { place in
            try place.write("file", "x")
            let file = try #require(try Directory(path: place.path).status("file")).identity
            // No such place, and one that does not show the first process.
            #expect(OpenFiles.writers(of: [file], proc: place.path("none")).blindSpot?.contains("none") == true)
            try place.makeDirectory("proc/77/fd")
            let hidden = OpenFiles.writers(of: [file], proc: place.path("proc"))
            #expect(hidden.blindSpot?.contains("does not show all processes") == true)
            try place.makeDirectory("proc/1/fd")
            #expect(OpenFiles.writers(of: [file], proc: place.path("proc")).blindSpot == nil)
            // What is open, by a link as the kernel shows it; without flags it counts as open for writing.
            try place.link("proc/77/fd/5", to: place.path("file"))
            try place.write("proc/77/fdinfo/5", "pos:\t0\nflags:\t0100000\n")
            #expect(OpenFiles.writers(of: [file], proc: place.path("proc")).writers.isEmpty)
            try place.write("proc/77/fdinfo/5", "pos:\t0\nflags:\t0102001\n")
            #expect(OpenFiles.writers(of: [file], proc: place.path("proc")).writers[file]?.process == 77)
            try place.write("proc/77/fdinfo/5", "pos:\t0\n")
            #expect(OpenFiles.writers(of: [file], proc: place.path("proc")).writers[file]?.process == 77)
            // A process whose descriptors nobody may see: here, no directory at all.
            try place.write("proc/88/fd", "x")
            #expect(OpenFiles.writers(of: [], proc: place.path("none")).blindSpot == nil, "nothing was asked")
        }
    }

    @Test func aLeaseIsRefusedWhileSomebodyReads() throws {
        try withTemporaryDirectory { place in
            try place.write("file", "x")
            let directory = try Directory(path: place.path)
            let process = try hold(place, "<")
            do {
                let file = try directory.openFileForWriting("file")
                let error = #expect(throws: BackupError.self) {
                    try file.withWriteLease { () throws(BackupError) in try file.truncate(to: 0) }
                }
                #expect(error?.code == .busy)
            }
            end(process)
            #expect(try place.read("file") == Array("x".utf8))
            let file = try directory.openFileForWriting("file")
            try file.withWriteLease { () throws(BackupError) in try file.truncate(to: 0) }
            #expect(try place.read("file").isEmpty)
        }
    }

    /// Whoever opens the file meanwhile waits until it is cut, and nothing that is written then is lost. The signal that
    /// tells of it must not end this process.
    @Test func whoOpensTheFileDuringALeaseWaits() throws {
        try withTemporaryDirectory { place in
            try place.write("file", "old\n")
            let file = try Directory(path: place.path).openFileForWriting("file")
            var process: pid_t = 0
            try file.withWriteLease { () throws(BackupError) in
                process = try ToolRun.spawn(
                    ["sh", "-c", "touch '\(place.path("begun"))'; echo new >>'\(place.path("file"))'"])
                for _ in 0..<6000 where !place.exists("begun") { usleep(10_000) }
                usleep(100_000)
                try file.truncate(to: 0)
            }
            ToolRun.reap(process)
            #expect(String(decoding: try place.read("file"), as: UTF8.self) == "new\n")
        }
    }
}
