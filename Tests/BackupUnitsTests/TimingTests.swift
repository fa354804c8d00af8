import BackupConfig
import BackupModel
import BackupTestKit
import Testing

@testable import BackupUnits

@Suite struct TimingTests {
    private func timing(_ minimum: Int64, _ maximum: Int64, _ modulus: Int64? = nil, _ offset: Int64 = 0)
        -> TimingSetting
    {
        TimingSetting(
            minimum: TimeSpan(seconds: minimum), maximum: TimeSpan(seconds: maximum),
            modulus: modulus.map { TimeSpan(seconds: $0) }, offset: TimeSpan(seconds: offset))
    }

    @Test func withoutModulusItIsTheMinimum() {
        #expect(timing(100, 500).next(after: Timestamp(1000)) == Timestamp(1100))
    }

    @Test func withModulusItIsTheFirstAlignedMoment() {
        #expect(timing(100, 500, 300, 50).next(after: Timestamp(1000)) == Timestamp(1250))
        #expect(timing(250, 500, 300, 50).next(after: Timestamp(1000)) == Timestamp(1250))
        #expect(timing(251, 900, 300, 50).next(after: Timestamp(1000)) == Timestamp(1550))
    }

    @Test func itIsNeverLaterThanTheMaximum() {
        #expect(timing(251, 500, 300, 50).next(after: Timestamp(1000)) == Timestamp(1500))
    }

    @Test func itIsAlwaysLaterThanTheLast() {
        #expect(timing(0, 0).next(after: Timestamp(1000)) == Timestamp(1001))
        #expect(timing(0, 300, 300, 100).next(after: Timestamp(1000)) == Timestamp(1300))
    }

    @Test func aDailyRunThatWasLateGoesBackToItsHour() throws {
        // 2026-11-21T05:30Z, three and a half hours late; the next at 02:00 lies 20.5 hours ahead.
        let last = Timestamp(1_795_239_000)
        #expect(daily.next(after: last).description == "2026-11-22T02:00:00Z")
        // Nine hours late: 17 hours are too few, so the maximum decides, and the day after goes closer again.
        #expect(daily.next(after: Timestamp(1_795_258_800)).description == "2026-11-22T15:00:00Z")
    }

    @Test func aLastRunInTheFutureMakesNobodyWaitLong() {
        let timing = timing(100, 500)
        #expect(timing.next(after: Timestamp(9000), now: Timestamp(1000)) == Timestamp(1000))
        // Within the maximum it stays a fixed moment, which comes.
        #expect(timing.next(after: Timestamp(1200), now: Timestamp(1000)) == Timestamp(1300))
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func holdsForAllSettings(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let minimum = Int64.random(in: 0...100_000, using: &random)
            let maximum = minimum + Int64.random(in: 0...100_000, using: &random)
            let modulus = Bool.random(using: &random) ? Int64.random(in: 1...90_000, using: &random) : nil
            let offset = modulus.map { Int64.random(in: 0..<$0, using: &random) } ?? 0
            let timing = timing(minimum, maximum, modulus, offset)
            let last = Int64.random(in: 0...2_000_000_000, using: &random)
            let next = timing.next(after: Timestamp(last)).seconds
            #expect(next > last && next >= last + minimum && next <= last + max(1, maximum), "seed \(seed)")
            if let modulus {
                // Aligned whenever the window has an aligned moment, and then the first.
                let earliest = last + max(1, minimum)
                let aligned = earliest + (offset - earliest).flooredDivision(by: modulus).remainder
                #expect(next == (aligned <= last + maximum ? aligned : max(earliest, last + maximum)), "seed \(seed)")
            }
            let now = last + Int64.random(in: -300_000...300_000, using: &random)
            let wait = timing.next(after: Timestamp(last), now: Timestamp(now)).seconds - now
            #expect(wait <= max(1, maximum), "seed \(seed)")
        }
    }
}

@Suite struct ScheduleOrderTests {
    private func entry(_ unit: String, _ source: String, _ type: BackupType, _ due: Int64) throws -> ScheduledRun {
        ScheduledRun(unit: unit, source: try SourceURL(source), type: type, due: Timestamp(due), reason: "")
    }

    @Test func fullsThenTheMostOverdueThenTheName() throws {
        let sorted = [
            try entry("B", "/z", .full, 50), try entry("A", "/a", .full, 60), try entry("A", "/b", .full, 60),
            try entry("C", "/b", .full, 60), try entry("A", "/c", .inc, 10), try entry("A", "/d", .inc, 20),
        ]
        var random = SeededGenerator(seed: 1)
        for _ in 0..<50 {
            #expect(ScheduleOrder.due(sorted.shuffled(using: &random), now: Timestamp(60)) == sorted)
        }
        #expect(ScheduleOrder.due(sorted, now: Timestamp(19)) == [sorted[4]])
        #expect(sorted[4].overdue(Timestamp(70)) == TimeSpan(seconds: 60))
    }
}
