import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Testing

/// A stick goes from home to `offsite` and back.
@Suite struct CarrierTests {
    enum Kind: CaseIterable, Sendable { case keep, markAsDone, copies, twoCopies, move, release }

    private static func policy(_ kind: Kind, _ home: Machine) -> any SenderPolicy {
        switch kind {
        case .keep: home.keep
        case .markAsDone: home.move(markAsDone: true)
        case .copies: home.copies(1)
        case .twoCopies: home.copies(2)
        case .move: home.move()
        case .release: home.copies(1, release: true)
        }
    }

    private static func machines(_ directory: TemporaryDirectory) throws -> (Machine, Machine, Stick) {
        (try Machine("home", in: directory), try Machine("offsite", in: directory), try Stick(in: directory))
    }

    /// More elements than go through a policy at a time.
    @Test(arguments: Kind.allCases, [3, 1100])
    func `What has arrived is not copied again, and the stick has room again`(kind: Kind, count: Int) async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            let elements = try home.chain("/host1/root", count)
            let before = try home.files.contents()
            let first = try await home.push(to: stick, Self.policy(kind, home))
            #expect(first.outcome.failure == nil)
            #expect(first.outcome.summary.stored == count)
            #expect(first.returns == CarrierReturns.Summary())
            #expect(try home.holders(of: elements[0]) == [], "that the stick has it confirms nothing")
            // Before it has travelled, nothing more is copied, and nothing is removed.
            let again = try await home.push(to: stick, Self.policy(kind, home))
            #expect(again.outcome.summary.stored == 0)
            #expect(try stick.count() == count)

            #expect(try await offsite.pull(from: stick).summary.stored == count)
            #expect(try offsite.files.contents() == before)
            #expect(try stick.count() == count)
            #expect(try home.count() == count)

