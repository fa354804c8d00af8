import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

/// A machine whose packages change at random, with a unit that writes down what happens.
private struct RandomMachine {
    let manager: String
    var generator: SeededGenerator
    var installed: [String: String] = [:]
    var time: Int64 = 1000
    private let names = ["a", "b", "c", "d", "e", "f"]

    init(_ manager: String, _ generator: SeededGenerator) {
        self.manager = manager
        self.generator = generator
        installed = ["a": "1", "b": "1", "old": "1"]
    }

    private func record(_ event: PackageEvent, _ name: String, _ version: String, other: String?) -> PackageRecord {
        var record = PackageRecord(
            machine: "m", manager: manager, root: "/", event: event, name: name, version: version)
        record.started = Timestamp(time)
        record.finished = Timestamp(time)
        record.otherVersion = other
        if event == .uninstall { record.cause = other == nil ? .manual : .replaced }
        return record
    }

    /// One change of one package.
    mutating func change() -> [PackageRecord] {
        time += Int64.random(in: 1...20, using: &generator)
        let name = names[Int.random(in: 0..<names.count, using: &generator)]
        let old = installed[name]
        if let old, Int.random(in: 0..<3, using: &generator) == 0 {
            installed[name] = nil
            return [record(.uninstall, name, old, other: nil)]
        }
        let version = String(Int.random(in: 1...5, using: &generator))
        installed[name] = version
        return (old.map { [record(.uninstall, name, $0, other: version)] } ?? [])
            + [record(.install, name, version, other: old)]
    }

    var snapshot: PackageSnapshot {
        var header = SnapshotHeader(machine: "m", manager: manager, root: "/")
        header.taken = Timestamp(time)
        return PackageSnapshot(
            header: header,
            packages: installed.map {
                InstalledPackage(machine: "m", manager: manager, root: "/", name: $0, version: $1)
            })
    }

    var shown: [String] { installed.map { $0 + "-" + $1 }.sorted() }
}

/// One element, and what was installed when it was made.
private struct MadeElement {
    let number: Int
    let time: Int64
    var changes: [PackageRecord] = []
    var snapshot: PackageSnapshot?
    let truth: [String]
}

/// A chain of elements as it was read, with what was handed over.
private struct ChainReading {
    var chain = StateChain()
    private(set) var records: [PackageRecord] = []

