/// A moment, in whole seconds since 1970-01-01T00:00:00 UTC, as the metadata holds it.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let seconds: Int64

    package init(_ seconds: Int64) { self.seconds = seconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }
    package static func + (time: Timestamp, span: TimeSpan) -> Timestamp { Timestamp(time.seconds + span.seconds) }
    package static func - (time: Timestamp, span: TimeSpan) -> Timestamp { Timestamp(time.seconds - span.seconds) }
    package static func - (left: Timestamp, right: Timestamp) -> TimeSpan {
        TimeSpan(seconds: left.seconds - right.seconds)
    }

    /// ISO 8601 in UTC: `2026-11-21T00:14:18Z`.
    package var description: String {
        let date = CivilTime(self)
        return "\(date.year.padded(4))-\(date.month.padded(2))-\(date.day.padded(2))"
            + "T\(date.hour.padded(2)):\(date.minute.padded(2)):\(date.second.padded(2))Z"
    }

    /// The 14 digits `YYYYMMDDHHMMSS` in UTC that begin an element's file name.
    package var digits: String {
        let date = CivilTime(self)
        return date.year.padded(4) + date.month.padded(2) + date.day.padded(2)
            + date.hour.padded(2) + date.minute.padded(2) + date.second.padded(2)
    }
}

/// Year, month, day, hour, minute and second of a moment in UTC, in the proleptic Gregorian calendar.
///
/// The conversions are H. Hinnant's `days_from_civil` and `civil_from_days`.
package struct CivilTime: Sendable, Hashable {
    package var year: Int
    /// 1 to 12.
    package var month: Int
    /// 1 to 31.
    package var day: Int
    package var hour: Int
    package var minute: Int
    package var second: Int

    /// The moment with these fields, or `nil` when there is no such date or time of day.
    package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        // A day that its month does not have comes back as another date.
        guard CivilTime(timestamp) == self else { return nil }
    }

    package init(_ timestamp: Timestamp) {
        let (days, rest) = timestamp.seconds.flooredDivision(by: 86400)
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097).quotient
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        hour = Int(rest / 3600)
        minute = Int(rest / 60 % 60)
        second = Int(rest % 60)
    }

    package var timestamp: Timestamp {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = shiftedYear.flooredDivision(by: 400).quotient
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return Timestamp(days * 86400 + Int64(hour * 3600 + minute * 60 + second))
    }
}

extension Int64 {
    /// Quotient and remainder with the remainder in `0..<divisor`, also for negative numbers. `divisor` is above 0.
    package func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension Int {
    /// This number, 0 or more, with zeros in front up to `width` digits.
    package func padded(_ width: Int) -> String {
        let digits = String(self)
        return digits.count >= width ? digits : String(repeating: "0", count: width - digits.count) + digits
    }
}
