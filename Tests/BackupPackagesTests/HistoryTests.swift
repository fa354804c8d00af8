import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

@Suite struct PackagePatternTests {
    private func matches(
        _ pattern: String, _ category: String?, _ name: String, _ version: String, _ architecture: String? = nil,
        _ slot: String? = nil
    ) throws -> Bool {
        try PackagePattern(pattern).matches(
            category: category, name: name, version: version, architecture: architecture, slot: slot)
    }

    @Test(arguments: [
        "openssl", "dev-libs/openssl", "dev-libs/openssl-3.1*", "openssl-3.1.4", "=dev-libs/openssl-3.1.4", "open*",
        "*/openssl", "dev-*/*", "*", "openssl:0", "openssl:0/3", "dev-libs/openssl:0", "openssl=3.1*", "opens?l",
        "openssl-*",
    ])
    func aPackageOfPortageIsNamedInManyWays(pattern: String) throws {
        #expect(try matches(pattern, "dev-libs", "openssl", "3.1.4", nil, "0/3"))
    }

    @Test(arguments: [
        "openss", "penssl", "dev-libs", "libs/openssl", "dev-libs/openssl-3.2*", "openssl-3.1", "openssl:1", "dev-*",
        "OpenSSL", "openssl-3.1.4-*", "openssl:amd64", "??????",
    ])
    func othersAreNotMeant(pattern: String) throws {
        #expect(try !matches(pattern, "dev-libs", "openssl", "3.1.4", nil, "0/3"))
    }

    @Test func aPackageOfDpkgToo() throws {
        for pattern in [
            "libssl3", "libssl3:amd64", "libssl3=3.0.*", "libssl3:amd64=3.0.16-1", "libssl*", "libssl3-3.0*",
        ] {
            #expect(try matches(pattern, nil, "libssl3", "3.0.16-1", "amd64"), "\(pattern)")
        }
        for pattern in ["libssl3:i386", "*/libssl3", "libssl3=2*"] {
            #expect(try !matches(pattern, nil, "libssl3", "3.0.16-1", "amd64"), "\(pattern)")
        }
    }

    @Test(arguments: ["", "=", "a b", "a/b/c", "/a", "a/", "a\n"])
    func whatIsNoPatternIsRefused(text: String) {
        let error = #expect(throws: BackupError.self) { try PackagePattern(text) }
        #expect(error?.code == .invalidValue)
    }
}

@Suite struct HistoryTests {
    private func record(
        _ event: PackageEvent, _ name: String, _ version: String, _ time: Int64?, cause: RemovalCause? = nil,
        other: String? = nil
    ) -> PackageRecord {
        var record = PackageRecord(
            machine: "m", manager: "portage", root: "/", event: event, category: "a", name: name, version: version)
        record.finished = time.map { Timestamp($0) }
        record.cause = cause
        record.otherVersion = other
        return record
    }

    /// An installation at 100, an upgrade at 200, a rebuild at 300, a removal at 400, an installation at 500.
    private var story: [PackageRecord] {
        [
            record(.install, "b", "1", 100),
            record(.uninstall, "b", "1", 198, cause: .replaced, other: "2"), record(.install, "b", "2", 200),
            record(.uninstall, "b", "2", 298, cause: .replaced, other: "2"), record(.install, "b", "2", 300),
            record(.uninstall, "c", "7", 350, cause: .manual),
            record(.uninstall, "b", "2", 400, cause: .manual), record(.install, "b", "1", 500),
        ]
    }

    private func state(_ records: some Sequence<PackageRecord>) -> [String] {
        PackageReplay(Array(records)).state.installed.map { $0.identity.fullName + "-" + $0.entry.version }
    }

    private func cut(_ records: [PackageRecord], _ time: Int64) -> Int {
        var cut = TimeCut(Timestamp(time))
        for record in records { cut.take(record) }
        return cut.index
    }

    @Test func theStateAtATimeIsThatOfTheRecordsUpToIt() {
        for (time, expected): (Int64, [String]) in [
            (99, []), (100, ["a/b-1"]), (199, []), (200, ["a/b-2"]), (399, ["a/b-2"]), (400, []), (999, ["a/b-1"]),
        ] {
            #expect(state(story.prefix(cut(story, time))) == expected, "at \(time)")
        }
    }

