import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

/// Elements whose log was read once more: the state of the unit was lost, or an older one was put back.
@Suite struct StateOverlapTests {
    /// One element of a package state.
    private struct Element {
        /// The number of its predecessor.
        var after: Int?
        var isFromBeginning = false
        let time: Int64
        let changes: [PackageRecord]
        /// What its snapshot has, `nil` for an increment.
        var packages: [String]?
    }

    private struct Reading {
        private(set) var chain = StateChain()
        private(set) var records: [PackageRecord] = []
        /// As `install a`, with a question mark for what was inferred.
        var shown: [String] {
            records.map { "\($0.event) \($0.name ?? "")" + ($0.completeness == .inferred ? "?" : "") }
        }
        var present: [String]? { chain.present?.packages.map(\.name).sorted() }

        init(_ elements: [Element]) throws {
            for (number, element) in elements.enumerated() {
                let follows = element.after != nil && element.after == number - 1
                let link = StateChain.Link(
                    isFull: element.packages != nil, time: Timestamp(element.time), follows: follows,
                    isBeginning: element.after == nil || element.isFromBeginning,
                    branch: follows ? nil : element.after.flatMap { $0 < number ? $0 : nil })
                var overlap = chain.overlap(link)
                for record in element.changes { overlap?.take(record) }
                try chain.begin(link, overlap)
                for record in element.changes { try chain.take(.change(record)) }
                if let packages = element.packages {
                    var header = SnapshotHeader(machine: "m", manager: "dpkg", root: "/")
                    header.taken = Timestamp(element.time)
                    header.packageCount = packages.count
                    try chain.take(.header(header))
                    for name in packages {
                        try chain.take(
                            .package(
                                InstalledPackage(machine: "m", manager: "dpkg", root: "/", name: name, version: "1")))
                    }
                }
                try chain.end()
            }
            try chain.finish()
            for (part, element) in zip(chain.parts, elements) where part.isUsed {
                var cutoff = part.cutoff
                records += part.before
                for record in element.changes where cutoff.passes(record) { records.append(record) }
                records += part.after
            }
        }
    }

    private func record(_ name: String, _ time: Int64, _ event: PackageEvent = .install) -> PackageRecord {
        var record = PackageRecord(
            machine: "m", manager: "dpkg", root: "/", event: event, name: name, version: "1")
        record.started = Timestamp(time)
        record.finished = Timestamp(time)
        record.recorded = "at \(time)"
        record.position = LogPosition(offset: 0, length: 10, digest: UInt64(truncatingIfNeeded: time &* 7919))
        return record
    }

    private let year: Int64 = 365 * 86400

    /// One line of a clock that was ahead.
    @Test func aClockThatWasAheadHidesNothing() throws {
        let all = [record("a", 100), record("b", 10 * year), record("c", 200)]
        let packages = ["a", "b", "c"]
        for anew in [
            Element(time: 400, changes: all, packages: packages),
            Element(after: 0, isFromBeginning: true, time: 400, changes: all, packages: packages),
        ] {
            let reading = try Reading([Element(time: 300, changes: all, packages: packages), anew])
            #expect(reading.shown == ["install a", "install b", "install c"])
            #expect(reading.present == packages && reading.chain.gaps.isEmpty)
        }
    }

    /// What is new is so by its line, whatever its time.
    @Test func aClockThatWentBackHidesNothing() throws {
        let known = [record("a", 1000), record("b", 1100)]
        let elements = [
            Element(time: 5000, changes: known, packages: ["a", "b"]),
            Element(time: 6000, changes: known + [record("c", 50)], packages: ["a", "b", "c"]),
        ]
        let reading = try Reading(elements)
        #expect(reading.shown == ["install a", "install b", "install c"])
        // Before anything was known, too.
        let first = try Reading([
            Element(time: 5000, changes: [], packages: []),
            Element(time: 6000, changes: known, packages: ["a", "b"]),
        ])
        #expect(first.shown == ["install a", "install b"])
    }

    /// An older copy of the unit's state was put back.
    @Test func aBranchIsNotTakenTwice() throws {
        let (c, d) = (record("c", 300), record("d", 400))
        let trunk = [
            Element(time: 150, changes: [record("a", 100), record("b", 110)], packages: ["a", "b"]),
            Element(after: 0, time: 350, changes: [c]),
        ]
        let increment = try Reading(trunk + [Element(after: 0, time: 450, changes: [c, d])])
        #expect(increment.shown == ["install a", "install b", "install c", "install d"])
        // What the older element knows is enough for it.
        #expect(increment.chain.parts.allSatisfy(\.isUsed) && increment.present == ["a", "b", "c", "d"])
        let full = try Reading(
            trunk + [
                Element(after: 0, time: 450, changes: [c]),
                Element(after: 2, time: 550, changes: [d], packages: ["a", "b", "c", "d"]),
            ])
        #expect(full.shown == increment.shown && full.chain.contradictions.isEmpty && full.chain.gaps.isEmpty)
        // Nothing had happened on the other branch.
        let quiet = try Reading([
            trunk[0], Element(after: 0, time: 350, changes: []),
            Element(after: 0, time: 450, changes: [record("z", 20)]),
        ])
        #expect(quiet.shown == ["install a", "install b", "install z"])
    }

