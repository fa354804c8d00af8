package import BackupModel
package import BackupSystem

/// Holds back whoever moves bytes, so that over time no more than a rate passes: a token bucket whose rate depends on the
/// time of day.
///
/// The bucket holds one second's worth, at least one frame: what was not used in a pause is not made up for later.
package actor RateLimiter {
    /// A rate and the time of day (UTC) in which it holds.
    package struct Window: Sendable, Hashable {
        /// Bytes a second, 1 or more.
        package let rate: Int64
        /// Seconds since midnight UTC, 0..<86400; the window ends before `end`, and may span midnight. Both `nil`: when no
        /// other window holds.
        package let start: Int?
        package let end: Int?

        package init(rate: Int64, start: Int? = nil, end: Int? = nil) {
            self.rate = rate
            self.start = start
            self.end = end
        }

        /// Whether the second of the day lies in it; never for a window without times.
        func holds(_ secondOfDay: Int) -> Bool {
            guard let start, let end else { return false }
            return start <= end
                ? (start..<end).contains(secondOfDay) : secondOfDay >= start || secondOfDay < end
        }
    }

    /// Seconds of a clock that nobody sets, and a way to let some of them pass.
    package struct Pace: Sendable {
        package let now: @Sendable () -> Double
        package let sleep: @Sendable (Double) async -> Void

        package init(now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) async -> Void) {
            self.now = now
            self.sleep = sleep
        }

        /// That of the machine.
        package static let real = Pace(now: SystemClock.monotonic) { try? await Task.sleep(for: .seconds($0)) }
    }

    /// Bytes that may pass at once, however low the rate is.
    private static let smallestBucket: Int64 = 65536

    private let windows: [Window]
    private let clock: any WallClock
    private let pace: Pace
    /// Bytes that may pass at once; below zero while somebody waits for what was let through already.
    private var allowance: Double = 0
    private var lastRefill: Double

    package init(_ windows: [Window], clock: any WallClock = SystemClock(), pace: Pace = .real) {
        self.windows = windows
        self.clock = clock
        self.pace = pace
        lastRefill = pace.now()
    }

    /// The rate at a time of day: of the windows that hold the first one counts; when none does, the one without times.
    /// `nil` for no limit.
    package nonisolated func rate(at time: Timestamp) -> Int64? {
        let second = Int(time.seconds.flooredDivision(by: 86400).remainder)
        return (windows.first { $0.holds(second) } ?? windows.first { $0.start == nil })?.rate
    }

    /// How many bytes to take at once, so that waiting for them does not last much longer than a second.
    package var comfortableLength: Int {
        guard let rate = rate(at: clock.now()) else { return .max }
        return Int(min(max(rate, 64), Int64(Int32.max)))
    }

    /// Returns when `count` bytes may pass.
    package func take(_ count: Int) async {
        refill()
        guard let rate = rate(at: clock.now()) else { return }
        allowance -= Double(count)
        // Others take meanwhile; each waits for what it has drawn itself, so the sum keeps the rate.
        guard allowance < 0 else { return }
        await pace.sleep(-allowance / Double(rate))
    }

    private func refill() {
        let now = pace.now()
        defer { lastRefill = now }
        guard let rate = rate(at: clock.now()) else {
            allowance = 0
            return
        }
        allowance = min(allowance + (now - lastRefill) * Double(rate), Double(max(rate, Self.smallestBucket)))
    }
}
