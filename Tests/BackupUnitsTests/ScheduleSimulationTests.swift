import BackupConfig
import BackupModel
import BackupPipeline
import BackupTestKit
import Foundation
import Synchronization
import Testing

@testable import BackupUnits

/// Months of a unit's life with a clock of our own: what is due is run, takes its time, and sometimes fails.
@Suite struct ScheduleSimulationTests {
    /// Stands for tar: an index appears.
    private func pretend(_ bench: Bench, _ run: any UnitRun) throws {
        let index = try #require(run.producer.process?.environment["GB_INDEX"])
        try Data("GNU tar-1.34-2\n0\u{0}0\u{0}".utf8).write(to: URL(fileURLWithPath: index))
        let uuid = run.uuid(checksum: [UInt8](repeating: 1, count: 64))
        try run.willStore(uuid)
        bench.add(run, uuid)
        try run.stored()
    }

    private func days(_ count: Double) -> Int64 { Int64(count * 86400) }

    @Test(arguments: 0..<4 as Range<UInt64>) func keepsItsIntervals(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let source = try SourceURL("/h/a")
        var now: Int64 = 1_795_220_058
        let end = now + days(200)
        var lastFull: Int64?
        var last: Int64?
        var failedSince: Int64?
        while now < end {
            let next = try #require(try bench.unit.schedule(now: Timestamp(now)).first)
            #expect(next.due.seconds - now <= days(7) + 4 * 3600, "seed \(seed): waits too long")
            now = max(now, next.due.seconds)
            // What the schedule announces is what is run.
            let again = try #require(try bench.unit.schedule(now: Timestamp(now)).first)
            #expect(again.type == next.type && again.due <= Timestamp(now), "seed \(seed): \(next) became \(again)")
            let run = try bench.unit.prepare(source, type: nil, now: Timestamp(now))
            #expect(run.type == again.type)
            if Int.random(in: 0..<5, using: &random) == 0 {
                run.abandoned()
                failedSince = failedSince ?? now
                now += 600
                continue
            }
            let late = failedSince.map { now - $0 } ?? 0
            failedSince = nil
            if run.type == .full {
                if let lastFull {
                    let gap = now - lastFull
                    #expect(gap >= weekly.minimum.seconds, "seed \(seed): fulls \(gap) apart")
                    #expect(gap <= weekly.maximum.seconds + late + 8 * 3600, "seed \(seed): fulls \(gap) apart")
                }
                lastFull = now
            } else {
                #expect(lastFull != nil, "seed \(seed): an increment without a full")
            }
            if let last { #expect(now > last, "seed \(seed): twice for one due moment") }
            // Fulls may come sooner than the increments' minimum; the other way round not.
            if run.type == .inc, let last { #expect(now - last >= daily.minimum.seconds, "seed \(seed)") }
            try pretend(bench, run)
            last = now
            now += Int64.random(in: 1...6 * 3600, using: &random)
            let after = try #require(try bench.unit.schedule(now: Timestamp(now)).first)
            #expect(after.due.seconds > (last ?? 0), "seed \(seed): due again for the same moment")
        }
        // Two hundred days, daily: about as many elements, and a full each week.
        #expect(bench.elements.withLock { $0.count } > 170)
        #expect(bench.elements.withLock { $0.filter { $0.type == .full }.count } >= 27)
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func survivesAClockThatJumps(seed: UInt64) throws {
        var random = SeededGenerator(seed: 1000 + seed)
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let source = try SourceURL("/h/a")
        var clock: Int64 = 1_795_220_058
        var newest: Int64 = 0
        for _ in 0..<200 {
            if Int.random(in: 0..<10, using: &random) == 0 {
                clock = max(1_000_000_000, clock + Int64.random(in: -days(40)...days(40), using: &random))
            }
            let next = try #require(try bench.unit.schedule(now: Timestamp(clock)).first)
            #expect(next.due.seconds - clock <= days(7) + 4 * 3600, "seed \(seed): waits too long")
            if clock < newest {
                #expect(next.type == .full && next.due.seconds <= clock, "seed \(seed): \(next)")
                #expect(next.reason.contains("set back"))
            }
            clock = max(clock, next.due.seconds)
            let run = try bench.unit.prepare(source, type: nil, now: Timestamp(clock))
            if run.type == .inc { #expect(clock >= newest, "seed \(seed): an increment after the clock was set back") }
            try pretend(bench, run)
            newest = clock
            clock += Int64.random(in: 1...7200, using: &random)
        }
    }

    @Test func saysWhy() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root)]), in: scratch)
        let start: Int64 = 1_795_220_058
        func next(_ now: Int64) throws -> ScheduledRun {
            try #require(try bench.unit.schedule(now: Timestamp(now)).first)
        }
        #expect(try next(start).reason == "full: never run before")
        #expect(try next(start).due == Timestamp(start))
        try pretend(bench, try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(start)))
        let second = try next(start + 1)
        #expect(second.type == .inc)
        #expect(
            second.reason == "increment: last was at 2026-11-21T00:14:18Z, every 1d at offset 2h, after 20h to 1d4h")
        try FileManager.default.removeItem(atPath: bench.files.path + "/h-a.index")
        let third = try next(start + 1)
        #expect(third.type == .full && third.due == second.due)
        #expect(third.reason == "full in place of an increment: there is no index of its last run")
        #expect(try next(start + days(30)).reason.hasPrefix("full: last full was at 2026-11-21T00:14:18Z, every 1w"))
    }

    @Test func withoutIncrementsThereAreFullsOnly() throws {
        let scratch = try Scratch()
        let root = try scratch.directory("root")
        let bench = try Bench(.tar([try tarSource("/h/a", root: root, full: daily, inc: nil)]), in: scratch)
        try pretend(bench, try bench.unit.prepare(try SourceURL("/h/a"), type: nil, now: Timestamp(1_795_220_058)))
        let next = try #require(try bench.unit.schedule(now: Timestamp(1_795_220_059)).first)
        #expect(next.type == .full && next.due == daily.next(after: Timestamp(1_795_220_058)))
    }
}