            for turn in 0..<3 {
                let back = try await home.push(to: stick, Self.policy(kind, home))
                let isReleased = kind == .move || kind == .release
                #expect(back.outcome.failure == nil)
                #expect(back.outcome.summary.stored == 0)
                #expect(back.returns.confirmed == (turn == 0 ? count : 0))
                #expect(back.returns.released == (turn == 0 && isReleased ? count : 0))
                #expect(back.returns.removed == (turn == 0 ? count : 0))
                #expect(try home.count() == (isReleased ? 0 : count))
                if !isReleased {
                    #expect(try home.holders(of: elements[count - 1]) == ["offsite"])
                    #expect(try home.holders(of: elements[0]) == ["offsite"])
                }
                #expect(try stick.count() == 0)
                #expect(!directory.exists(stick.receipts("offsite")), "they were acted on")
                #expect(try await offsite.pull(from: stick).summary.offered == 0)
            }
            // What is new goes, and only that.
            try home.chain("/host1/log", 2, seed: 2)
            #expect(try await home.push(to: stick, Self.policy(kind, home)).outcome.summary.stored == 2)
            #expect(home.events.receiptTroubles.isEmpty)
            #expect(home.events.confirmationsRefused.isEmpty)
            #expect(try home.files.root.status("data.partial") == nil)
        }
    }

    @Test func `Over a connection keep goes on offering what a stick has brought`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            try home.chain("/host1/root", 3)
            _ = try await home.push(to: stick, home.keep)
            try await offsite.pull(from: stick)
            _ = try await home.push(to: stick, home.keep)
            let (_, outcome) = try await Meeting().run(home, home.keep, offsite)
            #expect(outcome.summary.offered == 3)
            #expect(outcome.summary.present == 3)
            #expect(try await Meeting().run(home, home.keep, Machine("third", in: directory)).right.summary.stored == 3)
        }
    }

    @Test func `What one agent has confirmed still goes to another one`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, red) = (try Machine("home", in: directory), try Machine("red", in: directory))
            let blue = try Machine("blue", in: directory)
            let (one, other) = (try Stick("one", in: directory), try Stick("other", in: directory))
            let elements = try home.chain("/host1/root", 3)
            let toBlue = TransferContext(agent: blue.name, senderPolicy: home.keep, receiverPolicy: nil)
            _ = try await home.push(to: one, for: "red", home.keep, others: [toBlue])
            try await red.pull(from: one)
            #expect(try await home.push(to: one, for: "red", home.keep, others: [toBlue]).returns.removed == 3)
            #expect(try await home.push(to: other, for: "blue", home.keep).outcome.summary.stored == 3)
            // Whichever stick brings them home: receipts count for who has given them.
            try await blue.pull(from: other)
            let receipts = try directory.read(other.receipts("blue"))
            try directory.write(one.receipts("blue"), receipts)
            let back = try await home.push(to: one, for: "red", home.keep, others: [toBlue])
            #expect(back.returns == CarrierReturns.Summary(confirmed: 3))
            for element in elements { #expect(try home.holders(of: element) == ["blue", "red"]) }
            #expect(try await home.push(to: other, for: "blue", home.keep).returns.removed == 3)
        }
    }

    @Test func `Two sticks go by turns, and each element is carried until one of them has brought the receipt`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, offsite) = (try Machine("home", in: directory), try Machine("offsite", in: directory))
            let (red, blue) = (try Stick("red", in: directory), try Stick("blue", in: directory))
            try home.chain("/host1/a", 2)
            _ = try await home.push(to: red, home.keep)
            try home.chain("/host1/b", 2, seed: 2)
            // Nobody knows yet whether the other one arrives.
            #expect(try await home.push(to: blue, home.keep).outcome.summary.stored == 4)
            #expect(try await offsite.pull(from: red).summary.stored == 2)
            #expect(try await offsite.pull(from: blue).summary.stored == 2)
            let redBack = try await home.push(to: red, home.keep)
            #expect(redBack.returns == CarrierReturns.Summary(confirmed: 2, removed: 2))
            #expect(redBack.outcome.summary.stored == 2, "for these the other one has the receipts")
            let blueBack = try await home.push(to: blue, home.keep)
            #expect(blueBack.returns == CarrierReturns.Summary(confirmed: 4, removed: 4))
            #expect(blueBack.outcome.summary.stored == 0)
            #expect(try offsite.count() == 4)
            #expect(try offsite.files.contents() == home.files.contents())
            #expect(try await offsite.pull(from: red).summary.present == 2)
            #expect(try await home.push(to: red, home.keep).returns.removed == 2)
            #expect(try red.count() + blue.count() == 0)
        }
    }

    @Test func `What is gone at home meanwhile is removed from the stick too`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            let elements = try home.chain("/host1/root", 3)
            _ = try await home.push(to: stick, home.keep)
            try await offsite.pull(from: stick)
            try home.files.delete(elements[2].id)
            let back = try await home.push(to: stick, home.keep)
            #expect(back.returns == CarrierReturns.Summary(confirmed: 2, removed: 3))
            #expect(!directory.exists(stick.receipts("offsite")))
        }
    }

    /// Every call of the sender's storage fails in turn, and all after it, as in a crash; then it is started again.
    @Test(arguments: [Kind.keep, .move, .markAsDone])
    func `A crash at home between any two steps loses nothing, and forgets nothing`(kind: Kind) async throws {
        try await withTemporaryDirectory { directory in
            let crash = BackupError(.inputOutput, "the machine has crashed")
            for call in 1...200 {
                let home = try Machine("home-\(call)", in: directory)
                let offsite = try Machine("offsite", in: directory)
                let stick = try Stick("stick-\(call)", in: directory)
                let elements = try home.chain("/host1/root", 3)
                let expected = try home.files.contents()
                _ = try await home.push(to: stick, Self.policy(kind, home))
                try await offsite.pull(from: stick)
                let faulty = FaultyStorage(home.files, failingCall: call, with: crash, lasting: true)
                let crashing = try home.restarted { _ in faulty }
                _ = try? await crashing.push(to: stick, Self.policy(kind, crashing))
                let calls = faulty.calls
                // Nothing is taken from the stick before it is noted at home, or gone there.
                let onStick = try stick.open().storage.contents()
                for element in elements where onStick["\(element.id.source) \(element.metadata.text)"] == nil {
                    let noted = try? home.holders(of: element)
                    #expect(kind == .move ? noted == nil || noted == [] : noted == ["offsite"], "after call \(call)")
                }
                let again = try home.restarted()
                #expect(try await again.push(to: stick, Self.policy(kind, again)).outcome.failure == nil)
                #expect(try stick.count() == 0, "after call \(call)")
                #expect(try home.count() == (kind == .move ? 0 : 3), "after call \(call)")
                #expect(try offsite.files.contents() == expected, "after call \(call)")
                directory.remove("offsite")
                if calls < call { return }
            }
            Issue.record("more calls than expected")
        }
    }

    @Test func `A round that counts for an agent lets it be seen`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            try home.chain("/host1/root", 1)
            _ = try await home.push(to: stick, home.keep)
            func seen() -> [AgentName] {
                home.events.events.compactMap { if case .connected(let agent) = $0 { agent } else { nil } }
            }
            #expect(seen() == [])
            try await offsite.pull(from: stick)
            _ = try await home.push(to: stick, home.keep)
            #expect(seen() == [offsite.name])
        }
    }

    @Test func `Elements without a UUID are carried and stay, since no receipt can name them`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            let source = try SourceURL("/host1/old")
            let data = Array("old".utf8)
            let metadata = try ElementMetadata(
                parsing: Array(#"{"BackupType": "full", "Timestamp": 1795220058}"#.utf8))
            try home.files.store(source, metadata, data: data)
            _ = try await home.push(to: stick, home.move())
            #expect(try await offsite.pull(from: stick).summary.stored == 1)
            let back = try await home.push(to: stick, home.move())
            #expect(back.returns == CarrierReturns.Summary())
            #expect(try home.count() == 1)
            #expect(try stick.count() == 1)
        }
    }

    @Test func `Elements without a checksum are read before a receipt counts`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, offsite, stick) = try Self.machines(directory)
            let source = try SourceURL("/host1/old")
            let uuid = Base64.encode([UInt8](repeating: 7, count: 64))
            let metadata = try ElementMetadata(
                parsing: Array(#"{"BackupType": "full", "DataUuid": "\#(uuid)", "Timestamp": 1795220058}"#.utf8))
            try home.files.store(source, metadata, data: Array("old".utf8))
            _ = try await home.push(to: stick, home.move())
            try await offsite.pull(from: stick)
            #expect(try await home.push(to: stick, home.move()).returns.released == 1)
            #expect(try home.count() + stick.count() == 0)
            #expect(try offsite.count() == 1)
        }
    }

    // MARK: - Parts

    @Test func `What has come onto a stick in part lies on it, until it is given up`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, _, stick) = try Self.machines(directory)
            try home.chain("/host1/root", 1)
            _ = try await home.push(to: stick, home.keep)
            let file = try stick.open().storage.openPartial(PartialKey([UInt8](repeating: 0xaa, count: 32)))
            try file.checkpoint(Array("so far".utf8))
            file.close()
            func parts() -> [String] { directory.names(stick.name + "/data.partial").filter { $0.hasPrefix("aaaa") } }
            #expect(parts().count == 2)
            // The time of the file is that of the system, the clock of the test another.
            let carrier = try stick.open()
            try carrier.recover(now: home.clock.now(), partialsBefore: Timestamp(1))
            #expect(parts().count == 2)
            try carrier.recover(now: home.clock.now(), partialsBefore: Timestamp(.max))
            #expect(parts() == [])
        }
    }
}