    /// The machine itself was put back, with its log: what had happened since is undone.
    @Test func aLogThatWasPutBackIsFollowed() throws {
        let reading = try Reading([
            Element(time: 150, changes: [record("a", 100)], packages: ["a"]),
            Element(after: 0, time: 250, changes: [record("b", 200)]),
            Element(after: 0, time: 350, changes: [record("c", 300)]),
            Element(after: 2, time: 450, changes: [], packages: ["a", "c"]),
        ])
        #expect(reading.shown == ["install a", "install b", "uninstall b?", "install c"])
        #expect(reading.present == ["a", "c"] && reading.chain.gaps.isEmpty)
        let anew = try Reading([
            Element(
                time: 250, changes: [record("a", 100), record("b", 110), record("c", 200)], packages: ["a", "b", "c"]),
            Element(
                time: 450, changes: [record("a", 100), record("b", 110), record("d", 300)], packages: ["a", "b", "d"]),
        ])
        #expect(anew.shown == ["install a", "install b", "install c", "uninstall c?", "install d"])
    }

    /// A front that was rotated away, and more than is remembered.
    @Test func theFrontMayBeMissing() throws {
        let all = (0..<10_000).map { record("p\($0)", Int64($0)) }
        let names = all.compactMap(\.name)
        for start in [0, 1, 5000, 9998] {
            let reading = try Reading([
                Element(time: 50, changes: Array(all[..<9999]), packages: Array(names[..<9999])),
                Element(time: 60, changes: Array(all[start...]), packages: names),
            ])
            // Not to be written out when it fails.
            let isSame = reading.records == all
            #expect(isSame, "from \(start)")
        }
    }

    /// A record alone that is like another proves nothing, and without lines there are the times.
    @Test func whatCannotBeRecognisedIsToldByItsTime() throws {
        let known = [record("a", 100), record("b", 110), record("c", 120)]
        let alike = [record("x", 500), known[1], record("y", 510)]
        let reading = try Reading([
            Element(time: 200, changes: known, packages: ["a", "b", "c"]),
            Element(time: 600, changes: alike, packages: ["a", "b", "c", "x", "y"]),
        ])
        #expect(reading.shown.suffix(3) == ["install x", "install b", "install y"])
        func bare(_ record: PackageRecord) -> PackageRecord {
            var record = record
            record.position = nil
            return record
        }
        let lines = known.map(bare)
        let old = try Reading([
            Element(time: 200, changes: lines, packages: ["a", "b", "c"]),
            Element(time: 600, changes: lines + [bare(record("d", 300))], packages: ["a", "b", "c", "d"]),
        ])
        #expect(old.shown == ["install a", "install b", "install c", "install d"])
    }

    /// What a parser concludes rests on a line, too, and may be the last that there is.
    @Test func whatALogLeadsToIsToldOnce() throws {
        func inferred(_ record: PackageRecord) -> PackageRecord {
            var record = record
            record.completeness = .inferred
            return record
        }
        let known = [record("a", 100), inferred(record("", 200, .sync)), inferred(record("x", 210, .installFailed))]
        let (packages, b) = (["a"], record("b", 550))
        let reading = try Reading([
            Element(time: 400, changes: known, packages: packages),
            Element(time: 500, changes: known, packages: packages),
            Element(time: 600, changes: known + [b], packages: packages + ["b"]),
            Element(after: 1, time: 700, changes: [b], packages: packages + ["b"]),
        ])
        #expect(reading.records == known + [b])
        #expect(reading.chain.gaps.isEmpty && reading.chain.contradictions.isEmpty)
    }

    /// What only the database has shown.
    private func correction(_ name: String, _ time: Int64, _ event: PackageEvent, version: String = "1")
        -> [PackageRecord]
    {
        [PackageEvent.disagreement, event].map { event in
            var record = PackageRecord(
                machine: "m", manager: "dpkg", root: "/", event: event, name: name, version: version,
                completeness: .inferred)
            record.finished = Timestamp(time)
            return record
        }
    }

