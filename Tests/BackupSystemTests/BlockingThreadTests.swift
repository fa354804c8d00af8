import BackupModel
import Glibc
import Testing

@testable import BackupSystem

@Suite struct BlockingThreadTests {
    @Test func returnsValuesAndErrors() async throws {
        let value = try await BlockingThread.run("a value") { () throws(BackupError) -> [Int] in [1, 2, 3] }
        #expect(value == [1, 2, 3])
        do throws(BackupError) {
            try await BlockingThread.run("an error") { () throws(BackupError) in
                throw BackupError(.damaged, "what was wrong")
            }
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .damaged)
            #expect(error.message == "what was wrong")
        }
    }

    @Test func runsOnAThreadOfItsName() async throws {
        let name = try await BlockingThread.run("gb-thread-name-that-is-too-long") { () throws(BackupError) -> String in
            let directory = try Directory(path: "/proc/thread-self")
            return String(decoding: try directory.readFile("comm", limit: 100), as: UTF8.self)
        }
        #expect(name == "gb-thread-name-\n")
    }

    /// More of them wait for each other than the machine has cores: with the threads that tasks share, this would stand still.
    @Test(.timeLimit(.minutes(10))) func waitingHoldsUpNobody() async throws {
        let count = 64
        var pipes: [Pipe] = []
        for number in 0...count { pipes.append(try Pipe(name: "pipe \(number)")) }
        let chain = pipes
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await BlockingThread.run("wait \(number)") { () throws(BackupError) in
                        let byte = try chain[number + 1].readEnd.readPrefix(1)
                        try chain[number].writeEnd.write(byte)
                    }
                }
            }
            try chain[count].writeEnd.write([42])
            try await group.waitForAll()
        }
        #expect(try chain[0].readEnd.readPrefix(1) == [42])
    }
}