    @Test func aClockThatJumpsMovesNoRecord() {
        let jumps = [
            record(.install, "b", "1", 10), record(.install, "c", "1", 9000), record(.install, "d", "1", 30),
            record(.install, "e", "1", 2), record(.install, "f", "1", 50), record(.install, "g", "1", nil),
        ]
        #expect(cut(jumps, 35) == 4)
        #expect(cut(jumps, 9) == 0)
        #expect(cut(jumps, 12) == 1)
        #expect(cut(jumps, 60) == 6)
        #expect(cut(jumps, 10000) == 6)
        #expect(cut([], 5) == 0)
    }

    @Test func fromALaterSnapshotTheStateIsTakenBack() {
        var snapshot = PackageState()
        snapshot.insert(
            InstalledPackage(machine: "m", manager: "portage", root: "/", category: "a", name: "b", version: "1"))
        snapshot.insert(
            InstalledPackage(machine: "m", manager: "portage", root: "/", category: "a", name: "old", version: "9"))
        for (time, expected): (Int64, [String]) in [
            (99, ["a/c-7", "a/old-9"]), (100, ["a/b-1", "a/c-7", "a/old-9"]), (200, ["a/b-2", "a/c-7", "a/old-9"]),
            (360, ["a/b-2", "a/old-9"]), (400, ["a/old-9"]), (600, ["a/b-1", "a/old-9"]),
        ] {
            var before = StateBefore(snapshot)
            for record in story.dropFirst(cut(story, time)) { before.take(record) }
            #expect(
                before.state.installed.map { $0.identity.fullName + "-" + $0.entry.version } == expected, "at \(time)")
        }
    }

    /// Memory must not grow with the versions that a log has ever named.
    @Test func whatCameAndWentIsForgotten() {
        let current = InstalledPackage(
            machine: "m", manager: "portage", root: "/", category: "a", name: "b", version: "0")
        var replay = PackageReplay(watching: [current])
        var before = StateBefore(PackageState([current]))
        for number in 0..<100 {
            for event in [PackageEvent.install, .uninstall] {
                let change = record(event, "b", String(number), Int64(number))
                replay.apply(change)
                before.take(change)
            }
        }
        #expect(before.first.count == 1 && before.state.installed.isEmpty)
        #expect(replay.mentioned.count == 1 && replay.state.entries.isEmpty)
        let snapshot = PackageSnapshot(
            header: SnapshotHeader(machine: "m", manager: "portage", root: "/mnt/"), packages: [current])
        let found = PackageComparison(replay: replay, snapshot: snapshot).disagreements
        #expect(found.map(\.kind) == [.onlyInDatabase])
    }

    @Test func forwardsAndBackwardsMeet() {
        var random = SeededGenerator()
        for _ in 0..<50 {
            var replay = PackageReplay()
            var records: [PackageRecord] = []
            var states = [replay.state]
            for time in 0..<60 {
                let name = ["b", "c", "d"].randomElement(using: &random) ?? "b"
                let version = ["1", "2"].randomElement(using: &random) ?? "1"
                let isThere = replay.state.installed.contains {
                    $0.identity.name == name && $0.entry.version == version
                }
                records.append(record(isThere ? .uninstall : .install, name, version, Int64(time)))
                replay.apply(records[time])
                states.append(replay.state)
            }
            for place in 0...60 {
                var before = StateBefore(replay.state)
                for record in records[place...] { before.take(record) }
                let (forwards, backwards) = (states[place], before.state)
                #expect(backwards.differences(since: forwards).isEmpty, random.comment)
            }
        }
    }

    @Test func whereVersionsExcludeEachOtherOneReplacesTheOther() {
        func change(_ event: PackageEvent, _ version: String, _ other: String? = nil) -> PackageRecord {
            var record = PackageRecord(
                machine: "m", manager: "dpkg", root: "/", event: event, name: "x", version: version)
            record.architecture = "amd64"
            record.otherVersion = other
            return record
        }
        // The removal of the old version got lost, and comes late.
        var replay = PackageReplay([change(.install, "1"), change(.install, "2"), change(.uninstall, "1")])
        #expect(replay.state.installed.map(\.entry.version) == ["2"])
        var before = StateBefore(replay.state)
        before.take(change(.install, "2", "1"))
        #expect(before.state.installed.map(\.entry.version) == ["1"])
        var gone = change(.uninstall, "2")
        gone.version = nil
        #expect(PackageReplay([change(.install, "2"), gone]).state.installed.isEmpty)
        // Old logs name no architecture.
        var bare = change(.install, "0")
        bare.architecture = nil
        replay = PackageReplay([bare, change(.install, "1")])
        #expect(replay.state.installed.map(\.entry.version) == ["1"])
        replay = PackageReplay([bare, change(.uninstall, "0")])
        #expect(replay.state.installed.isEmpty)
    }

    @Test func differencesAreGroupedByPackageAndSlot() {
        func state(_ packages: [(String, String, String)]) -> PackageState {
            PackageState(
                packages.map { name, version, slot in
                    var package = InstalledPackage(
                        machine: "m", manager: "portage", root: "/", category: "a", name: name, version: version)
                    package.slot = slot
                    return package
                })
        }
        let before = state([
            ("b", "1", "0"), ("gcc", "11", "11"), ("gcc", "12.1", "12"), ("gone", "1", "0"), ("same", "1", "0"),
        ])
        let after = state([
            ("b", "2", "0/5"), ("gcc", "11", "11"), ("gcc", "12.2", "12"), ("new", "1", "0"), ("same", "1", "0"),
        ])
        let found = after.differences(since: before)
        #expect(
            found.map { "\($0.kind.rawValue) \($0.name) \($0.before) \($0.after)" } == [
                #"changed b ["1"] ["2"]"#, #"changed gcc ["12.1"] ["12.2"]"#, #"removed gone ["1"] []"#,
                #"added new [] ["1"]"#,
            ])
        #expect(found[1].slot == "12")
        #expect(before.differences(since: before).isEmpty)
    }

    @Test func intervalsSayWhenAPackageWasInWhichVersion() throws {
        var intervals = VersionIntervals(try PackagePattern("a/*"))
        for record in story { intervals.take(record) }
        let found = intervals.intervals.map {
            "\($0.name)-\($0.version) \($0.from?.seconds ?? -1) \($0.to?.seconds ?? -1) \($0.isOpen) \($0.rebuilds)"
        }
        #expect(found == ["b-1 100 198 false 0", "b-2 200 400 false 1", "c-7 -1 350 false 0", "b-1 500 -1 true 0"])
        // What a snapshot had before.
        let state = PackageState([
            InstalledPackage(machine: "m", manager: "portage", root: "/", category: "a", name: "c", version: "7"),
            InstalledPackage(machine: "m", manager: "portage", root: "/", category: "a", name: "d", version: "1"),
        ])
        var known = VersionIntervals(try PackagePattern("c"), from: state)
        for record in story { known.take(record) }
        #expect(known.intervals.count == 1 && known.intervals.first?.from == nil)
        #expect(known.intervals.first?.to == Timestamp(350))
    }

    @Test func theMomentBeforeAChangeIsBeforeItBegan() throws {
        var upgrade = record(.install, "b", "2", 200)
        upgrade.started = Timestamp(150)
        let records = [story[0], story[1], upgrade] + story[3...]
        func search(_ pattern: String) throws -> ChangeSearch {
            var search = ChangeSearch(try PackagePattern(pattern))
            for record in records { search.take(record) }
            return search
        }
        #expect(try search("a/b-1*").moment == Timestamp(499))
        #expect(try search("b-2").moment == Timestamp(299))
        #expect(try search("c").moment == Timestamp(349))
        #expect(try search("nothing").moment == nil)
        var first = ChangeSearch(try PackagePattern("b-2"))
        for record in records.prefix(3) { first.take(record) }
        #expect(first.moment == Timestamp(149) && first.count == 1)
    }

    @Test func recordsAreFiltered() throws {
        var filter = PackageFilter()
        #expect(story.count(where: filter.matches) == 8)
        filter.patterns = [try PackagePattern("c"), try PackagePattern("b-1")]
        #expect(story.count(where: filter.matches) == 4)
        filter.events = [.install]
        #expect(story.count(where: filter.matches) == 2)
        filter.from = Timestamp(101)
        #expect(story.count(where: filter.matches) == 1)
        filter.to = Timestamp(499)
        #expect(story.count(where: filter.matches) == 0)
        var other = PackageFilter()
        other.manager = "dpkg"
        #expect(story.count(where: other.matches) == 0)
        other.manager = nil
        other.root = "/"
        #expect(story.count(where: other.matches) == 8)
        other.from = Timestamp(0)
        #expect(!other.matches(record(.install, "b", "1", nil)))
    }
}