    /// Each time the log is read once more, the database shows the same that no line says.
    @Test func whatTheDatabaseShowsIsToldOnce() throws {
        func bare(_ record: PackageRecord) -> PackageRecord {
            var record = record
            record.position = nil
            return record
        }
        for line in [record("a", 100), bare(record("a", 100))] {
            let anew = try Reading([
                Element(time: 200, changes: [line] + correction("x", 200, .install), packages: ["a", "x"]),
                Element(time: 400, changes: [line] + correction("x", 400, .install), packages: ["a", "x"]),
            ])
            #expect(anew.records == [line] + correction("x", 200, .install))
            #expect(anew.present == ["a", "x"])
            #expect(anew.chain.gaps.isEmpty && anew.chain.contradictions.isEmpty)
        }
        // An older copy of the state was put back, and no line has come since.
        let (a, b) = (record("a", 100), record("b", 440))
        let branch = try Reading([
            Element(time: 150, changes: [a], packages: ["a"]),
            Element(after: 0, time: 250, changes: correction("x", 250, .install)),
            Element(after: 0, time: 350, changes: correction("x", 350, .install)),
            Element(after: 2, time: 450, changes: [b], packages: ["a", "b", "x"]),
        ])
        #expect(branch.records == [a] + correction("x", 250, .install) + [b])
        #expect(branch.chain.gaps.isEmpty && branch.chain.contradictions.isEmpty)
    }

    /// What is shown of a package again is new where a line tells of it in between, and where it is something else.
    @Test func whatTheDatabaseShowsOnceMoreIsNew() throws {
        let (first, second) = (record("a", 100), record("a", 290))
        let expected = [
            "install a", "disagreement a?", "uninstall a?", "install a", "disagreement a?", "uninstall a?",
        ]
        let known = Element(time: 200, changes: [first] + correction("a", 200, .uninstall), packages: [])
        let again = Element(time: 500, changes: [first, second] + correction("a", 500, .uninstall), packages: [])
        #expect(try Reading([known, again]).shown == expected)
        let between = Element(after: 0, time: 300, changes: [second], packages: ["a"])
        #expect(try Reading([known, between, again]).shown == expected)
        let back = Element(time: 500, changes: [first] + correction("x", 500, .uninstall), packages: ["a"])
        let there = Element(time: 200, changes: [first] + correction("x", 200, .install), packages: ["a", "x"])
        #expect(
            try Reading([there, back]).shown == [
                "install a", "disagreement x?", "install x?", "disagreement x?", "uninstall x?",
            ])
    }

    /// What nobody could use is not known: the log, read once more, tells it.
    @Test func whatWasNotUsedIsTakenLater() throws {
        let (a, b, c) = (record("a", 100), record("b", 200), record("c", 300))
        let reading = try Reading([
            Element(time: 150, changes: [a], packages: ["a"]), Element(after: 99, time: 350, changes: [c]),
            Element(time: 450, changes: [a, b, c], packages: ["a", "b", "c"]),
        ])
        #expect(reading.shown == ["install a", "install b", "install c"])
    }

    /// Whatever happens to the state of the unit and to the clock: each line of the log is told once.
    @Test func everyLineIsToldOnce() throws {
        for seed in 1...300 as ClosedRange<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var clock: Int64 = 1_000_000
            var log: [PackageRecord] = []
            var installed: Set<String> = []
            var elements: [Element] = []
            // What the unit knows: the element before, and how far the log was taken; copies of it, the newest last.
            var state: (last: Int?, taken: Int) = (nil, 0)
            var copies: [(last: Int?, taken: Int)] = []
            for _ in 0..<20 {
                for _ in 0..<Int.random(in: 0...3, using: &generator) {
                    clock += Int64.random(in: -500...500, using: &generator)
                    let name = "p\(Int.random(in: 0..<6, using: &generator))"
                    var change = record(name, clock, installed.contains(name) ? .uninstall : .install)
                    change.position = LogPosition(offset: 0, length: 1, digest: UInt64(log.count))
                    if Int.random(in: 0..<4, using: &generator) == 0 { change.completeness = .inferred }
                    if installed.remove(name) == nil { installed.insert(name) }
                    log.append(change)
                }
                var isFull = state.last == nil || Int.random(in: 0..<4, using: &generator) == 0
                switch Int.random(in: 0..<12, using: &generator) {
                case 0: (state, copies, isFull) = ((nil, 0), [], true)
                case 1: (state.taken, isFull) = (0, true)
                case 2...3 where !copies.isEmpty:
                    copies.removeLast(Int.random(in: 0..<copies.count, using: &generator))
                    state = copies[copies.count - 1]
                default: break
                }
                elements.append(
                    Element(
                        after: state.last, isFromBeginning: state.taken == 0, time: clock,
                        changes: Array(log[state.taken...]), packages: isFull ? installed.sorted() : nil))
                state = (elements.count - 1, log.count)
                copies.append(state)
            }
            let reading = try Reading(elements)
            let isSame = reading.records == log
            try #require(isSame, "seed \(seed)")
            #expect(reading.present == installed.sorted(), "seed \(seed)")
            #expect(reading.chain.gaps.isEmpty && reading.chain.contradictions.isEmpty, "seed \(seed)")
        }
    }
}
