import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct MirrorTests {
    private static let day: Int64 = 86400

    @Test(arguments: [nil, "/agents/home"])
    func `What is offered no more goes to the attic with its bytes, and from there after its time`(
        prefix: String?
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: prefix)
            let keep = SenderKeepDataTransferPolicy()
            let elements = try home.chain("/host1/root", 3)
            try home.chain("/host1/var", 1, seed: 2)
            _ = try await Meeting().run(home, keep, other, receiver)
            #expect(try other.count() == 4)
            try home.files.delete(elements[2].id)
            let outcome = try await Meeting().run(home, keep, other, receiver)
            #expect(outcome.right.failure == nil)
            let attic = try SourceURL("/attic\(prefix ?? "")/host1/root")
            #expect(other.events.retired.map(\.isDeleted) == [false])
            let retired = try other.files.elements(of: attic).usable
            #expect(retired.map(\.metadata) == [elements[2].metadata])
            #expect(try retired.map { try other.files.data($0.id) } == [SeededGenerator.thirdElement])
            #expect(try other.files.elements(of: try SourceURL("\(prefix ?? "")/host1/root")).usable.count == 2)
            // The time of the element itself is long past; what counts is when it came to the attic.
            other.clock.advance(by: TimeSpan(seconds: Self.day - 3600))
            _ = try await Meeting().run(home, keep, other, receiver)
            #expect(try other.count() == 4)
            other.clock.advance(by: TimeSpan(seconds: 7200))
            _ = try await Meeting().run(home, keep, other, receiver)
            #expect(try other.files.elements(of: attic).usable.isEmpty)
            #expect(other.events.retired.map(\.isDeleted) == [false, true])
            #expect(try other.count() == 3)
        }
    }

    @Test func `Without a prefix the mirror leaves alone what did not come from the agent`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: nil)
            try other.chain("/own/root", 2, seed: 7)
            let third = try Machine("third", in: directory)
            try third.chain("/third/root", 2, seed: 8)
            _ = try await Meeting().run(third, SenderKeepDataTransferPolicy(), other)
            let elements = try home.chain("/host1/root", 2)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            for element in elements { try home.files.delete(element.id) }
            try other.chain("/host1/root", 1, from: 1_795_230_000, seed: 9)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            #expect(
                try other.files.sources().map(\.description)
                    == ["/attic/host1/root", "/host1/root", "/own/root", "/third/root"])
            #expect(try other.count() == 7)
        }
    }

    @Test func `What was there before the mirror is the agent's as soon as it offers it`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: nil)
            let elements = try home.chain("/host1/root", 2)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            try home.files.delete(elements[1].id)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            #expect(other.events.retired.count == 1)
        }
    }

    @Test func `A listing that breaks off retires nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: "/home")
            let elements = try home.chain("/host1/root", 30)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            try home.files.delete(elements[29].id)
            var meeting = Meeting()
            meeting.limits.protocolLimits.elementsPerPage = 10
            for cut in [0, 200, 1000, 6000, 9000] {
                meeting.relay = try Relay(.cut(after: cut))
                let outcome = try await meeting.run(home, SenderKeepDataTransferPolicy(), other, receiver)
                #expect(outcome.right.failure != nil)
                #expect(other.events.retired.isEmpty)
                #expect(try other.count() == 30)
            }
            meeting.relay = nil
            _ = try await meeting.run(home, SenderKeepDataTransferPolicy(), other, receiver)
            #expect(other.events.retired.count == 1)
        }
    }

    @Test func `What an agent deletes because it was confirmed has not vanished`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: "/home")
            try home.chain("/host1/root", 2)
            let policies: [any SenderPolicy] = [home.move(), home.copies(1, release: true)]
            for policy in policies {
                for _ in 0..<2 {
                    let outcome = try await Meeting().run(home, policy, other, receiver)
                    #expect(outcome.right.failure == nil)
                }
                _ = try await ConfirmationTests.meeting(1).run(home, policy, other, receiver)
            }
            #expect(other.events.retired.isEmpty)
            #expect(other.events.refused.contains { $0.code == .configuration })
            #expect(try other.count() == 2)
        }
    }

    @Test func `An offer that cannot be understood keeps everything in its place`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: "/home")
            try home.chain("/host1/root", 2)
            _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
            for (entry, retired) in [(#"{"id": "/x", "source": "/host1/../root"}"#, 0), ("", 2)] {
                let (outcome, _) = try await other.meet(receiver: receiver) { peer in
                    peer.serve { request in
                        switch request {
                        case "getPolicyInfo":
                            #"{"protocol": 2, "policy": {"name": "keep"}, "features": ["listing"]}"#
                        case "listElements": #"{"elements": [\#(entry)], "next": null}"#
                        default: ""
                        }
                    }
                }
                #expect(outcome.failure == nil)
                #expect(other.events.retired.count == retired)
            }
        }
    }

    @Test(arguments: [nil, "/home"])
    func `A crash on the way to the attic leaves one element, here or there`(prefix: String?) async throws {
        try await withTemporaryDirectory { directory in
            let crash = BackupError(.inputOutput, "the machine has crashed")
            for call in 1...100 {
                let (home, other, receiver) = try Self.machines(directory, prefix: prefix, call)
                let elements = try home.chain("/host1/root", 2)
                _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
                try home.files.delete(elements[1].id)
                let faulty = FaultyStorage(other.files, failingCall: call, with: crash, lasting: true)
                _ = try await Meeting().run(
                    home, SenderKeepDataTransferPolicy(), try other.restarted { _ in faulty }, receiver)
                _ = try await Meeting().run(home, SenderKeepDataTransferPolicy(), try other.restarted(), receiver)
                let attic = try other.files.elements(
                    of: try SourceURL("/attic\(prefix ?? "")/host1/root")
                ).usable
                #expect(attic.map(\.metadata.uuid) == [elements[1].metadata.uuid], "after call \(call)")
                #expect(try other.count() == 2, "after call \(call)")
                if faulty.calls < call { return }
            }
            Issue.record("more calls than expected")
        }
    }

    @Test func `An element that comes back and vanishes again is in the attic once`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other, receiver) = try Self.machines(directory, prefix: "/home")
            let keep = SenderKeepDataTransferPolicy()
            let elements = try home.chain("/host1/root", 3)
            var last = elements[2]
            for _ in 0..<2 {
                _ = try await Meeting().run(home, keep, other, receiver)
                try home.files.delete(last.id)
                _ = try await Meeting().run(home, keep, other, receiver)
                last = try home.files.store(last.id.source, last.metadata, data: SeededGenerator.thirdElement)
            }
            #expect(try other.files.elements(of: try SourceURL("/attic/home/host1/root")).usable.count == 1)
            #expect(try other.files.elements(of: try SourceURL("/home/host1/root")).usable.count == 2)
        }
    }

    /// With the real time: files have it.
    private static func machines(
        _ directory: TemporaryDirectory, prefix: String?, _ turn: Int = 0
    ) throws -> (Machine, Machine, ReceiverPolicy) {
        let (home, other) = try ConfirmationTests.machines(directory, turn)
        other.clock.set(SystemClock().now())
        var receiver = ReceiverPolicy()
        receiver.kind = .mirror(deleteAfter: TimeSpan(seconds: day))
        receiver.prefix = try prefix.map { try SourceURL($0) }
        return (home, other, receiver)
    }
}
