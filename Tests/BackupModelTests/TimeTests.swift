import BackupModel
import BackupTestKit
import Testing

struct CivilTimeTests {
    @Test func agreesWithCountingDays() {
        func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        var seconds: Int64 = 0
        for year in 1970...2100 {
            let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            for (index, length) in lengths.enumerated() {
                for day in 1...length {
                    // Another time of day each day.
                    let time = seconds / 86400 * 7919 % 86400
                    let civil = CivilTime(Timestamp(seconds + time))
                    guard civil.year == year, civil.month == index + 1, civil.day == day,
                        Int64(civil.hour * 3600 + civil.minute * 60 + civil.second) == time,
                        civil.timestamp.seconds == seconds + time
                    else {
                        Issue.record("\(year)-\(index + 1)-\(day) is \(civil)")
                        return
                    }
                    seconds += 86400
                }
                #expect(CivilTime(year: year, month: index + 1, day: length + 1) == nil)
            }
        }
    }

    @Test func limits() {
        #expect(CivilTime(Timestamp(-1)) == CivilTime(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59))
        #expect(Timestamp(253_402_300_799).description == "9999-12-31T23:59:59Z")
        #expect(Timestamp(1_795_220_058).digits == "20261121001418")
        #expect(Timestamp(0).description == "1970-01-01T00:00:00Z")
        for (month, day, hour) in [(0, 1, 0), (13, 1, 0), (1, 0, 0), (1, 32, 0), (2, 29, 0), (1, 1, 24)] {
            #expect(CivilTime(year: 2026, month: month, day: day, hour: hour) == nil)
        }
    }
}

struct TimeSpanTests {
    @Test(
        arguments: [
            ("0s", 0), ("1s", 1), ("90min", 5400), ("6d20h", 590_400), ("1w", 604_800), ("20h6d", 590_400),
            ("1w2d3h4min5s", 788_645), ("007d", 604_800),
        ] as [(String, Int64)])
    func valid(_ text: String, _ seconds: Int64) throws {
        #expect(try TimeSpan(parsing: text).seconds == seconds)
    }

    @Test(arguments: [
        "", "5", "d", "1m", "1H", "1D", "-1d", "+1d", "1.5h", "1d 2h", " 1d", "1d1d", "1y", "99999999999999999999s",
        "9223372036854775807w", "521785w", "٣d", "1d\u{1b}[31m",
    ])
    func invalid(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try TimeSpan(parsing: text) }
        #expect(error.code == .invalidValue)
        #expect(!error.remedy.isEmpty && !error.description.contains("\u{1b}"))
    }

    @Test func descriptionIsRead() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for shift in 0..<2000 {
            let span = TimeSpan(seconds: Int64(random.next() >> UInt64(27 + shift % 37)))
            guard span.seconds <= 315_569_520_000 else { continue }
            #expect(try TimeSpan(parsing: span.description) == span, "seed \(seed)")
        }
        #expect(TimeSpan(seconds: -90).description == "-1min30s")
        #expect(TimeSpan(seconds: 694_861).rounded == "1w1d")
        #expect(TimeSpan(seconds: 59).rounded == "59s")
    }
}

struct TimeExpressionTests {
    private let now = Timestamp(1_795_220_058)  // 2026-11-21T00:14:18Z

    private func resolve(_ text: String, offset: Int64 = 0) throws -> String {
        try TimeExpression.resolve(text, now: now, utcOffset: { _ in offset }).description
    }

    @Test(arguments: [
        ("now", "2026-11-21T00:14:18Z"), ("today", "2026-11-21T22:59:59Z"), ("yesterday", "2026-11-20T22:59:59Z"),
        ("@0", "1970-01-01T00:00:00Z"), ("@1795220058", "2026-11-21T00:14:18Z"), ("2d", "2026-11-19T00:14:18Z"),
        ("36h", "2026-11-19T12:14:18Z"), ("2026-11-21", "2026-11-21T22:59:59Z"), ("2024-02-29", "2024-02-29T22:59:59Z"),
        ("2026-11-21T14:00", "2026-11-21T13:00:00Z"), ("2026-11-21 14:00:05", "2026-11-21T13:00:05Z"),
        ("2026-11-21T14:00:05Z", "2026-11-21T14:00:05Z"), ("2026-11-21T14:00z", "2026-11-21T14:00:00Z"),
        ("2026-11-21T14:00+05:30", "2026-11-21T08:30:00Z"), ("2026-11-21T14:00-0800", "2026-11-21T22:00:00Z"),
        ("2026-11-21Z", "2026-11-21T23:59:59Z"),
    ])
    func oneHourEastOfGreenwich(_ text: String, _ expected: String) throws {
        #expect(try resolve(text, offset: 3600) == expected)
    }

