import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct ConcurrentFetchTests {
    @Test(arguments: [1, 2], [100, 200_000])
    func `Two connections of one agent at once fetch nothing twice`(version: Int, size: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/a", 40, size: size)
            try home.chain("/host1/b", 40, size: size, seed: 2)
            let expected = try home.files.contents()
            try await withThrowingTaskGroup(of: ConnectionOutcome.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await ConfirmationTests.meeting(version).run(home, SenderKeepDataTransferPolicy(), other)
                            .right
                    }
                }
                var stored = 0
                for try await outcome in group {
                    #expect(outcome.failure == nil)
                    #expect(outcome.summary.refused == 0)
                    stored += outcome.summary.stored
                }
                #expect(stored == 80)
            }
            #expect(try other.count() == 80)
            #expect(try other.files.contents() == expected)
        }
    }

    @Test func `A connection that breaks leaves its elements to the next one`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/a", 40, size: 1000)
            let broken = try await Meeting(relay: try Relay(.cut(after: 50_000))).run(home, home.move(), other)
            #expect(broken.right.failure != nil)
            let outcome = try await Meeting().run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(try home.count() == 0)
            #expect(try other.count() == 40)
        }
    }
}
