import BackupConfig
import BackupModel
import BackupPipeline
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// What is remembered of a program's sources, through crashes.
@Suite struct ProgramStateTests {
    private static let now: Int64 = 1_795_220_058

    private func bench(_ scratch: Scratch, plan: String, interval: Int64 = 1) throws -> Bench {
        try Data(
            """
            #!/bin/sh
            case $1 in
            describe) echo '{"protocol": 1, "name": "test", "version": "7"}' ;;
            plan) cat >'\(scratch.path)/request'; echo '\(plan)' ;;
            esac

            """.utf8
        ).write(to: URL(fileURLWithPath: scratch.path + "/program"))
        try #require(chmod(scratch.path + "/program", 0o755) == 0)
        return try Bench(
            .program(
                ProgramSettings(
                    program: scratch.path + "/program", minimumInterval: TimeSpan(seconds: interval), encryption: .none)
            ),
            in: scratch)
    }

    private static let increments = #"{"sources": [{"source": "/h/a", "type": "inc", "due": 0, "format": "append"}]}"#
    private var source: SourceURL { get throws { try SourceURL("/h/a") } }

    private func look(_ bench: Bench, at now: Int64 = now) async throws {
        try #require(bench.unit.claimLook(now: Timestamp(now)))
        await bench.unit.look(now: Timestamp(now))
    }

    /// Prepares a run in which the program says `state`.
    private func prepare(_ bench: Bench, _ state: String, at now: Int64) throws -> any UnitRun {
        let run = try bench.unit.prepare(try source, type: .inc, now: Timestamp(now))
        let sink = try #require(run.producer.process?.messages)
        #expect(sink.take(Array(#"{"kind": "state", "state": "\#(state)"}"#.utf8)) == nil)
        return run
    }

    private func uuid(_ run: any UnitRun) -> ElementUUID {
        run.uuid(checksum: [UInt8](repeating: UInt8(truncatingIfNeeded: run.timestamp.seconds), count: 64))
    }

    private func given(_ run: any UnitRun) -> String? { run.producer.process?.environment["GB_STATE"] }

