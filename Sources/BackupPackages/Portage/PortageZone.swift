import BackupModel

/// Each run of emerge writes the local time beside the seconds since 1970; the difference is the zone of that day.
enum PortageZone {
    /// The offset of local time from UTC in seconds.
    ///
    /// - Parameters:
    ///   - date: `Nov 30, 2025 15:15:51`; the name of the month is that of the locale.
    ///   - stamp: seconds since 1970, of the same line.
    /// - Returns: `nil` when the date is not in this form, or too far from the stamp for any zone.
    static func offset(date: ByteText, stamp: Int64) -> Int64? {
        guard (0...253_402_300_799).contains(stamp), let blank = date.firstIndex(of: UInt8(ascii: " ")),
            let day = date.number(at: blank + 1), date.from(day.end).hasPrefix(", "),
            let year = date.number(at: day.end + 2), date.from(year.end).hasPrefix(" "),
            let hour = date.number(at: year.end + 1), date.from(hour.end).hasPrefix(":"),
            let minute = date.number(at: hour.end + 1), date.from(minute.end).hasPrefix(":"),
            let second = date.number(at: minute.end + 1), second.end == date.count
        else { return nil }
        // The month follows from the stamp: no two months near it have this day at a distance that a zone can make.
        for days in [0, -1, 1] as [Int64] {
            let near = CivilTime(Timestamp(stamp + days * 86400))
            guard near.day == Int(day.value), near.year == Int(year.value),
                let local = CivilTime(
                    year: near.year, month: near.month, day: near.day, hour: Int(hour.value),
                    minute: Int(minute.value), second: Int(second.value))
            else { continue }
            let difference = local.timestamp.seconds - stamp
            // Zones are multiples of a quarter of an hour; the two clocks are read one after the other, and rounded.
            let offset = (difference + 450).flooredDivision(by: 900).quotient * 900
            if abs(difference - offset) <= 60, abs(offset) <= 14 * 3600 { return offset }
        }
        return nil
    }
}