    init(_ elements: [MadeElement]) throws {
        var previous: Int?
        for element in elements {
            let link = StateChain.Link(
                isFull: element.snapshot != nil, time: Timestamp(element.time),
                follows: previous.map { $0 + 1 == element.number } ?? false, isBeginning: element.number == 0)
            var overlap = chain.overlap(link)
            for record in element.changes { overlap?.take(record) }
            try chain.begin(link, overlap)
            previous = element.number
            for record in element.changes { try chain.take(.change(record)) }
            if let snapshot = element.snapshot {
                try chain.take(.header(snapshot.header))
                for package in snapshot.packages { try chain.take(.package(package)) }
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

    /// What was installed at a time, as questions find it out.
    func installed(at time: Int64) -> [String] {
        var cut = TimeCut(Timestamp(time))
        for record in records { cut.take(record) }
        var before = StateBefore(PackageState(chain.present?.packages ?? []))
        for record in records[cut.index...] { before.take(record) }
        return before.state.installed.map { $0.identity.name + "-" + $0.entry.version }.sorted()
    }

    /// By the changes alone, from the beginning.
    var replayed: [String] {
        var state = PackageState()
        for record in records { state.apply(record) }
        return state.installed.map { $0.identity.name + "-" + $0.entry.version }.sorted()
    }
}

@Suite struct StateChainTests {
    private func elements(_ machine: inout RandomMachine, _ count: Int, fullEvery: Int) -> [MadeElement] {
        (0..<count).map { number in
            var changes: [PackageRecord] = []
            for _ in 0..<Int.random(in: 0...4, using: &machine.generator) { changes += machine.change() }
            machine.time += 10
            return MadeElement(
                number: number, time: machine.time, changes: changes,
                snapshot: number % fullEvery == 0 ? machine.snapshot : nil, truth: machine.shown)
        }
    }

    /// Whatever elements are missing: at the time of each that can be used, the answer is what was installed.
    @Test(arguments: ["dpkg", "portage"])
    func whatRemainsIsExact(manager: String) throws {
        for seed in 1...300 as ClosedRange<UInt64> {
            var machine = RandomMachine(manager, SeededGenerator(seed: seed))
            let all = elements(&machine, 20, fullEvery: 4)
            let left = all.filter { $0.number == 0 || Int.random(in: 0..<4, using: &machine.generator) > 0 }
            let reading = try ChainReading(left)
            let used = zip(reading.chain.parts, left).filter { $0.0.isUsed }.map(\.1)
            for element in used {
                try #require(
                    reading.installed(at: element.time) == element.truth, "seed \(seed), element \(element.number)")
            }
            let last = try #require(used.last)
            #expect(reading.chain.newest == Timestamp(last.time))
            #expect(reading.chain.present?.packages.map { $0.name + "-" + $0.version }.sorted() == last.truth)
            // What the log never spoke of is in no record.
            #expect(Set(last.truth).subtracting(reading.replayed).isSubset(of: ["old-1", "a-1", "b-1"]))
            #expect(reading.chain.contradictions.isEmpty, "seed \(seed)")
            if left.count == all.count {
                #expect(reading.chain.gaps.isEmpty && reading.records == all.flatMap(\.changes))
            }
        }
    }

    @Test func aGapIsSaidAndWhatHappenedInItIsInferred() throws {
        var machine = RandomMachine("portage", SeededGenerator(seed: 1))
        machine.installed = ["a": "1"]
        var elements: [MadeElement] = []
        func add(_ snapshot: Bool, _ changes: [PackageRecord] = []) {
            machine.time += 100
            elements.append(
                MadeElement(
                    number: elements.count, time: machine.time, changes: changes,
                    snapshot: snapshot ? machine.snapshot : nil, truth: machine.shown))
        }
        add(true)
        machine.installed = ["a": "2", "b": "1"]
        add(false)
        machine.installed["b"] = nil
        var removal = PackageRecord(
            machine: "m", manager: "portage", root: "/", event: .uninstall, name: "b", version: "1")
        removal.finished = Timestamp(machine.time + 50)
        add(true, [removal])
        elements.remove(at: 1)
        let reading = try ChainReading(elements)
        #expect(reading.chain.gaps == [StateChain.Gap(from: Timestamp(1100), to: Timestamp(1250))])
        let shown = reading.records.map {
            "\($0.event) \($0.name ?? "") \($0.version ?? "") \($0.completeness) \($0.finished?.seconds ?? 0)"
        }
        #expect(
            shown == [
                "uninstall a 1 inferred 1250", "install a 2 inferred 1250", "install b 1 inferred 1250",
                "uninstall b 1 complete 1250",
            ])
        #expect(reading.records.prefix(3).allSatisfy { $0.detail == "gap" && $0.position == nil })
        #expect(reading.records.prefix(3).allSatisfy { $0.started == Timestamp(1101) && $0.duration == nil })
        #expect(reading.records[0].otherVersion == "2" && reading.records[0].cause == .replaced)
        #expect(reading.installed(at: 1249) == ["a-1"] && reading.installed(at: 1250) == ["a-2"])
    }

    /// A system that is mounted elsewhere has another name in the log than in its database.
    @Test func theRootMayHaveTwoNames() throws {
        var machine = RandomMachine("portage", SeededGenerator(seed: 11))
        var all = elements(&machine, 10, fullEvery: 4)
        for index in all.indices {
            var element = all[index]
            for position in element.changes.indices { element.changes[position].root = "/mnt/there/" }
            all[index] = element
        }
        all.remove(at: 2)
        let reading = try ChainReading(all)
        #expect(reading.chain.contradictions.isEmpty && reading.chain.gaps.count == 1)
        #expect(reading.records.allSatisfy { $0.root == "/mnt/there/" })
        let present = try #require(reading.chain.present)
        #expect(present.packages.map { $0.name + "-" + $0.version }.sorted() == all[8].truth)
        #expect(present.packages.allSatisfy { $0.root == "/" })
    }

    @Test func withoutAFullNothingBehindAGapIsUsed() throws {
        var machine = RandomMachine("dpkg", SeededGenerator(seed: 7))
        var all = elements(&machine, 6, fullEvery: 100)
        all.remove(at: 3)
        let reading = try ChainReading(all)
        #expect(reading.chain.parts.map(\.isUsed) == [true, true, true, false, false])
        #expect(reading.chain.newest == Timestamp(all[2].time) && reading.chain.gaps.isEmpty)
        let none = try ChainReading(Array(all.dropFirst()))
        #expect(none.chain.newest == nil && none.chain.present == nil && none.records.isEmpty)
    }

    /// A state that was lost makes the unit read the whole log once more.
    @Test func aChainThatBeganAnewTellsNothingTwice() throws {
        var machine = RandomMachine("portage", SeededGenerator(seed: 3))
        let first = elements(&machine, 5, fullEvery: 3)
        let known = first.flatMap(\.changes)
        let more = (0..<5).flatMap { _ in machine.change() }
        let anew = MadeElement(
            number: 0, time: machine.time + 10, changes: known + more, snapshot: machine.snapshot, truth: machine.shown)
        let reading = try ChainReading(first + [anew])
        #expect(reading.records == known + more && reading.chain.gaps.isEmpty)
        #expect(reading.installed(at: first[4].time) == first[4].truth)
        #expect(reading.installed(at: anew.time) == anew.truth)
    }

    @Test func aFullThatTheChangesDoNotLeadToIsNamed() throws {
        var machine = RandomMachine("dpkg", SeededGenerator(seed: 5))
        var all = elements(&machine, 7, fullEvery: 3)
        let agreed = try ChainReading(all)
        #expect(agreed.chain.checked == 2 && agreed.chain.contradictions.isEmpty)
        machine.installed["new"] = "1"
        var snapshot = machine.snapshot
        snapshot.header.taken = Timestamp(all[3].time)
        all[3].snapshot = snapshot
        let reading = try ChainReading(all)
        #expect(reading.chain.contradictions.map(\.part) == [3, 6])
        #expect(
            reading.chain.contradictions[0].comparison.disagreements.contains {
                $0.kind == .missedByLog && $0.name == "new"
            })
        // Before it and at it, what was there then.
        #expect(reading.installed(at: all[2].time) == all[2].truth)
        #expect(reading.installed(at: all[3].time).contains("new-1"))
    }

