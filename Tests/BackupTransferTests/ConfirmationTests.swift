import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct ConfirmationTests {
    enum Kind: CaseIterable, Sendable { case move, markAsDone, release }

    /// Every call of the sender's storage fails in turn, and all after it, as in a crash; then it is started again.
    @Test(arguments: Kind.allCases, [1, 2])
    func `A crash of the sender between any two steps loses nothing`(kind: Kind, version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let crash = BackupError(.inputOutput, "the machine has crashed")
            for call in 1...200 {
                let (home, other) = try Self.machines(directory, call)
                try home.chain("/host1/root", 4)
                try home.chain("/host1/log", 3, seed: 2)
                let expected = try home.files.contents()
                let faulty = FaultyStorage(home.files, failingCall: call, with: crash, lasting: true)
                let crashing = try home.restarted { _ in faulty }
                _ = try await Self.meeting(version).run(crashing, Self.policy(kind, crashing), other)
                let calls = faulty.calls
                #expect(try Self.union(home, other) == expected, "after call \(call)")
                let again = try home.restarted()
                let outcome = try await Self.meeting(version).run(again, Self.policy(kind, again), other)
                #expect(outcome.left.failure == nil, "after call \(call)")
                #expect(outcome.right.failure == nil, "after call \(call)")
                #expect(try other.files.contents() == expected, "after call \(call)")
                #expect(try other.count() == 7, "nothing is there twice, after call \(call)")
                #expect(try home.count() == (kind == .markAsDone ? 7 : 0), "after call \(call)")
                if calls < call { return }
            }
            Issue.record("more calls than expected")
        }
    }

    @Test(arguments: [1, 2])
    func `A crash of the receiver between any two steps loses nothing and stores nothing twice`(version: Int)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let crash = BackupError(.inputOutput, "the machine has crashed")
            for call in 1...200 {
                let (home, other) = try Self.machines(directory, call)
                try home.chain("/host1/root", 3)
                try home.chain("/host1/log", 2, size: 200_000, seed: 2)
                let expected = try home.files.contents()
                let faulty = FaultyStorage(other.files, failingCall: call, with: crash, lasting: true)
                let crashing = try other.restarted { _ in faulty }
                _ = try await Self.meeting(version).run(home, home.move(), crashing)
                let calls = faulty.calls
                #expect(try Self.union(home, other) == expected, "after call \(call)")
                let outcome = try await Self.meeting(version).run(home, home.move(), try other.restarted())
                #expect(outcome.right.failure == nil, "after call \(call)")
                #expect(try other.files.contents() == expected, "after call \(call)")
                #expect(try other.count() == 5, "after call \(call)")
                #expect(try home.count() == 0, "after call \(call)")
                if calls < call { return }
            }
            Issue.record("more calls than expected")
        }
    }

    @Test func `Two agents that confirm at once are both remembered`() async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let elements = try home.chain("/host1/root", 300)
            let policy = home.move(markAsDone: true)
            let others = try ["first", "second", "third"].map { try Machine($0, in: directory) }
            try await withThrowingTaskGroup(of: ConnectionOutcome.self) { group in
                for other in others { group.addTask { try await Meeting().run(home, policy, other).right } }
                for try await outcome in group {
                    #expect(outcome.failure == nil)
                    #expect(outcome.summary.stored == 300)
                }
            }
            for element in elements { #expect(try home.holders(of: element) == ["first", "second", "third"]) }
        }
    }

    @Test(arguments: [1, 2])
    func `Two agents that move at once: each element goes to one of them at least, and none is lost`(version: Int)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            try home.chain("/host1/root", 300)
            let expected = try home.files.contents()
            let policy = home.move()
            let others = try ["first", "second"].map { try Machine($0, in: directory) }
            try await withThrowingTaskGroup(of: ConnectionOutcome.self) { group in
                for other in others { group.addTask { try await Self.meeting(version).run(home, policy, other).right } }
                for try await outcome in group { #expect(outcome.failure == nil) }
            }
            #expect(try home.count() == 0)
            #expect(try Self.union(others[0], others[1]) == expected)
        }
    }

    @Test(arguments: ["no JSON", "[]", #"{"first": 7}"#, #"{"first": {"at": 1, "receipt": 5}}"#, #"{"..": {"at": 1}}"#])
    func `A damaged record of copies is reported, releases nothing, and the other elements go on`(
        text: String
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try Self.machines(directory, 0)
            let elements = try home.chain("/host1/root", 3)
            try home.setCopies(text, of: elements[1])
            let outcome = try await Meeting().run(home, home.copies(1, release: true), other)
            #expect(outcome.left.failure == nil)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 2)
            #expect(home.events.problems.map(\.id) == [elements[1].id])
            #expect(home.events.problems.first?.error.code == .damaged)
            #expect(home.events.released == [elements[0].id, elements[2].id])
            #expect(try home.files.data(elements[1].id).count == 100)
        }
    }

    @Test func `A record that is damaged after the offer releases nothing`() throws {
        try withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let elements = try home.chain("/host1/root", 2)
            try home.setCopies("{", of: elements[0])
            let policy = home.copies(1, release: true)
            let outcomes = policy.applyPolicy(
                elements.map { ConfirmedElement($0, receipt: nil) }, by: try AgentName("other"))
            guard case .refused(let error) = outcomes[0], case .released = outcomes[1] else {
                Issue.record("\(outcomes)")
                return
            }
            #expect(error.code == .damaged)
            #expect(try home.count() == 1)
        }
    }

    static func machines(_ directory: TemporaryDirectory, _ turn: Int) throws -> (Machine, Machine) {
        (try Machine("home-\(turn)", in: directory), try Machine("other-\(turn)", in: directory))
    }

    static func meeting(_ version: Int) throws -> Meeting {
        Meeting(relay: version == 1 ? try Relay(.version1) : nil)
    }

    private static func policy(_ kind: Kind, _ machine: Machine) -> any SenderPolicy {
        switch kind {
        case .move: machine.move()
        case .markAsDone: machine.move(markAsDone: true)
        case .release: machine.copies(1, release: true)
        }
    }

    static func union(_ left: Machine, _ right: Machine) throws -> [String: [UInt8]] {
        try left.files.contents().merging(right.files.contents()) { first, second in
            #expect(first == second)
            return first
        }
    }
}