    @Test func theStateGoesForwardWithTheChain() async throws {
        let scratch = try Scratch()
        let bench = try bench(scratch, plan: Self.increments)
        try await look(bench)
        let first = try prepare(bench, "one", at: Self.now)
        #expect(first.type == .full && first.reason.contains("never run before") && given(first) == nil)
        #expect(first.record.version == "7" && first.record.other["Format"] == .string("append"))
        let uuid = uuid(first)
        try first.willStore(uuid)
        bench.add(first, uuid)
        try first.stored()
        _ = await first.conclude(nil)
        let next = try bench.unit.next(of: try source, now: Timestamp(Self.now + 9))
        #expect(next == nil, "the plan is older than the element")

        try await look(bench, at: Self.now + 9)
        let request = try JSONParser.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: scratch.path + "/request"))))
        #expect(
            request
                == .object([
                    "time": .integer(Self.now + 9),
                    "sources": .object([
                        "/h/a": .object([
                            "last": .integer(Self.now), "last_full": .integer(Self.now),
                            "uuid": .string(uuid.base64), "state": .string("one"),
                        ])
                    ]),
                ]))
        let second = try prepare(bench, "two", at: Self.now + 10)
        #expect(second.type == .inc && second.predecessor == uuid && given(second) == "\"one\"")
        // A run that is not stored leaves no trace.
        second.abandoned()
        _ = await second.conclude(BackupError(.failed, "no"))
        #expect(given(try prepare(bench, "two", at: Self.now + 11)) == "\"one\"")
    }

    @Test(arguments: [false, true]) func aCrashAfterTheAnnouncement(isStored: Bool) async throws {
        let scratch = try Scratch()
        let bench = try bench(scratch, plan: Self.increments)
        try await look(bench)
        let first = try prepare(bench, "one", at: Self.now)
        try first.willStore(uuid(first))
        bench.add(first, uuid(first))
        try first.stored()
        _ = await first.conclude(nil)
        try await look(bench, at: Self.now + 10)
        let second = try prepare(bench, "two", at: Self.now + 10)
        try second.willStore(uuid(second))
        // Here the program ends; the storage has the element or has it not.
        if isStored { bench.add(second, uuid(second)) }

        let next = try self.bench(scratch, plan: Self.increments)
        let found = bench.elements.withLock { $0 }
        next.elements.withLock { $0 = found }
        #expect(try next.recover().count == 1)
        try await look(next, at: Self.now + 20)
        let third = try prepare(next, "three", at: Self.now + 20)
        #expect(third.type == .inc)
        #expect(third.predecessor == uuid(isStored ? second : first))
        #expect(given(third) == (isStored ? "\"two\"" : "\"one\""))
    }

    @Test func nothingRestsOnAStateThatIsOlderThanTheChain() async throws {
        let scratch = try Scratch()
        let bench = try bench(scratch, plan: Self.increments)
        for step: Int64 in [0, 10, 20] {
            try await look(bench, at: Self.now + step)
            let run = try prepare(bench, "state\(step)", at: Self.now + step)
            try run.willStore(uuid(run))
            bench.add(run, uuid(run))
            try run.stored()
            _ = await run.conclude(nil)
        }
        try bench.files.write("{", to: "state.current")
        let next = try self.bench(scratch, plan: Self.increments)
        #expect(try next.recover().joined().contains("state.old was used instead"))
        // Once it is repaired nobody sees that it was damaged: the program's state must be gone by then.
        let again = try self.bench(scratch, plan: Self.increments)
        #expect(try again.recover() == [])
        try await look(again, at: Self.now + 30)
        let run = try prepare(again, "x", at: Self.now + 30)
        #expect(run.type == .full && run.reason.contains("was lost") && given(run) == nil)
    }

    @Test func anotherFormatBeginsWithAFull() async throws {
        let scratch = try Scratch()
        let first = try bench(scratch, plan: Self.increments)
        try await look(first)
        let run = try prepare(first, "one", at: Self.now)
        try run.willStore(uuid(run))
        try run.stored()
        let next = try bench(scratch, plan: Self.increments.replacingOccurrences(of: "append", with: "tar"))
        try await look(next)
        let second = try prepare(next, "two", at: Self.now + 10)
        #expect(second.type == .full && second.reason.contains("append") && second.reason.contains("tar"))
    }

    @Test func aProgramThatAlwaysWantsToIsHeldBack() async throws {
        let scratch = try Scratch()
        let bench = try bench(scratch, plan: Self.increments, interval: 60)
        try await look(bench)
        let run = try prepare(bench, "one", at: Self.now)
        try run.willStore(uuid(run))
        try run.stored()
        _ = await run.conclude(nil)
        try await look(bench, at: Self.now + 1)
        #expect(try bench.unit.schedule(now: Timestamp(Self.now + 1)).first?.due == Timestamp(Self.now + 60))
    }

    @Test func theProgramIsNotAskedMoreOftenThanNeeded() async throws {
        let scratch = try Scratch()
        let bench = try bench(scratch, plan: Self.increments)
        #expect(try bench.unit.outlook(now: Timestamp(Self.now)).runs.isEmpty)
        try await look(bench)
        #expect(!bench.unit.claimLook(now: Timestamp(Self.now + 599)))
        #expect(bench.unit.claimLook(now: Timestamp(Self.now + 600)))
        // While it is asked nothing is run, and nobody else asks.
        #expect(!bench.unit.claimLook(now: Timestamp(Self.now + 600)))
        #expect(try bench.unit.schedule(now: Timestamp(Self.now + 600)).isEmpty)
        expectError(.notFound, mentions: ["/h/b", "/h/a"]) {
            try bench.unit.prepare(try SourceURL("/h/b"), type: nil, now: Timestamp(Self.now))
        }
        expectError(.busy, mentions: ["at work"]) {
            try bench.unit.prepare(try source, type: nil, now: Timestamp(Self.now))
        }
        await bench.unit.look(now: Timestamp(Self.now + 600))
        // A clock that was set back.
        #expect(bench.unit.claimLook(now: Timestamp(Self.now - 1)))
    }
}
