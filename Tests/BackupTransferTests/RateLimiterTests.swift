import BackupModel
import BackupSystem
import BackupTestKit
import BackupTransfer
import Synchronization
import Testing

@Suite struct RateLimiterTests {
    private static let midnight: Int64 = 1_795_219_200
    private static let hour = 3600

    @Test(arguments: [
        (0, 1000), (5, 1000), (6, 100), (12, 100), (16, 100), (17, 1000), (21, 1000), (22, 5000), (23, 5000),
    ])
    func `The first window that holds counts, and the rate without times where none does`(hour: Int, rate: Int64) {
        let limiter = RateLimiter([
            RateLimiter.Window(rate: 1000),
            RateLimiter.Window(rate: 100, start: 6 * Self.hour, end: 17 * Self.hour),
            RateLimiter.Window(rate: 700, start: 8 * Self.hour, end: 9 * Self.hour),
            RateLimiter.Window(rate: 5000, start: 22 * Self.hour, end: 24 * Self.hour - 1),
        ])
        #expect(limiter.rate(at: Timestamp(Self.midnight + Int64(hour * Self.hour))) == rate)
    }

    private static let moments: [(Int, Int64?)] = [
        (75_599, nil), (75_600, 10), (86_399, 10), (0, 10), (17_999, 10), (18_000, nil), (43_200, nil),
    ]

    @Test(arguments: moments)
    func `A window may span midnight, and ends before its last second`(second: Int, rate: Int64?) {
        let limiter = RateLimiter([RateLimiter.Window(rate: 10, start: 21 * Self.hour, end: 5 * Self.hour)])
        #expect(limiter.rate(at: Timestamp(Self.midnight + Int64(second))) == rate)
        #expect(limiter.rate(at: Timestamp(Int64(second) + Int64(86400) * 18_193)) == rate)
    }

    @Test func `Without windows there is no limit`() async {
        let time = TestTime(Self.midnight)
        let limiter = RateLimiter([], clock: time, pace: time.pace)
        #expect(limiter.rate(at: Timestamp(Self.midnight)) == nil)
        for _ in 0..<1000 { await limiter.take(1 << 30) }
        #expect(time.passed == 0)
    }

    @Test(arguments: [(100, 10), (1_000_000, 262_144), (50_000, 65536)])
    func `Over time no more passes than the rate, and not much less`(rate: Int, piece: Int) async {
        let time = TestTime(Self.midnight)
        let limiter = RateLimiter([RateLimiter.Window(rate: Int64(rate))], clock: time, pace: time.pace)
        var bytes = 0
        while time.passed < 1000 {
            await limiter.take(piece)
            bytes += piece
            #expect(Double(bytes) <= time.passed * Double(rate) + 1)
        }
        #expect(Double(bytes) > 0.99 * time.passed * Double(rate))
    }

    @Test func `Several who share a limit keep it together`() async {
        let time = TestTime(Self.midnight)
        let limiter = RateLimiter([RateLimiter.Window(rate: 1000)], clock: time, pace: time.pace)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<100 { await limiter.take(500) } } }
        }
        #expect(time.passed >= 199, "200,000 bytes at 1000 a second")
    }

    @Test func `What was not used in a pause is made up for by one second's worth, not more`() async {
        let time = TestTime(Self.midnight)
        let rate = 100_000
        let limiter = RateLimiter([RateLimiter.Window(rate: Int64(rate))], clock: time, pace: time.pace)
        time.advance(by: 10_000)
        for _ in 0..<10 { await limiter.take(rate) }
        #expect(time.passed - 10_000 == 9)
    }

    @Test func `The rate changes with the time of day while bytes flow`() async {
        let time = TestTime(Self.midnight + 8 * Int64(Self.hour) - 100)
        let limiter = RateLimiter(
            [
                RateLimiter.Window(rate: 1000),
                RateLimiter.Window(rate: 10, start: 8 * Self.hour, end: 9 * Self.hour),
            ], clock: time, pace: time.pace)
        var bytes = 0
        while time.passed < 100 {
            await limiter.take(100)
            bytes += 100
        }
        #expect((99_000...101_000).contains(bytes))
        while time.passed < 3600 {
            await limiter.take(100)
            bytes += 100
        }
        #expect((133_000...138_000).contains(bytes))
    }

    @Test
    func `A transfer under a limit waits as often as its bytes demand, and the pieces are small enough to be seen`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/root", 2, size: 300_000)
            let time = TestTime(Self.midnight)
            let limiter = RateLimiter([RateLimiter.Window(rate: 10_000)], clock: time, pace: time.pace)
            let outcome = try await Meeting(limiter: limiter).run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.bytes == 600_000)
            #expect(time.passed >= 600_000 / 10_000 - 7)
            #expect(time.longestSleep <= 2)
        }
    }
}

/// Time that passes only by sleeping.
private final class TestTime: WallClock {
    private let start: Int64
    private let state = Mutex((passed: 0.0, longest: 0.0))

    init(_ start: Int64) { self.start = start }

    var passed: Double { state.withLock { $0.passed } }
    var longestSleep: Double { state.withLock { $0.longest } }
    func now() -> Timestamp { Timestamp(start + Int64(passed)) }
    func advance(by seconds: Double) { state.withLock { $0.passed += seconds } }

    var pace: RateLimiter.Pace {
        RateLimiter.Pace(now: { self.passed }) { seconds in
            let end = self.passed + seconds
            self.state.withLock { $0.longest = max($0.longest, seconds) }
            await Task.yield()
            self.state.withLock { $0.passed = max($0.passed, end) }
        }
    }
}
