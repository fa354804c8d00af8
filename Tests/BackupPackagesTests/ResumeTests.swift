import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

/// A log may come in any pieces, and a run may end after any line.
@Suite struct ResumeTests {
    /// The manager and a log of it that has something open nearly everywhere.
    static func logs() throws -> [(name: String, reader: any PackageManagerReader, bytes: [UInt8])] {
        [
            ("portage", PortageReader(), try fixture("emerge-2022.log")),
            ("portage with damage", PortageReader(), Array(Self.damaged.utf8)),
            ("dpkg", DpkgReader(), Array(DpkgLogTests.story.utf8)),
            ("pacman", PacmanReader(), Array(PacmanTests.story.utf8)),
            ("apk", ApkReader(), Array(ApkTests.story.utf8)),
        ]
    }

    private static let damaged = """
        100: Started emerge on: Jan 01, 1970 00:01:40
        100:  *** emerge --root=/x --ask a
        100:  === sync
        101: >>> Syncing repository 'a' into '/a'...
        105:  >>> emerge (1 of 2) a/b-1 to /x/
        106:  >>> emerge (2 of 2) a/c-1 to /x/
        107:  === (1 of 2) Merging Binary (a/b-1::/x)
        108:  === (2 of 2) Merging (a/c-1::/var/db/repos/r/a/c/c-1.ebuild)
        109:  >>> AUTOCLEAN: a/b:1
        109:  === Unmerging... (a/b-0)

        110:  >>> unmerge success: a/b-0
        garbage
        111:  === (1 of 2) Updating world file (a/b-1)
        111:  >>> AUTOCLEAN: a/c:0
        112: Started emerge on: Jan 01, 1970 00:01:52
        113:  *** RESTARTING emerge via exec() after change of portage version.
        114:  ::: completed emerge (1 of 2) a/b-1 to /x/
        115:  *** terminating.
        116:  ::: completed emerge (1 of 2) a/b-1 to /x/
        117: === Unmerging... (a/c-1)
        118:  >>> emerge (1 of 1) a/d-1 to /

        """

    @Test func anyPiecesGiveTheSame() throws {
        var random = SeededGenerator()
        for (name, reader, bytes) in try Self.logs() {
            let whole = WholeLog(reader, bytes)
            for _ in 0..<4 {
                var reading = PackageLogReading(reader, LogContext(machine: "m"))
                var records: [PackageRecord] = []
                var rejected = RejectedLines()
                var rest = bytes[...]
                while !rest.isEmpty {
                    let size = min(rest.count, Int.random(in: 1...3000, using: &random))
                    reading.take(Array(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                    let found = reading.takeFindings()
                    records += found.records
                    rejected.add(found.rejected)
                }
                #expect(records == whole.records && rejected == whole.rejected, "\(name), \(random.comment)")
                #expect(reading.state == whole.state && reading.pending == whole.pending, "\(name), \(random.comment)")
            }
        }
    }

    /// The state goes through its written form at each line of a log.
    @Test func aRunGoesOnAfterAnyLine() throws {
        for (name, reader, bytes) in try Self.logs() {
            let context = LogContext(machine: "m")
            let whole = WholeLog(reader, bytes)
            var reading = PackageLogReading(reader, context)
            var records: [PackageRecord] = []
            for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
                reading.take(Array(line) + [0x0a])
                records += reading.takeFindings().records
                let text = JSONValue.object(reading.state).canonicalBytes
                let state = try #require(try JSONParser.parse(text).objectValue)
                reading = try PackageLogReading(reader, context, resuming: state)
                #expect(JSONValue.object(reading.state).canonicalBytes == text, "\(name)")
            }
            #expect(records == whole.records, "\(name)")
            #expect(reading.pending == whole.pending && reading.position == whole.position, "\(name)")
        }
    }

    @Test func aLineThatIsNotEndedIsReadAgain() throws {
        let text = Array("20:  ::: completed emerge (1 of 1) a/b-1 to /".utf8)
        var reading = PackageLogReading(PortageReader(), LogContext(machine: "m"))
        reading.take(text)
        #expect(reading.takeFindings().records.isEmpty && reading.position == 0)
        var next = try PackageLogReading(PortageReader(), LogContext(machine: "m"), resuming: reading.state)
        next.take(text + [0x0a])
        #expect(next.takeFindings().records.count == 1 && next.position == Int64(text.count) + 1)
    }

    @Test func aStateOfSomethingElseIsRefused() throws {
        let good = WholeLog(PortageReader(), "").state
        for (key, value): (String, JSONValue) in [
            ("Schema", .integer(2)), ("Manager", .string("dpkg")), ("Offset", .integer(-1)), ("Parser", .null),
            ("Parser", .object(["Jobs": .array([.null])])), ("Parser", .object(["Jobs": .array([.object([:])])])),
            ("Parser", .object(["Runs": .string("")])), ("Parser", .object(["Restarted": .integer(1)])),
        ] {
            var state = good
            state[key] = value
            let error = #expect(throws: BackupError.self, "\(key)") {
                try PackageLogReading(PortageReader(), LogContext(machine: "m"), resuming: state)
            }
            #expect(error?.code == .damaged)
        }
    }

    /// Bytes are changed, removed, doubled and swapped at random: whatever comes out, nothing stops the program, nothing grows
    /// without end, and all records can be written and read.
    @Test func damageOfAnyKindDoesNoHarm() throws {
        var random = SeededGenerator()
        for (name, reader, bytes) in try Self.logs() {
            for _ in 0..<30 {
                let start = Int.random(in: 0..<bytes.count, using: &random)
                var text = Array(bytes[start...].prefix(20_000))
                for _ in 0..<Int.random(in: 1...200, using: &random) {
                    guard !text.isEmpty else { break }
                    let place = Int.random(in: 0..<text.count, using: &random)
                    switch Int.random(in: 0..<6, using: &random) {
                    case 0: text[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: text.remove(at: place)
                    case 2: text.insert(contentsOf: text[place...].prefix(200), at: place)
                    case 3: text[place] = 0
                    case 4: text.removeSubrange(place..<min(place + 100, text.count))
                    default: text.insert(contentsOf: Array("9999999999999999999".utf8), at: place)
                    }
                }
                let log = WholeLog(reader, text)
                for record in log.records + log.pending {
                    let line = record.canonicalBytes
                    #expect(!line.contains(0x0a), "\(name), \(random.comment)")
                    let again = try PackageRecord(parsing: line)
                    #expect(again == record, "\(name), \(random.comment)")
                }
                let resumed = try PackageLogReading(reader, LogContext(machine: "m"), resuming: log.state)
                #expect(resumed.state == log.state, "\(name), \(random.comment)")
                #expect(JSONValue.object(log.state).canonicalBytes.count < 1 << 20, "\(name), \(random.comment)")
            }
        }
    }
}