    @Test func aListThatWasCutIsNoBase() throws {
        var machine = RandomMachine("dpkg", SeededGenerator(seed: 9))
        var all = elements(&machine, 4, fullEvery: 2)
        let packages = Array(machine.snapshot.packages.dropLast())
        var header = machine.snapshot.header
        let short = PackageSnapshot(header: header, packages: packages)
        header = short.header
        header.packageCount += 1
        all[2].snapshot = nil
        var chain = StateChain()
        for element in all {
            try chain.begin(
                StateChain.Link(
                    isFull: true, time: Timestamp(element.time), follows: element.number > 0,
                    isBeginning: element.number == 0), nil)
            for record in element.changes { try chain.take(.change(record)) }
            if element.number == 2 {
                try chain.take(.header(header))
                for package in packages { try chain.take(.package(package)) }
            } else if let snapshot = element.snapshot {
                try chain.take(.header(snapshot.header))
                for package in snapshot.packages { try chain.take(.package(package)) }
            }
            try chain.end()
        }
        try chain.finish()
        #expect(chain.cut == [2] && chain.contradictions.isEmpty)
        #expect(chain.present?.packages.map { $0.name + "-" + $0.version }.sorted() == all[3].truth)
    }

    @Test func morePackagesThanThereCanBeAreRefused() throws {
        var chain = StateChain()
        try chain.begin(StateChain.Link(isFull: true, time: Timestamp(1), follows: false, isBeginning: true), nil)
        var record = PackageRecord(machine: "m", manager: "dpkg", root: "/", event: .install, name: "p", version: "1")
        let error = #expect(throws: BackupError.self) {
            for number in 0...StateChain.maximumPackages {
                record.name = String(number)
                try chain.take(.change(record))
            }
        }
        #expect(error?.code == .damaged)
    }

    @Test func linesInTheWrongPlaceAreCounted() throws {
        let snapshot = RandomMachine("dpkg", SeededGenerator(seed: 1)).snapshot
        var lines: [[UInt8]] = []
        try snapshot.forEachLine { lines.append($0) }
        let change = Array(
            PackageRecord(machine: "m", manager: "dpkg", root: "/", event: .run).canonicalText.utf8 + [10])
        func read(_ parts: [[UInt8]], isFull: Bool = true) throws -> (Int, Int64, Int64) {
            var reader = StateElementReader(isFull: isFull)
            var count = 0
            // In pieces that end anywhere.
            let bytes = Array(parts.joined())
            for start in stride(from: 0, to: bytes.count, by: 7) {
                try bytes[start..<min(start + 7, bytes.count)].withUnsafeBytes {
                    try reader.take($0) { _ in count += 1 }
                }
            }
            return (count, reader.rejected.count, reader.unendedBytes)
        }
        #expect(try read([change] + lines) == (1 + lines.count, 0, 0))
        #expect(try read(lines + [change, lines[0]]) == (lines.count, 2, 0))
        #expect(try read([lines[1], change]) == (1, 1, 0))
        #expect(try read([change] + lines, isFull: false) == (1, Int64(lines.count), 0))
        #expect(try read([change, Array("{".utf8)]) == (1, 0, 1))
        #expect(try read([Array("{\"Kind\": \"later\"}\n\n[]\n".utf8)]) == (0, 1, 0))
        let huge = [UInt8](repeating: 0x20, count: LineSplitter.maximumLength + 1) + [10]
        var reader = StateElementReader(isFull: true)
        huge.withUnsafeBytes { try? reader.take($0) { _ in } }
        #expect(reader.rejected.count == 1)
    }
}

