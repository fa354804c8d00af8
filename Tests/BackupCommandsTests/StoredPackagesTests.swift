import BackupModel
import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Questions about packages that a storage answers.
    @Suite struct StoredPackagesTests {
        private static let (begin, day) = (StoredState.begin, StoredState.day)

        /// Runs `gb packages`, which must do well; what it says on standard error is shown with a failure.
        private func answer(_ site: Site, _ words: String..., location: SourceLocation = #_sourceLocation) throws
            -> GBResult
        {
            let result = try site.start(["packages"] + words + ["--from-storage"]).wait()
            try #require(result.status == 0, "\(result.testDescription)", sourceLocation: location)
            #expect(result.errors.contains("as of 2023-"), "\(result.testDescription)", sourceLocation: location)
            return result
        }

        private func installed(_ site: Site, at time: Int64, _ flags: String...) throws -> [String] {
            let result = try site.start(["packages", "at", "@\(time)", "--from-storage", "--json"] + flags).wait()
            try #require(result.status == 0, "\(result.testDescription)")
            return try result.jsonLines().map { "\($0["Name"] as? String ?? "") \($0["Version"] as? String ?? "")" }
        }

        @Test(arguments: [false, true])
        func everyQuestionIsAnswered(isEncrypted: Bool) throws {
            try withStoredState(isEncrypted: isEncrypted) { site, state in
                let (begin, day) = (Self.begin, Self.day)
                let log = try answer(site, "log")
                #expect(
                    log.lines.map { $0.split(separator: " ").filter { !$0.isEmpty }.joined(separator: " ") } == [
                        "2023-11-14T20:50:04Z install 4s complete libz:amd64 1.2",
                        "2023-11-14T21:06:44Z install 4s complete libssl3:amd64 3.0.8",
                        "2023-11-15T21:56:44Z uninstall 4s complete libssl3:amd64 3.0.8 (replaced by 3.0.9)",
                        "2023-11-15T21:56:44Z install 4s complete libssl3:amd64 3.0.8 -> 3.0.9",
                        "2023-11-16T21:56:44Z uninstall 4s complete libz:amd64 1.2",
                        "2023-11-17T21:56:44Z install 4s complete vim:amd64 9",
                        "2023-11-18T21:56:44Z uninstall 4s complete libssl3:amd64 3.0.9 (replaced by 3.1.0)",
                        "2023-11-18T21:56:44Z install 4s complete libssl3:amd64 3.0.9 -> 3.1.0",
                    ])
                #expect(
                    log.errors == "gb: warning: as of 2023-11-18T22:13:20Z: that is the newest element of "
                        + "/host/packages/state that can be used\n")
                #expect(
                    try answer(site, "log", "vim", "--json").jsonLines().first?["Machine"] as? String
                        == StoredState.machine)
                #expect(try answer(site, "log", "--csv").output.components(separatedBy: "\r\n").count == 10)

                #expect(try installed(site, at: begin) == ["libssl3 3.0.8", "libz 1.2", "old 1.0"])
                #expect(try installed(site, at: begin - 4500) == ["libz 1.2", "old 1.0"])
                #expect(try installed(site, at: begin + day) == ["libssl3 3.0.9", "libz 1.2", "old 1.0"])
                #expect(try installed(site, at: begin + 3 * day) == ["libssl3 3.0.9", "old 1.0", "vim 9"])
                #expect(try installed(site, at: begin + 9 * day) == ["libssl3 3.1.0", "old 1.0", "vim 9"])
                let early = try answer(site, "at", "@\(begin - 9000)")
                #expect(early.errors.contains("the log begins at 2023-11-14T20:50:00Z"), "\(early.testDescription)")

                let diff = try answer(site, "diff", "@\(begin)", "@\(begin + 4 * day)", "--csv").output
                #expect(
                    diff.components(separatedBy: "\r\n").dropFirst() == [
                        "changed,,libssl3,,amd64,3.0.8,3.1.0,dpkg,/", "removed,,libz,,amd64,1.2,,dpkg,/",
                        "added,,vim,,amd64,,9,dpkg,/", "",
                    ])
                let which = try answer(site, "which", "libssl3", "--json").jsonLines()
                #expect(which.compactMap { $0["Version"] as? String } == ["3.0.8", "3.0.9", "3.1.0"])
                #expect(which.allSatisfy { $0["Machine"] as? String == StoredState.machine })
                let now = try answer(site, "snapshot", "--json").jsonLines()
                #expect(now.first?["Taken"] as? Int64 == begin + 4 * day && now.first?["Packages"] as? Int == 3)
                #expect(now.dropFirst().compactMap { $0["Name"] as? String } == ["libssl3", "old", "vim"])
                #expect(try answer(site, "snapshot").lines.count == 4)
                let check = try answer(site, "snapshot", "--check")
                #expect(check.output.contains("1 full compared"))
            }
        }

        @Test func withoutTheKeyItIsRefused() throws {
            let keys = try #require(Keys.current)
            try withStoredState(isEncrypted: true, keys: keys.publicRing) { site, state in
                for words in [["log"], ["at", "now"], ["diff", "9d", "now"], ["which", "vim"], ["snapshot"]] {
                    let result = try site.start(["packages"] + words + ["--from-storage"]).wait()
                    expectRefusal(
                        result, 78, state.id(0), "is encrypted for is not in the keys directory", keys.publicRing)
                    #expect(result.output == "")
                }
            }
        }

        // MARK: - What is missing or damaged

        @Test func whatWasThinnedOutLeavesAGap() throws {
            try withStoredState { site, state in
                let (begin, day) = (Self.begin, Self.day)
                state.remove(1)
                #expect(try installed(site, at: begin + day) == ["libssl3 3.0.8", "libz 1.2", "old 1.0"])
                #expect(try installed(site, at: begin + 2 * day) == ["libssl3 3.0.9", "old 1.0"])
                let log = try answer(site, "log", "libssl3", "--json")
                let said = "nothing is known of the time from 2023-11-14T22:13:20Z to 2023-11-16T21:56:40Z"
                #expect(log.errors.contains(said), "\(log.testDescription)")
                #expect(
                    try log.jsonLines().map {
                        "\($0["Event"] ?? "") \($0["Version"] ?? "") \($0["Completeness"] ?? "")"
                    }
                        == [
                            "install 3.0.8 complete", "uninstall 3.0.8 inferred", "install 3.0.9 inferred",
                            "uninstall 3.0.9 complete", "install 3.1.0 complete",
                        ])
                // Nothing behind the last gap tells what was installed.
                state.remove(3)
                #expect(try installed(site, at: begin + 9 * day) == ["libssl3 3.0.9", "old 1.0"])
                let then = try answer(site, "snapshot")
                #expect(then.errors.contains("as of 2023-11-16T22:13:20Z"))
                #expect(then.errors.contains("1 element is not used, \(state.id(4)):"), "\(then.testDescription)")
                for number in [0, 2] { state.remove(number) }
                let nothing = try site.gb("packages", "snapshot", "--from-storage")
                expectRefusal(nothing, 4, "/host/packages/state", "fetch a full")
            }
        }

        private enum Damage: CaseIterable { case bytes, missing, metadata, time }

        @Test(arguments: Damage.allCases)
        private func aDamagedElementIsNamed(damage: Damage) throws {
            try withStoredState { site, state in
                let info = String(decoding: try site.directory.read(state.path(1, "info")), as: UTF8.self)
                switch damage {
                case .bytes:
                    var data = try site.directory.read(state.path(1))
                    data[data.count / 2] ^= 1
                    try site.directory.write(state.path(1), data)
                case .missing: site.directory.remove(state.path(1))
                case .metadata: try site.directory.write(state.path(1, "info"), String(info.dropLast(5)))
                case .time:
                    let (old, new) = (Self.begin + Self.day, Self.begin + Self.day + 7)
                    try site.directory.write(
                        state.path(1, "info"),
                        info.replacingOccurrences(of: "\"Timestamp\": \(old)", with: "\"Timestamp\": \(new)"))
                }
                for words in [["log"], ["at", "now"], ["snapshot", "--check"]] {
                    let result = try site.start(["packages"] + words + ["--from-storage"]).wait()
                    expectRefusal(result, 4, state.id(1), "--skip-damaged")
                    #expect(result.output == "", "nothing is printed that is not checked")
                }
                let without = try answer(site, "log", "libssl3", "--json", "--skip-damaged")
                #expect(without.lines.count == 5)
                #expect(without.errors.contains("\(state.id(1)) is passed over"), "\(without.testDescription)")
                #expect(without.errors.contains("nothing is known of the time from"))
                #expect(try installed(site, at: Self.begin + 9 * Self.day, "--skip-damaged").count == 3)
            }
        }

        @Test func linesThatDoNotFitAreCounted() throws {
            try withSite { site in
                let begin = Self.begin
                var state = try StoredState(site)
                func bytes(_ text: String) -> [[UInt8]] { [Array(text.utf8)] }
                let deep = String(repeating: "[", count: 100_000)
                let hostile =
                    bytes("\u{1b}[31mred\n") + [[0xff, 0xfe, 0, 0x0a]] + bytes("{\"Kind\": \"change\"}\n\(deep)\n")
                    + bytes("{\"Kind\": \"package\", \"Name\": \"early\"}\n")
                    + bytes("{\"Kind\": \"snapshot\", \"Packages\": 99999999999999999999}\n")
                    + bytes("{\"Kind\": \"of a newer version\"}\n")
                let extreme = String(decoding: state.install("far", "1", at: begin)[0], as: UTF8.self)
                    .replacingOccurrences(of: "\"Started\": \(begin)", with: "\"Started\": \(Int64.min)")
                try state.add(
                    .full, at: begin,
                    hostile + bytes(extreme) + state.install("good", "1", at: begin - 100)
                        + state.snapshot(at: begin, [("good", "1"), ("bad\u{1b}[2J", "2\n3")])
                        + bytes("{\"Kind\": \"cha"))
                let log = try answer(site, "log")
                #expect(log.lines.count == 1 && log.lines[0].hasSuffix("good:amd64  1"))
                #expect(
                    log.errors.contains(
                        "7 lines of \(state.id(0)) do not fit and were passed over; the first is at byte 0: "),
                    "\(log.testDescription)")
                #expect(log.errors.contains("the last line of \(state.id(0)) has no end"))
                #expect(!log.errors.contains("\u{1b}"))
                let shown = try answer(site, "snapshot")
                #expect(shown.lines.count == 3 && !shown.output.contains("\u{1b}"), "\(shown.testDescription)")
                #expect(try answer(site, "snapshot", "--csv").output.contains("\"2\n3\""))
            }
        }

        @Test func aListThatIsCutIsSaid() throws {
            try withSite { site in
                var state = try StoredState(site)
                try state.add(
                    .full, at: Self.begin, state.snapshot(at: Self.begin, [("a", "1"), ("b", "1")]).dropLast())
                let result = try answer(site, "snapshot", "--json")
                #expect(result.lines.count == 2)
                #expect(result.errors.contains("the list of packages in \(state.id(0)) is not as long as it says"))
            }
        }

        @Test func whatContradictsTheChangesIsFound() throws {
            try withStoredState { site, state in
                var state = state
                let time = Self.begin + 5 * Self.day
                try state.add(.full, at: time, state.snapshot(at: time, [("libssl3", "3.2.0"), ("old", "1.0")]))
                let check = try site.gb("packages", "snapshot", "--check", "--from-storage")
                #expect(check.status == 4 && check.lines.count == 3, "\(check.testDescription)")
                #expect(check.lines.dropFirst().allSatisfy { $0.hasPrefix(state.id(5)) })
                #expect(check.output.contains("other_version") && check.output.contains("only_in_log"))
                let records = try site.gb("packages", "snapshot", "--check", "--from-storage", "--json")
                #expect(records.status == 4)
                #expect(
                    try records.jsonLines().compactMap { $0["Event"] as? String }.filter { $0 == "disagreement" }.count
                        == 2)
                let then = try answer(site, "at", "@\(time)", "--csv")
                #expect(then.output.contains("libssl3,3.2.0") && !then.output.contains("vim"))
                #expect(then.errors.contains("is not what the changes before it lead to (libssl3, vim)"))
                #expect(try installed(site, at: time - 10) == ["libssl3 3.1.0", "old 1.0", "vim 9"])
            }
        }

        // MARK: - A log that was read once more

        private func names(_ site: Site) throws -> [String] {
            try answer(site, "log", "--json").jsonLines().map { "\($0["Event"] ?? "") \($0["Name"] ?? "")" }
        }

        /// The unit has lost its state, or its note of how far the log was taken; the clock was ahead for a line.
        @Test(arguments: [false, true])
        func whatWasReadTwiceIsShownOnce(hasPredecessor: Bool) throws {
            try withSite { site in
                var state = try StoredState(site)
                let (begin, day) = (Self.begin, Self.day)
                let lines =
                    state.install("a", "1", at: begin) + state.install("b", "1", at: begin + 4000 * day)
                    + state.install("c", "1", at: begin + 3600)
                let packages = ["a", "b", "c"].map { ($0, "1") }
                try state.add(.full, at: begin + day, lines + state.snapshot(at: begin + day, packages))
                try state.add(
                    .full, at: begin + 2 * day,
                    lines + state.install("d", "1", at: begin + 7200)
                        + state.snapshot(at: begin + 2 * day, packages + [("d", "1")]),
                    after: hasPredecessor ? .newest : .none, isFromBeginning: hasPredecessor)
                #expect(try names(site) == ["install a", "install b", "install c", "install d"])
                #expect(try answer(site, "snapshot", "--json").jsonLines().count == 5)
                #expect(try !answer(site, "log").errors.contains("nothing is known"))
            }
        }

        /// An older copy of the unit's state was put back: two elements follow the same one.
        @Test func aForkIsFollowedOnce() throws {
            try withSite { site in
                var state = try StoredState(site)
                let (begin, day) = (Self.begin, Self.day)
                func installed(_ name: String, _ days: Int64) -> [[UInt8]] {
                    state.install(name, "1", at: begin + days * day)
                }
                try state.add(
                    .full, at: begin + day, installed("a", 0) + state.snapshot(at: begin + day, [("a", "1")]))
                try state.add(.inc, at: begin + 3 * day, installed("b", 2))
                try state.add(.inc, at: begin + 5 * day, installed("b", 2) + installed("c", 4), after: .number(0))
                #expect(try names(site) == ["install a", "install b", "install c"])
                let packages = ["a", "b", "c"].map { ($0, "1") }
                try state.add(.full, at: begin + 6 * day, state.snapshot(at: begin + 6 * day, packages))
                #expect(try names(site) == ["install a", "install b", "install c"])
                let check = try answer(site, "snapshot", "--check")
                #expect(check.output.contains("1 full compared"), "\(check.testDescription)")
            }
        }

        // MARK: - Which state

        @Test func oneOfSeveralMustBeChosen() throws {
            try withStoredState { site, _ in
                let other = "11111111-2222-4333-8444-555555555555"
                var second = try StoredState(site, "/other/state", machine: other)
                try second.add(.full, at: Self.begin, second.snapshot(at: Self.begin, [("apache", "2")]))
                let refused = try site.gb("packages", "log", "--from-storage")
                expectRefusal(
                    refused, 64,
                    "/host/packages/state (machine \(StoredState.machine), newest of 2023-11-18T22:13:20Z)",
                    "/other/state (machine \(other)", "--source", "--machine")
                for words in [["--source", "/other/state"], ["--machine", other.uppercased()]] {
                    let found = try site.start(["packages", "snapshot", "--from-storage", "--json"] + words).wait()
                    #expect(try found.jsonLines().last?["Name"] as? String == "apache")
                }
                func wrong(_ words: String...) throws -> GBResult {
                    try site.start(["packages", "snapshot", "--from-storage"] + words).wait()
                }
                let nobody = "99999999-2222-4333-8444-555555555555"
                expectRefusal(try wrong("--machine", nobody), 66, nobody, "/other/state")
                expectRefusal(try wrong("--source", "/host/nothing"), 66, "/host/nothing", "/other/state")
                expectRefusal(try wrong("--machine", "me"), 64, "me")
                // Another source of the same name, and what is no state.
                try second.addDumps("/host/state")
                expectRefusal(try wrong("--source", "/host/state"), 66, "/host/state is no package state")
                #expect(try site.gb("packages", "snapshot", "--from-storage", "--machine", other).status == 0)
                var third = try StoredState(site, "/third/state", machine: other)
                try third.add(.full, at: Self.begin, third.snapshot(at: Self.begin, []))
                expectRefusal(try wrong("--machine", other), 64, "/third/state", "`--source`")
            }
        }

        @Test func withoutAnyItIsRefused() throws {
            try withSite { site in
                expectRefusal(
                    try site.gb("packages", "log", "--from-storage"), 66, "no package state", "--from-storage")
            }
        }

        @Test(arguments: [
            (["log", "--from-storage", "--root", "/x"], "--root"), (["at", "now", "--source", "/a"], "--from-storage"),
            (["log", "--from-storage", "--log", "x"], "--log"), (["log", "--skip-damaged"], "--from-storage"),
            (["which", "x", "--from-storage", "--machine", "a", "--source", "/b"], "exclude each other"),
            (["snapshot", "--from-storage", "--manager", "dpkg"], "--manager"),
            (["log", "--root", ""], "--root is empty"), (["log", "--log", ""], "--log is empty"),
        ])
        func optionsThatDoNotGoTogetherAreNamed(words: [String], said: String) throws {
            expectRefusal(try GBProcess.start(["packages"] + words).wait(), 64, said)
        }

        @Test func aPatternThatMatchesNothingIsRefused() throws {
            try withStoredState { site, _ in
                expectRefusal(try site.gb("packages", "log", "nobody", "--from-storage"), 66, "matches nobody")
                expectRefusal(try site.gb("packages", "log", "old", "--from-storage"), 66, "it is installed")
                expectRefusal(try site.gb("packages", "which", "nobody", "--from-storage"), 66, "matches nobody")
                expectRefusal(try site.gb("packages", "at", "now", "libz", "--from-storage"), 66, "matches libz")
            }
        }

        // MARK: - Pipes

        @Test func aReaderThatLeavesEndsItQuietly() throws {
            let keys = try #require(Keys.current)
            try withSite(keys: keys.ring) { site in
                var state = try StoredState(site, key: (keys.good, keys.ring))
                var lines: [[UInt8]] = []
                for number in 0..<5000 { lines += state.install("p\(number)", "1", at: Self.begin + Int64(number)) }
                let end = Self.begin + Self.day
                try state.add(.full, at: end, lines + state.snapshot(at: end, (0..<5000).map { ("p\($0)", "1") }))
                let command =
                    "'\(GBProcess.gb)' packages log --from-storage --config-dir '\(site.configuration)' | head -n 2"
                let process = try GBProcess(["bash", "-c", command + "; echo ${PIPESTATUS[0]}"])
                let result = process.wait()
                #expect(
                    result.lines.last == "141" && result.lines.count == 3 && result.errors == "",
                    "\(result.testDescription)")
                #expect(process.leftOver() == [])
            }
        }

        /// Elements of the unit come back as files like others, one piece behind the other.
        @Test func theStateAndTheLogComeBackAsFiles() throws {
            let keys = try #require(Keys.current)
            try withSite(keys: keys.ring) { site in
                var log = try StoredState(site, "/host/packages/log", key: (keys.good, keys.ring))
                for (number, text) in ["one\ntw", "o\n", "three\n"].enumerated() {
                    let time = Self.begin + Int64(number) * Self.day
                    try log.add(number == 0 ? .full : .inc, at: time, [Array(text.utf8)], product: "log")
                }
                let out = site.directory.path("out")
                try site.good("restore", "extract", "/host/packages/log", "--to", out)
                #expect(try site.directory.read("out/log") == Array("one\ntwo\nthree\n".utf8))
                // Over what is there, which only trees need a permission for.
                let point = "@\(Self.begin + Self.day)"
                try site.good("restore", "extract", "/host/packages/log", "--at", point, "--to", out, "--into-existing")
                #expect(try site.directory.read("out/log") == Array("one\ntwo\n".utf8))
                try site.good("restore", "verify", "/host/packages/log")
                let script = try site.good("restore", "plan", "/host/packages/log", "--shell")
                try runTool(
                    "bash", "-c", "set -e -o pipefail; mkdir TARGET\n" + script.output, directory: site.directory.path)
                #expect(try site.directory.read("TARGET/log") == Array("one\ntwo\nthree\n".utf8))
                try site.good("storage", "verify")
            }
        }
    }
}
