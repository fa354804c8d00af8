/// A rate, and when it holds. Of several windows that hold the first one of the list counts; the base rate counts
/// where no window holds; without a base rate there is no limit then.
package struct BandwidthWindow: Sendable, Hashable {
    /// Bytes per second, 1 or more.
    package let rate: Int64
    /// When the window begins, UTC; nil: this is the base rate. At most one of a list is.
    package let from: TimeOfDay?
    /// When it ends, not included; before ``from``: on the next day. Never the same as ``from``; nil only with it.
    package let to: TimeOfDay?

    package init(rate: Int64, from: TimeOfDay?, to: TimeOfDay?) {
        self.rate = rate
        self.from = from
        self.to = to
    }
}

/// A time of each day, UTC, written `08:00`.
package struct TimeOfDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Minutes since midnight, 0...1439.
    package let minutes: Int

    /// - Parameters:
    ///   - hour: 0...23
    ///   - minute: 0...59
    /// - Returns: nil where one of them is beyond its range.
    package init?(hour: Int, minute: Int) {
        guard (0...23).contains(hour), (0...59).contains(minute) else { return nil }
        minutes = hour * 60 + minute
    }

    package static func < (left: TimeOfDay, right: TimeOfDay) -> Bool { left.minutes < right.minutes }

    /// The form in which it is written.
    package var description: String {
        [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
