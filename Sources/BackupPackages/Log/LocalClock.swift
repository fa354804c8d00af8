import BackupModel

/// Reads `2025-06-24 14:36:25` in columns, and tells what moment local time means.
struct LocalClock: Sendable {
    private let zoneOffset: (@Sendable (Timestamp) -> Int64)?
    /// The last date: a log has many lines of a day.
    private var lastDate: (UInt64, UInt16) = (0, 0)
    private var lastMidnight: Int64 = 0

    init(_ zoneOffset: (@Sendable (Timestamp) -> Int64)?) { self.zoneOffset = zoneOffset }

    static let width = 19

    /// The local time at the beginning of the text as seconds, as if it were UTC; `nil` when there is none.
    mutating func seconds(_ text: ByteText) -> Int64? {
        guard text.count >= Self.width, text[4] == 0x2d, text[7] == 0x2d,
            text[10] == UInt8(ascii: " ") || text[10] == UInt8(ascii: "T"), text[13] == 0x3a, text[16] == 0x3a,
            let hour = Self.pair(text, 11), let minute = Self.pair(text, 14), let second = Self.pair(text, 17),
            hour < 24, minute < 60, second < 61
        else { return nil }
        var head: UInt64 = 0
        for index in 0..<8 { head = head << 8 | UInt64(text[index]) }
        let key = (head, UInt16(text[8]) << 8 | UInt16(text[9]))
        if key != lastDate {
            guard let century = Self.pair(text, 0), let year = Self.pair(text, 2), let month = Self.pair(text, 5),
                let day = Self.pair(text, 8),
                let midnight = CivilTime(year: century * 100 + year, month: month, day: day)
            else { return nil }
            lastDate = key
            lastMidnight = midnight.timestamp.seconds
        }
        return lastMidnight + Int64(hour * 3600 + minute * 60 + second)
    }

    /// The moment that the local time `seconds` means, and the offset of local time from UTC then; without a zone the time as
    /// if it were UTC. In the hour that a clock shows twice it is one of the two.
    func moment(_ seconds: Int64) -> (time: Timestamp, offset: Int64?) {
        guard let zoneOffset else { return (Timestamp(seconds), nil) }
        let guess = Timestamp(seconds - zoneOffset(Timestamp(seconds)))
        let offset = zoneOffset(guess)
        return (Timestamp(seconds - offset), offset)
    }

    /// Local seconds in the form that is read.
    static func text(_ local: Int64) -> String {
        let time = CivilTime(Timestamp(local))
        return String(unsafeUninitializedCapacity: width) { buffer in
            func put(_ value: Int, _ place: Int) {
                buffer[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10 % 10)
                buffer[place + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
            }
            put(time.year / 100, 0)
            put(time.year, 2)
            put(time.month, 5)
            put(time.day, 8)
            put(time.hour, 11)
            put(time.minute, 14)
            put(time.second, 17)
            buffer[4] = UInt8(ascii: "-")
            buffer[7] = UInt8(ascii: "-")
            buffer[10] = UInt8(ascii: " ")
            buffer[13] = UInt8(ascii: ":")
            buffer[16] = UInt8(ascii: ":")
            return width
        }
    }

    /// Two digits.
    static func pair(_ text: ByteText, _ start: Int) -> Int? {
        let tens = text[start] &- UInt8(ascii: "0")
        let ones = text[start + 1] &- UInt8(ascii: "0")
        return tens < 10 && ones < 10 ? Int(tens) * 10 + Int(ones) : nil
    }
}