@Suite struct ChangeSearchTests {
    private func search(
        _ records: [(PackageEvent, String, Int64, Completeness)], occurrence: Int = 1, notAfter bound: Int64? = nil
    ) throws -> ChangeSearch {
        var search = ChangeSearch(
            try PackagePattern("p"), occurrence: occurrence, notAfter: bound.map { Timestamp($0) })
        for (event, version, time, completeness) in records {
            var record = PackageRecord(
                machine: "m", manager: "portage", root: "/", event: event, name: "p", version: version,
                completeness: completeness)
            record.started = Timestamp(time)
            record.finished = Timestamp(time + 5)
            search.take(record)
        }
        return search
    }

    @Test func earlierChangesCanBeMeant() throws {
        let records: [(PackageEvent, String, Int64, Completeness)] = [
            (.install, "1", 100, .complete), (.uninstall, "1", 200, .complete), (.install, "2", 200, .unfinished),
            (.install, "2", 200, .complete), (.install, "3", 300, .complete),
        ]
        #expect(try search(records).moment == Timestamp(299))
        #expect(try search(records, occurrence: 2).change?.version == "2")
        #expect(try search(records, occurrence: 3).moment == Timestamp(99))
        #expect(try search(records, occurrence: 4).change == nil && search(records, occurrence: 4).count == 3)
        #expect(try search(records, notAfter: 299).change?.version == "2")
        #expect(try search(records, notAfter: 99).change == nil && search(records, notAfter: 99).laterCount == 5)
        #expect(try search([(.uninstall, "1", 50, .complete)]).moment == Timestamp(49))
    }

    /// Where a gap begins is known; when a database was found changed is not when it changed.
    @Test func changesThatNoLineTellsOf() throws {
        #expect(try search([(.install, "1", 50, .inferred), (.uninstall, "1", 90, .complete)]).moment == Timestamp(49))
        var search = ChangeSearch(try PackagePattern("p"))
        var record = PackageRecord(
            machine: "m", manager: "portage", root: "/", event: .install, name: "p", version: "1",
            completeness: .inferred)
        record.finished = Timestamp(70)
        search.take(record)
        record.event = .uninstall
        record.completeness = .complete
        search.take(record)
        #expect(search.change == nil && search.count == 0 && search.lastInferred?.finished == Timestamp(70))
    }
}

@Suite struct RecordTimeTests {
    /// Nobody must have to fear an overflow.
    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "253402300800"])
    func aTimeBeyondAllYearsIsNone(number: String) {
        let line =
            #"{"Kind": "change", "Schema": 1, "Machine": "m", "Manager": "dpkg", "Root": "/", "Event": "run", "#
            + #""Completeness": "complete", "Started": \#(number)}"#
        let error = #expect(throws: BackupError.self) { try PackageRecord(parsing: Array(line.utf8)) }
        #expect(error?.code == .damaged && error?.message.contains("Started") == true)
    }
}
