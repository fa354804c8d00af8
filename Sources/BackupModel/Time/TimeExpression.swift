/// A moment as a person writes it on the command line: `2026-11-21`, `2026-11-21T14:00`, `2026-11-21 14:00:05Z`,
/// `2026-11-21T14:00+01:00`, `@1795220058`, `now`, `today`, `yesterday`, or an age such as `2d` or `36h`.
package enum TimeExpression {
    /// The moment that `text` means.
    ///
    /// - Parameters:
    ///   - now: what ages and words refer to.
    ///   - utcOffset: gives the offset of local time from UTC in seconds at a moment; times without a zone are local.
    /// - Returns: For a bare date its last second, since whoever asks for "the 21st" means the state of that day's
    ///   end; the same for `today` and `yesterday`.
    /// - Throws: `BackupError` with code `invalidValue`.
    package static func resolve(
        _ text: String, now: Timestamp, utcOffset: (Timestamp) -> Int64
    ) throws(BackupError) -> Timestamp {
        switch text {
        case "now": return now
        case "today": return endOfDay(now, back: 0, utcOffset)
        case "yesterday": return endOfDay(now, back: 1, utcOffset)
        default: break
        }
        if text.hasPrefix("@") {
            guard let seconds = Int64(text.dropFirst()), (0...253_402_300_799).contains(seconds) else {
                throw .timeExpression(text, "after '@' a number of seconds since 1970 is expected")
            }
            return Timestamp(seconds)
        }
        if let last = text.last, last.isASCII, last.isLetter, last != "Z", last != "z" {
            do throws(BackupError) { return now - (try TimeSpan(parsing: text)) } catch {
                throw .timeExpression(text, "it is neither a word we know nor an age")
            }
        }
        return try calendar(text, utcOffset)
    }

    private static func calendar(
        _ text: String, _ utcOffset: (Timestamp) -> Int64
    ) throws(BackupError) -> Timestamp {
        // `\d` means the digits of every script.
        guard text.utf8.allSatisfy({ $0 < 0x80 }),
            let match = text.wholeMatch(
                of: /(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?(Z|z|[+-]\d{2}:?\d{2})?/)
        else { throw .timeExpression(text, "it is not in the form YYYY-MM-DDTHH:MM:SS") }
        let fields = match.output
        func number(_ field: Substring?) -> Int { field.flatMap { Int($0) } ?? 0 }
        let isDate = fields.4 == nil
        guard
            let civil = CivilTime(
                year: number(fields.1), month: number(fields.2), day: number(fields.3),
                hour: isDate ? 23 : number(fields.4), minute: isDate ? 59 : number(fields.5),
                second: isDate ? 59 : number(fields.6))
        else { throw .timeExpression(text, "there is no such date or time of day") }
        let asIfUTC = civil.timestamp
        guard let zone = fields.7 else {
            return fromLocal(asIfUTC, utcOffset)
        }
        if zone == "Z" || zone == "z" { return asIfUTC }
        let digits = zone.dropFirst().filter { $0 != ":" }
        let hours = number(digits.prefix(2))
        let minutes = number(digits.suffix(2))
        guard hours <= 14, minutes <= 59 else { throw .timeExpression(text, "there is no such zone") }
        let offset = Int64(hours * 3600 + minutes * 60)
        return Timestamp(asIfUTC.seconds - (zone.hasPrefix("-") ? -offset : offset))
    }

    /// The last second of the local day that lies `back` days before that of `time`. Days are counted, not hours: a
    /// day on which the clock changes has 23 or 25 of them.
    private static func endOfDay(_ time: Timestamp, back: Int64, _ utcOffset: (Timestamp) -> Int64) -> Timestamp {
        let day = (time.seconds + utcOffset(time)).flooredDivision(by: 86400).quotient - back
        return fromLocal(Timestamp(day * 86400 + 86399), utcOffset)
    }

    /// The moment at which local clocks show what `asIfUTC` shows in UTC: the offset that holds at the moment itself,
    /// found by one correction, is exact but in the hour of a change.
    private static func fromLocal(_ asIfUTC: Timestamp, _ utcOffset: (Timestamp) -> Int64) -> Timestamp {
        let guess = Timestamp(asIfUTC.seconds - utcOffset(asIfUTC))
        return Timestamp(asIfUTC.seconds - utcOffset(guess))
    }
}