    @Test func todayIsThatOfTheZone() throws {
        #expect(try resolve("today", offset: -3600) == "2026-11-21T00:59:59Z")
        #expect(try resolve("yesterday", offset: -3600) == "2026-11-20T00:59:59Z")
    }

    /// Who has used a unit that is none must learn which there are.
    @Test(arguments: ["5m", "2x", "1y2d", "soon"]) func unitsAreNamed(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try resolve(text) }
        #expect(error.remedy.contains("units s min h d w"), "\(error)")
    }

    /// Central Europe, 29 March 2026: 01:00 UTC is the change from one hour to two. The day has 23 hours.
    @Test func daysOnWhichTheClockChanges() throws {
        let change = Timestamp(1_774_746_000)
        let offset: (Timestamp) -> Int64 = { $0 < change ? 3600 : 7200 }
        func resolve(_ text: String, at now: String) throws -> String {
            let now = try TimeExpression.resolve(now, now: now == "" ? change : change, utcOffset: { _ in 0 })
            return try TimeExpression.resolve(text, now: now, utcOffset: offset).description
        }
        #expect(change.description == "2026-03-29T01:00:00Z")
        #expect(try resolve("today", at: "2026-03-29T00:30:00Z") == "2026-03-29T21:59:59Z")
        #expect(try resolve("yesterday", at: "2026-03-29T12:00:00Z") == "2026-03-28T22:59:59Z")
        #expect(try resolve("yesterday", at: "2026-03-29T22:15:00Z") == "2026-03-29T21:59:59Z")
        #expect(try resolve("2026-03-29T12:00", at: "2026-03-29T00:00:00Z") == "2026-03-29T10:00:00Z")
        #expect(try resolve("2026-03-28T12:00", at: "2026-03-29T00:00:00Z") == "2026-03-28T11:00:00Z")
    }

    @Test(arguments: [
        "", "tomorrow", "2026-11", "2026-02-29", "2026-13-01", "2026-11-21T24:00", "2026-11-21T14", "2026-11-21T14:60",
        "2026-11-21T14:00+15:00", "2026-11-21T14:00+5", "21.11.2026", "@", "@-1", "@x", "@253402300800", "-2d", "2x",
        "2026-11-21T٠٥:00", "٢٠٢٦-11-21", "2026-11-21\n", "0000-01-01", "\u{1b}[31m",
    ])
    func invalid(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try resolve(text) }
        #expect(error.code == .invalidValue)
        #expect(!error.remedy.isEmpty && !error.description.contains("\u{1b}"))
    }
}

struct ByteCountTests {
    @Test(
        arguments: [
            ("0", 0), ("1000", 1000), ("500G", 500_000_000_000), ("64Mi", 67_108_864), ("64MiB", 67_108_864),
            ("1kB", 1000),
            ("1b", 1), ("2t", 2_000_000_000_000), ("8388607Ti", 9_223_370_937_343_148_032),
        ] as [(String, Int64)])
    func valid(_ text: String, _ bytes: Int64) throws { #expect(try ByteCount(parsing: text).bytes == bytes) }

    @Test(arguments: ["", "B", "G", "-1", "+1", "1.5G", "1 G", "1E", "1GG", "8388608Ti", "9223372036854775808", "٣"])
    func invalid(_ text: String) throws {
        let error = try #require(throws: BackupError.self) { try ByteCount(parsing: text) }
        #expect(error.code == .invalidValue && !error.remedy.isEmpty)
    }

    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9994, "9.99 kB"), (9999, "10.0 kB"), (99_949, "99.9 kB"),
            (99_951, "100 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"), (1_234_567_890, "1.23 GB"),
            (Int64.max, "9.22 EB"),
        ] as [(Int64, String)])
    func forPeople(_ bytes: Int64, _ text: String) { #expect(ByteCount(bytes).description == text) }
}
