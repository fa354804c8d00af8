import BackupModel
import BackupStorage
import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Restore points just before a package changed.
    @Suite struct BeforePackageTests {
        private static let (begin, day) = (StoredState.begin, StoredState.day)

        private func withDumps(
            isEncrypted: Bool = false, _ body: (Site, StoredState, _ dumps: [String]) throws -> Void
        ) throws {
            try withStoredState(isEncrypted: isEncrypted) { site, state in
                try body(site, state, try state.addDumps())
            }
        }

        /// The element that the plan ends with.
        private func planned(_ site: Site, _ words: String...) throws -> String {
            let result = try site.start(["restore", "plan", "/host/dump", "--json"] + words).wait()
            try #require(result.status == 0, "\(result.testDescription)")
            return try #require(try result.jsonLines().last?["id"] as? String)
        }

        @Test(arguments: [false, true])
        func theStateBeforeAnUpgradeComesBack(isEncrypted: Bool) throws {
            try withDumps(isEncrypted: isEncrypted) { site, _, dumps in
                let plan = try site.good("restore", "plan", "/host/dump", "--before-package", "libssl3-3.1*")
                #expect(
                    plan.lines.first
                        == "libssl3:amd64 3.1.0: install at 2023-11-18T21:56:44Z, by /host/packages/state. The last moment "
                        + "before it is 2023-11-18T21:56:39Z; the element of that time is \(dumps[3]).")
                #expect(plan.output.contains("The state of 2023-11-17T22:13:20Z"))
                #expect(plan.errors.contains("as of 2023-11-18T22:13:20Z"))
                let json = try site.good("restore", "plan", "/host/dump", "--before-package", "libssl3", "--json")
                let found = try #require(try json.jsonLines().first?["before_package"] as? [String: Any])
                #expect(found["package"] as? String == "libssl3" && found["version"] as? String == "3.1.0")
                #expect(found["element"] as? String == dumps[3] && found["event"] as? String == "install")
                #expect(found["moment"] as? String == "2023-11-18T21:56:39Z")
                let shell = try site.good(
                    "restore", "plan", "/host/dump", "--before-package", "libssl3", "--shell")
                #expect(shell.lines.first?.hasPrefix("# libssl3:amd64 3.1.0") == true && shell.lines.count == 2)

                let out = site.directory.path("out")
                let extracted = try site.good(
                    "restore", "extract", "/host/dump", "--before-package", "libssl3=3.0.9", "--to", out)
                #expect(try site.directory.read("out/dump") == Array("0".utf8))
                #expect(extracted.lines.first?.hasPrefix("libssl3:amd64 3.0.9: install") == true)
                let verified = try site.good(
                    "restore", "verify", "/host/dump", "--before-package", "libssl3=3.0.9", "--json")
                let object = try #require(try verified.jsonLines().first)
                #expect(object["elements"] as? [String] == [dumps[0]] && object["before_package"] != nil)
            }
        }

        @Test func theBytesOfThatTimeAreWrittenOut() throws {
            try withDumps { site, _, dumps in
                let cat = try site.good("restore", "cat", "/host/dump", "--before-package", "libssl3-3.1*")
                #expect(cat.output == "3")
                #expect(cat.errors.contains("gb: libssl3:amd64 3.1.0: install at"), "\(cat.testDescription)")
                let element = try site.gb("restore", "cat", dumps[0], "--before-package", "libssl3")
                #expect(element.status == 64 && element.output == "", "\(element.testDescription)")
            }
        }

        @Test func anEarlierChangeCanBeMeant() throws {
            try withDumps { site, _, dumps in
                #expect(try planned(site, "--before-package", "libssl3") == dumps[3])
                #expect(try planned(site, "--before-package", "libssl3", "--occurrence", "2") == dumps[0])
                let third = try site.gb(
                    "restore", "plan", "/host/dump", "--before-package", "libssl3", "--occurrence", "3")
                expectRefusal(
                    third, 66, "nothing of /host/dump is as old as 2023-11-14T21:06:39Z",
                    "libssl3:amd64 3.0.8: install at 2023-11-14T21:06:44Z, by /host/packages/state",
                    "its first element is of 2023-11-14T22:13:20Z", "a smaller `--occurrence`",
                    "`--at 2023-11-14T22:13:20Z` without `--before-package`")
                #expect(!third.errors.contains("later `--at`"), "\(third.testDescription)")
                let bounded = try site.gb(
                    "restore", "verify", "/host/dump", "--before-package", "libssl3", "--at", "@\(Self.begin)")
                expectRefusal(bounded, 66, "3.0.8: install at", "a later `--at`, or none")
                #expect(!bounded.errors.contains("--occurrence"), "\(bounded.testDescription)")
                _ = try site.good("restore", "plan", "/host/dump", "--at", "2023-11-14T22:13:20Z")
                let nothing = try site.gb("restore", "plan", "/host/none", "--before-package", "libssl3")
                expectRefusal(nothing, 66, "there is no source /host/none")
                let fourth = try site.gb(
                    "restore", "plan", "/host/dump", "--before-package", "libssl3", "--occurrence", "4")
                expectRefusal(fourth, 66, "have not changed 4 times", "in all: 3")
                #expect(
                    try planned(site, "--before-package", "libssl3", "--at", "@\(Self.begin + 3 * Self.day)")
                        == dumps[0])
                let early = try site.gb(
                    "restore", "plan", "/host/dump", "--before-package", "vim", "--at", "@\(Self.begin)")
                expectRefusal(early, 66, "after the time of `--at` only", "later `--at`")
                expectRefusal(
                    try site.gb("restore", "plan", "/host/dump", "--before-package", "vim", "--at", dumps[0]), 64,
                    "not with an element")
            }
        }

        @Test func withoutAMatchNamesThatAreNearAreNamed() throws {
            try withDumps { site, _, _ in
                func refused(_ pattern: String) throws -> GBResult {
                    try site.gb("restore", "plan", "/host/dump", "--before-package", pattern)
                }
                expectRefusal(
                    try refused("libssl3-4*"), 66, "libssl3-4*", "libssl3-3.0.8, libssl3-3.0.9, libssl3-3.1.0")
                expectRefusal(try refused("libsls3"), 66, "known is libssl3")
                expectRefusal(try refused("ssl"), 66, "known is libssl3")
                expectRefusal(try refused("old"), 66, "it is installed", "gb packages log")
                expectRefusal(try refused("quite-another"), 66, "quite-another", "gb packages log")
                expectRefusal(try refused("a b"), 64, "blanks")
            }
        }

        @Test func beforeAChangeInAGapIsBeforeTheGap() throws {
            try withDumps { site, state, dumps in
                state.remove(1)
                let plan = try site.good("restore", "plan", "/host/dump", "--before-package", "libssl3-3.0.9")
                #expect(
                    plan.lines.first?.contains(
                        "3.0.9: install after 2023-11-14T22:13:20Z, at 2023-11-16T21:56:40Z at the latest") == true,
                    "\(plan.testDescription)")
                #expect(plan.output.contains("the element of that time is \(dumps[0])."))
                #expect(plan.errors.contains("nothing is known of the time from"))
            }
        }

        /// What the unit found in the database, and the log does not have, has no beginning.
        @Test func aChangeThatNobodyKnowsTheTimeOfIsRefused() throws {
            try withDumps { site, state, _ in
                var state = state
                let time = Self.begin + 5 * Self.day
                let found = String(decoding: state.install("curl", "8", at: time)[0], as: UTF8.self)
                    .replacingOccurrences(of: "\"Started\": \(time)", with: "\"Started\": null")
                    .replacingOccurrences(of: "\"complete\"", with: "\"inferred\"")
                try state.add(.inc, at: time, [Array(found.utf8)])
                expectRefusal(
                    try site.gb("restore", "plan", "/host/dump", "--before-package", "curl"), 66,
                    "up to 2023-11-19T22:13:24Z", "no line of the log tells when", "--at")
            }
        }

        /// Of several states the one of the machine that the source is of.
        @Test func theStateOfTheSourceIsAsked() throws {
            try withDumps { site, state, dumps in
                let other = "11111111-2222-4333-8444-555555555555"
                try state.addDumps("/other/dump", machine: other)
                try state.addDumps("/stranger/dump", machine: nil)
                func plan(_ source: String, _ words: String...) throws -> GBResult {
                    try site.start(["restore", "plan", source, "--before-package", "vim"] + words).wait()
                }
                // Another machine's packages are not its.
                expectRefusal(
                    try plan("/other/dump"), 64, "of another machine than /other/dump", "/host/packages/state",
                    "--packages-from")
                #expect(try plan("/other/dump", "--packages-from", "/host/packages/state").status == 0)
                #expect(try plan("/stranger/dump").status == 0)

                var second = try StoredState(site, "/other/state", machine: other)
                let time = Self.begin + Self.day + 100
                try second.add(
                    .full, at: Self.begin + 4 * Self.day,
                    second.install("vim", "8", at: time)
                        + second.snapshot(at: Self.begin + 4 * Self.day, [("vim", "8")]))
                #expect(try planned(site, "--before-package", "vim") == dumps[2])
                let found = try plan("/other/dump")
                #expect(found.output.contains("vim:amd64 8: install") && found.output.contains("by /other/state"))
                expectRefusal(try plan("/stranger/dump"), 64, "several package states", "--packages-from")
                expectRefusal(
                    try plan("/stranger/dump", "--packages-from", "/no/state"), 66, "/no/state", "/other/state")
                // A machine that has two is asked which.
                var third = try StoredState(site, "/third/state")
                try third.add(.full, at: Self.begin, third.snapshot(at: Self.begin, []))
                expectRefusal(try plan("/host/dump"), 64, "/third/state", "/host/packages/state")
            }
        }

        /// Two machines have written one source: the packages are those of the machine whose element comes back.
        @Test func theNewestElementSaysOfWhichMachine() throws {
            try withStoredState { site, state in
                let (storage, source) = (
                    try DefaultFileStorage(path: site.storage, durability: .none), try SourceURL("/host/dump")
                )
                var last: StoredElement?
                for (number, machine) in [
                    state.machine, "11111111-2222-4333-8444-555555555555", state.machine,
                ].enumerated() {
                    let element = try StoredState.store(
                        storage, source, .full, at: Self.begin + 100 * Int64(number), [UInt8(number)],
                        after: number == 1 ? nil : last, [StageRecord(stage: "command", restore: nil)],
                        machine: machine)
                    if number != 1 { last = element }
                }
                let newest = try #require(last).id.description
                let plan = try site.good("restore", "plan", "/host/dump", "--before-package", "libssl3-3.1*")
                #expect(plan.output.contains("element of that time is \(newest)"), "\(plan.testDescription)")
            }
        }

        @Test func theLogOfThisMachineAnswersIfAsked() throws {
            try withSite { site in
                let state = try StoredState(site)
                try state.addDumps()
                let without = try site.gb("restore", "plan", "/host/dump", "--before-package", "vim")
                expectRefusal(without, 66, "no package state", "--packages-from local")
                // Whatever this machine has installed: that not.
                let local = try site.gb(
                    "restore", "plan", "/host/dump", "--before-package", "no-such-package-anywhere", "--packages-from",
                    "local")
                #expect(local.status == 66, "\(local.testDescription)")
                #expect(!local.errors.contains("in this storage"), "\(local.testDescription)")
            }
        }

        @Test func aDamagedStateStopsTheRestoreBeforeItBegins() throws {
            try withDumps { site, state, _ in
                var data = try site.directory.read(state.path(3))
                data[20] ^= 1
                try site.directory.write(state.path(3), data)
                let out = site.directory.path("out")
                let result = try site.gb("restore", "extract", "/host/dump", "--before-package", "vim", "--to", out)
                expectRefusal(result, 4, state.id(3))
                #expect(!site.directory.exists("out"))
            }
        }

        /// An old element that is damaged tells nothing of a change that others know.
        @Test func damagedElementsOfTheStateCanBePassedOver() throws {
            try withDumps { site, state, dumps in
                var data = try site.directory.read(state.path(1))
                data[20] ^= 1
                try site.directory.write(state.path(1), data)
                let out = site.directory.path("out")
                for words in [["plan"], ["verify"], ["cat"], ["extract", "--to", out]] {
                    let all = ["restore"] + words + ["/host/dump", "--before-package", "vim"]
                    expectRefusal(try site.start(all).wait(), 4, state.id(1), "--skip-damaged")
                    let result = try site.start(all + ["--skip-damaged"]).wait()
                    #expect(result.status == 0, "\(result.testDescription)")
                    #expect(result.errors.contains("\(state.id(1)) is passed over"), "\(result.testDescription)")
                }
                #expect(try site.directory.read("out/dump") == Array("2".utf8))
            }
        }

        @Test(arguments: [
            (["--occurrence", "2"], "--before-package"), (["--packages-from", "local"], "--before-package"),
            (["--before-package", "x", "--occurrence", "0"], "from 1"), (["--skip-damaged"], "--before-package"),
            (["--before-package", "x", "--packages-from", "local", "--skip-damaged"], "local asks none"),
            (["--before-package", "x", "--occurrence", "many"], "many"),
        ])
        func optionsThatDoNotGoTogetherAreNamed(words: [String], said: String) throws {
            expectRefusal(try GBProcess.start(["restore", "plan", "/host/dump"] + words).wait(), 64, said)
        }
    }
}
