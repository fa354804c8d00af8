import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupSystem

@Suite struct PipeTests {
    @Test func holdsMoreThanTheKernelsDefault() throws {
        let pipe = try Pipe(name: "pipe")
        // F_GETPIPE_SZ, which Swift's overlay does not have.
        let capacity = fcntl(pipe.writeEnd.raw, 1032)
        // A user without privilege who has many pipes open gets less; a pipe must be there anyhow.
        #expect(capacity >= 4096)
        if getuid() == 0 { #expect(Int(capacity) == Pipe.wantedCapacity) }
        let bytes = [UInt8](repeating: 5, count: Int(capacity))
        try pipe.writeEnd.write(bytes)
        #expect(pipe.readEnd.bytesWaiting == bytes.count)
    }

    @Test func knowsWhetherTheReaderMetTheEnd() throws {
        let pipe = try Pipe(name: "pipe")
        #expect(!pipe.readEnd.isAtEnd, "there is a writer")
        #expect(pipe.readEnd.bytesWaiting == 0)
        try pipe.writeEnd.write([1, 2, 3])
        #expect(!pipe.readEnd.isAtEnd)
        #expect(pipe.readEnd.bytesWaiting == 3)
        pipe.writeEnd.close()
        #expect(!pipe.readEnd.isAtEnd, "three bytes are unread")
        #expect(try pipe.readEnd.readPrefix(2) == [1, 2])
        #expect(!pipe.readEnd.isAtEnd)
        #expect(pipe.readEnd.bytesWaiting == 1)
        #expect(try pipe.readEnd.readPrefix(2) == [3])
        #expect(pipe.readEnd.isAtEnd)
        #expect(pipe.readEnd.bytesWaiting == 0)
    }

    @Test func waitsForNoMissingByteOfAFile() throws {
        try withTemporaryDirectory { place in
            try place.write("file", "12345")
            let file = try Directory(path: place.path).openFile("file")
            #expect(file.bytesWaiting == 5)
            #expect(!file.isAtEnd, "a file has no writer that could go")
        }
    }
}
