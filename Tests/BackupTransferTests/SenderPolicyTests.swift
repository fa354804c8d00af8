import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct SenderPolicyTests {
    @Test func `What is marked as done for one agent is still offered to another`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            let elements = try home.chain("/host1/root", 3)
            let policy = home.move(markAsDone: true)
            #expect(try await Meeting().run(home, policy, first).right.summary.stored == 3)
            #expect(try home.holders(of: elements[0]) == ["first"])
            #expect(try await Meeting().run(home, policy, first).right.summary.offered == 0)
            #expect(try await Meeting().run(home, policy, second).right.summary.stored == 3)
            #expect(try home.files.contents() == second.files.contents())
            #expect(try home.files.contents() == first.files.contents())
            #expect(home.events.released.isEmpty)
        }
    }

    @Test func `Keeping offers the same again, and the receiver stores it once`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, first, _) = try Self.machines(directory)
            try home.chain("/host1/root", 3)
            for stored in [3, 0] {
                let outcome = try await Meeting().run(home, SenderKeepDataTransferPolicy(), first).right
                #expect(outcome.failure == nil)
                #expect(outcome.summary.stored == stored)
                #expect(outcome.summary.present == 3 - stored)
            }
            #expect(try first.count() == 3)
            #expect(try home.count() == 3)
        }
    }

    @Test func `Two copies among three agents: the third gets nothing, those that hold it are still offered it`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            let third = try Machine("third", in: directory)
            let elements = try home.chain("/host1/root", 2)
            let policy = home.copies(2)
            #expect(try await Meeting().run(home, policy, first).right.summary.stored == 2)
            #expect(try await Meeting().run(home, policy, second).right.summary.stored == 2)
            #expect(try await Meeting().run(home, policy, third).right.summary.offered == 0)
            #expect(try await Meeting().run(home, policy, first).right.summary.present == 2)
            #expect(try home.holders(of: elements[1]) == ["first", "second"])
            #expect(try home.count() == 2, "without release nothing is deleted")
        }
    }

    @Test func `With release the local copy goes when the last copy is confirmed, not before`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            try home.chain("/host1/root", 2)
            let policy = home.copies(2, release: true)
            _ = try await Meeting().run(home, policy, first)
            _ = try await Meeting().run(home, policy, first)
            #expect(try home.count() == 2, "one agent twice is one copy")
            _ = try await Meeting().run(home, policy, second)
            #expect(try home.count() == 0)
            #expect(home.events.released.count == 2)
            #expect(try first.files.contents() == second.files.contents())
        }
    }

    @Test func `An agent that was not seen for long does not count, and the element is offered to others again`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            let elements = try home.chain("/host1/root", 1)
            let day = TimeSpan(seconds: 86400)
            let policy = home.copies(1, forgetAfter: TimeSpan(seconds: 30 * 86400))
            _ = try await Meeting().run(home, policy, first)
            home.clock.advance(by: TimeSpan(seconds: 30 * 86400))
            #expect(try policy.offers(elements[0], to: second.name) == false, "seen just in time")
            home.clock.advance(by: day)
            #expect(try policy.offers(elements[0], to: second.name))
            #expect(try policy.attributes(of: elements[0]) == ["copies": .integer(0)])
            second.clock.set(home.clock.now())
            #expect(try await Meeting().run(home, policy, second).right.summary.stored == 1)
            #expect(try policy.attributes(of: elements[0]) == ["copies": .integer(1)])
            // It comes back: what it holds counts again as soon as it says so.
            first.clock.set(home.clock.now())
            _ = try await Meeting().run(home, policy, first)
            #expect(try policy.attributes(of: elements[0]) == ["copies": .integer(2)])
        }
    }

    @Test func `An agent that connects but confirms nothing new counts as seen`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            let elements = try home.chain("/host1/root", 1)
            let clock = home.clock
            let policy = home.copies(1, forgetAfter: TimeSpan(seconds: 3600)) { $0 == first.name ? clock.now() : nil }
            _ = try await Meeting().run(home, policy, first)
            home.clock.advance(by: TimeSpan(seconds: 1_000_000))
            #expect(try policy.offers(elements[0], to: second.name) == false)
        }
    }

    @Test func `A forgotten agent does not make the local copy go`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, first, second) = try Self.machines(directory)
            let third = try Machine("third", in: directory)
            let elements = try home.chain("/host1/root", 1)
            let policy = home.copies(2, release: true, forgetAfter: TimeSpan(seconds: 3600))
            _ = try await Meeting().run(home, policy, first)
            home.clock.advance(by: TimeSpan(seconds: 3601))
            _ = try await Meeting().run(home, policy, second)
            #expect(try home.count() == 1)
            #expect(try home.holders(of: elements[0]) == ["first", "second"])
            _ = try await Meeting().run(home, policy, third)
            #expect(try home.count() == 0)
        }
    }

    private static func machines(_ directory: TemporaryDirectory) throws -> (Machine, Machine, Machine) {
        (
            try Machine("home", in: directory), try Machine("first", in: directory),
            try Machine("second", in: directory)
        )
    }
}
