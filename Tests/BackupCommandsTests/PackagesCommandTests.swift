import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What was installed when, as people and scripts ask it.
    @Suite struct PackagesCommandTests {
        private static let begin = PackageSystem.begin

        @Test func theLogIsShownInAllForms() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let lines = try system.good("log", "openssl").lines.map {
                    $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
                }
                #expect(
                    lines == [
                        "2023-11-14T22:14:59Z install 1min38s complete dev-libs/openssl 3.0.8",
                        "2023-11-15T22:14:52Z uninstall 1s complete dev-libs/openssl 3.0.8 (replaced by 3.0.9)",
                        "2023-11-15T22:14:59Z install 1min38s complete dev-libs/openssl 3.0.8 -> 3.0.9",
                    ])
                let all = try system.good("log", "--json").jsonLines()
                #expect(all.allSatisfy { $0["Kind"] as? String == "change" && $0["Manager"] as? String == "portage" })
                #expect(
                    all.compactMap { $0["Event"] as? String }
                        == ["run", "install", "run", "install", "run", "uninstall", "install", "run", "uninstall"])
                #expect(all.allSatisfy { $0["Machine"] as? String == "00000000-0000-0000-0000-000000000000" })
                let table = try system.good("log", "--csv", "--event", "install", "--event", "uninstall").output
                let rows = table.components(separatedBy: "\r\n")
                #expect(
                    rows.count == 7 && rows.last == "" && rows[0].hasPrefix("time,started,event,category,name,version,")
                )
                #expect(
                    rows[1]
                        == "2023-11-14T22:14:59Z,2023-11-14T22:13:21Z,install,dev-libs,openssl,3.0.8,,0,,gentoo,source,,98,"
                        + "complete,portage,/,")
                let since = try system.good("log", "--since", "@\(Self.begin + 86400)", "--event", "install", "--json")
                #expect(since.lines.count == 1)
                let day = try system.good("log", "--since", "2023-11-15", "--until", "2023-11-15", "openssl", "--json")
                #expect(day.lines.count == 2)
                #expect(try system.good("log", "openssl", "--until", "2023-11-01").output == "")
            }
        }

        @Test func fieldsOfCSVAreQuoted() throws {
            try withPackageSystem { system in
                try system.makeGentoo(log: false)
                let log = """
                    1700000000: Started emerge on: Nov 14, 2023 22:13:20
                    1700000000:  *** emerge --a="x,y" @world
                    1700000000:  *** terminating.

                    """
                try system.write("var/log/emerge.log", log)
                let row = try #require(
                    try system.good("log", "--csv").output.components(separatedBy: "\r\n").dropFirst().first)
                #expect(row.hasSuffix(#","--a=""x,y"" @world""#), "\(row)")
            }
        }

        @Test func anEarlierTimeIsTodayWithoutWhatCameSince() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                func at(_ time: Int, _ patterns: String...) throws -> [String] {
                    let words = ["packages", "at", "@\(time)"] + patterns + ["--root", system.root, "--csv"]
                    let result = try GBProcess.start(words).wait()
                    try #require(result.status == 0 && result.errors == "", "\(result.testDescription)")
                    return result.output.components(separatedBy: "\r\n").dropFirst().dropLast().map {
                        $0.split(separator: ",").prefix(3).joined(separator: " ")
                    }
                }
                #expect(try at(Self.begin + 500) == ["dev-libs openssl 3.0.8", "sys-apps old 1.0"])
                let second = ["dev-libs openssl 3.0.8", "sys-apps old 1.0", "sys-libs zlib 1.2.13"]
                #expect(try at(Self.begin + 5000) == second)
                #expect(try at(Self.begin + 90000) == ["dev-libs openssl 3.0.9"] + second.dropFirst())
                #expect(try at(Self.begin + 300_000) == ["dev-libs openssl 3.0.9", "sys-apps old 1.0"])
                #expect(
                    try at(Self.begin + 300_000, "dev-libs/*", "old") == ["dev-libs openssl 3.0.9", "sys-apps old 1.0"])
                let shown = try system.good("at", "@\(Self.begin + 5000)", "zlib")
                #expect(shown.lines.count == 2 && shown.lines.first?.hasPrefix("PACKAGE") == true)
                expectRefusal(
                    try system.packages("at", "@\(Self.begin + 300_000)", "zlib"), 66,
                    "matches zlib was installed at 2023-")
            }
        }

        @Test func anAnswerThatIsIncompleteSaysSo() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                // Nothing is known to have been there but what the database does not know to be younger.
                let before = try system.packages("at", "@\(Self.begin - 1000)", "--json")
                #expect(before.status == 0)
                #expect(try before.jsonLines().compactMap { $0["Name"] as? String } == ["old"])
                #expect(before.errors.contains("the log begins at 2023-11-14T22:13:20Z"), "\(before.testDescription)")
                let earlier = try system.packages("at", "@\(Self.begin - 10000)")
                #expect(earlier.output == "" && earlier.errors.contains("1 package that was built or installed after"))

                let alone = try system.packages("at", "@\(Self.begin + 5000)", "--log-only", "--json")
                #expect(try alone.jsonLines().compactMap { $0["Name"] as? String } == ["openssl", "zlib"])
                #expect(alone.status == 0 && alone.errors.contains("without a database"), "\(alone.testDescription)")

                system.directory.remove("root/var/log/emerge.log")
                let without = try system.packages("at", "@\(Self.begin + 90000)")
                #expect(without.status == 0 && without.lines.count == 3)
                #expect(without.errors.contains("there is no log \(system.root)/var/log/emerge.log"))
                #expect(without.errors.contains("incomplete"))
                for words in [
                    ["log"], ["snapshot", "--check"], ["at", "now", "--log-only"], ["which", "x", "--log-only"],
                ] {
                    let result = try GBProcess.start(["packages"] + words + ["--root", system.root + "/"]).wait()
                    expectRefusal(result, 66, "there is no log \(system.root)/var/log/emerge.log", "--log")
                }
            }
        }

        @Test func differencesBetweenTimes() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let (first, last) = ("@\(Self.begin + 5000)", "@\(Self.begin + 300_000)")
                let rows = try system.good("diff", first, last, "--csv").output.components(separatedBy: "\r\n")
                #expect(
                    rows == [
                        "change,category,name,slot,architecture,before,after,manager,root",
                        "changed,dev-libs,openssl,0,,3.0.8,3.0.9,portage,/",
                        "removed,sys-libs,zlib,0,,1.2.13,,portage,/", "",
                    ])
                let back = try system.good("diff", last, first, "--json").jsonLines()
                #expect(back.compactMap { $0["Change"] as? String } == ["changed", "added"])
                #expect(back.allSatisfy { $0["Kind"] as? String == "difference" })
                #expect(back.first?["Before"] as? [String] == ["3.0.9"])
                #expect(try system.good("diff", first, first).output == "")
                #expect(try system.good("diff", first, last).lines.count == 3)
            }
        }

        @Test func versionsOfAPackage() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let found = try system.good("which", "*/*", "--json").jsonLines()
                #expect(found.compactMap { $0["Name"] as? String } == ["old", "openssl", "zlib", "openssl"])
                #expect(found.compactMap { $0["Version"] as? String } == ["1.0", "3.0.8", "1.2.13", "3.0.9"])
                #expect(found.compactMap { $0["IsInstalled"] as? Bool } == [true, false, false, true])
                #expect(found[0]["From"] is NSNull && found[1]["From"] as? Int == Self.begin + 99)
                let shown = try system.good("which", "openssl").lines
                #expect(shown.count == 3 && shown[2].contains("still there"))
                #expect(try system.good("which", "old").output.contains("before 2023-11-14T22:13:20Z"))
                expectRefusal(try system.packages("which", "opensll"), 66, "opensll")
            }
        }

        @Test func theDatabaseIsASnapshotThatTheLogChecks() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let lines = try system.good("snapshot", "--json").jsonLines()
                #expect(lines.compactMap { $0["Kind"] as? String } == ["snapshot", "package", "package"])
                #expect(lines.first?["Packages"] as? Int == 2)
                #expect(try system.good("snapshot", "--csv").output.components(separatedBy: "\r\n").count == 4)
                #expect(try system.good("snapshot").lines.count == 3)
                #expect(try system.good("snapshot", "--check").output.contains("agree on 1 package;"))

                system.directory.remove("root/var/db/pkg/dev-libs/openssl-3.0.9")
                try system.addToDatabase("sys-libs/zlib-1.2.13", built: Self.begin + 1000)
                let check = try system.packages("snapshot", "--check")
                #expect(check.status == 4 && check.lines.count == 3)
                #expect(check.output.contains("only_in_log") && check.output.contains("only_in_database"))
                let records = try system.packages("snapshot", "--check", "--json")
                #expect(records.status == 4)
                #expect(
                    try records.jsonLines().compactMap { $0["Event"] as? String }
                        == ["disagreement", "uninstall", "disagreement", "install"])
                for words in [["at", "now"], ["which", "openssl"], ["diff", "1d", "now"]] {
                    let answer = try GBProcess.start(["packages"] + words + ["--root", system.root]).wait()
                    #expect(answer.status == 0, "\(answer.testDescription)")
                    #expect(answer.errors.contains("disagree on 2 packages (dev-libs/openssl, sys-libs/zlib)"))
                }
            }
        }

        /// What `doc/package-state.md` tells to type, but for what asks a storage.
        @Test func documentedCommandsWork() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let commands = try Self.documented().filter { !Self.asksStorage($0) }
                #expect(commands.count >= 6)
                for command in commands {
                    let words = command.replacingOccurrences(of: "gb ", with: "'\(GBProcess.gb)' ", options: .anchored)
                    let result = try GBProcess(["sh", "-c", words + " --root '\(system.root)'"]).wait()
                    #expect(result.status == 0 && result.errors == "", "\(command)\n\(result.testDescription)")
                }
            }
        }

        private static func documented() throws -> [String] {
            try DocumentedCommands("doc/package-state.md").blocks.flatMap { block in
                block.components(separatedBy: "\n").filter { $0.hasPrefix("gb ") }
            }
        }

        private static func asksStorage(_ command: String) -> Bool {
            command.contains(" --from-storage") || command.hasPrefix("gb restore ")
        }

        @Test func documentedCommandsThatAskAStorageWork() throws {
            try withSite { site in
                var state = try StoredState(site, "/host1/packages/state")
                try state.addDays()
                try state.addDumps("/host1/root")
                let commands = try Self.documented().filter(Self.asksStorage)
                #expect(commands.count >= 10)
                for command in commands {
                    let words = command.replacingOccurrences(of: "gb ", with: "'\(GBProcess.gb)' ", options: .anchored)
                        .replacingOccurrences(of: "/srv/restored", with: "'\(site.directory.path("restored"))'")
                    let result = try GBProcess(["sh", "-c", words + " --config-dir '\(site.configuration)'"]).wait()
                    // Nothing but how old the answer is.
                    let said = result.errors.split(separator: "\n").filter { !$0.contains("running as root") }
                    #expect(
                        result.status == 0 && said.count == 1 && said[0].contains("as of 2023-"),
                        "\(command)\n\(result.testDescription)")
                }
                #expect(try site.directory.read("restored/root") == Array("3".utf8))
            }
        }

        // MARK: - Logs

        @Test(arguments: ["gzip gz", "zstd zst", "bzip2 bz2", "xz xz"])
        func rotatedPartsAreReadOldestFirst(kind: String) throws {
            let words = kind.split(separator: " ").map(String.init)
            try withPackageSystem { system in
                try system.makeGentoo()
                let whole = try system.good("log", "--json").output
                let days = PackageSystem.days
                try system.write("var/log/emerge.log.10", days[0])
                try runTool(words[0], system.root + "/var/log/emerge.log.10")
                system.directory.remove("root/var/log/emerge.log.10")
                try system.write("var/log/emerge.log.9", days[1])
                try system.write("var/log/emerge.log", days[2])
                for other in ["emerge.log.old", "emerge.log~", "emerge-fetch.log", "emerge.log.1.bak"] {
                    try system.write("var/log/" + other, "nothing that anybody wants to read\n")
                }
                #expect(system.directory.names("root/var/log").contains("emerge.log.10." + words[1]))
                #expect(try system.good("log", "--json").output == whole)
                // The second pass reads it again.
                let then = "@\(Self.begin + 500)"
                #expect(try system.good("at", then, "openssl").output.contains("3.0.8"))
                let named = ["emerge.log.10." + words[1], "emerge.log.9", "emerge.log"].map {
                    system.root + "/var/log/" + $0
                }
                let given = try system.good("log", "--json", "--log", named[0], "--log", named[1], "--log", named[2])
                #expect(given.output == whole)
            }
        }

        @Test func datesInNamesAreUnderstoodAndPartsAreReadOnce() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let whole = try system.good("log", "--json").output
                let days = PackageSystem.days
                try system.write("var/log/emerge.log-20231114", days[0])
                try system.write("var/log/emerge.log-20231115", days[1])
                try system.write("var/log/emerge.log", days[2])
                try runTool("gzip", "--keep", system.root + "/var/log/emerge.log-20231115")
                let result = try system.packages("log", "--json")
                #expect(result.status == 0 && result.output == whole)
                #expect(result.errors.contains("emerge.log-20231115.gz"), "\(result.testDescription)")
            }
        }

        @Test(arguments: ["gzip gz", "zstd zst", "bzip2 bz2", "xz xz"])
        func aDamagedPartIsNamed(kind: String) throws {
            let words = kind.split(separator: " ").map(String.init)
            try withPackageSystem { system in
                try system.makeGentoo()
                try system.write("var/log/emerge.log.1", PackageSystem.days[0])
                try runTool(words[0], system.root + "/var/log/emerge.log.1")
                system.directory.remove("root/var/log/emerge.log.1")
                let name = "root/var/log/emerge.log.1." + words[1]
                try system.directory.write(name, Array(try system.directory.read(name).dropLast(20)))
                for command in [["log"], ["at", "now"], ["which", "openssl"], ["snapshot", "--check"]] {
                    let result = try GBProcess.start(["packages"] + command + ["--root", system.root]).wait()
                    expectRefusal(result, 4, "emerge.log.1." + words[1], "cannot be decompressed", "--log")
                }
                try system.directory.write(name, "this is no archive\n")
                expectRefusal(try system.packages("log"), 4, "emerge.log.1." + words[1], "--log")
            }
        }

        @Test func linesThatDoNotFitAreCounted() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                try system.write(
                    "var/log/emerge.log",
                    "\u{1b}[31mred\n" + PackageSystem.days.joined() + "one more\n1700300000:  *** terminat")
                let result = try system.packages("log", "openssl")
                #expect(result.status == 0 && result.lines.count == 3)
                #expect(result.errors.contains("2 lines of the log do not fit"), "\(result.testDescription)")
                #expect(result.errors.contains("at byte 0") && !result.errors.contains("\u{1b}"))
                #expect(result.errors.contains("has no end yet"))
            }
        }

        @Test func localTimesAreThoseOfTheMachine() throws {
            try withPackageSystem { system in
                try system.makeDebian()
                let result = try system.packages(
                    "log", "--event", "install", "libx:amd64", environment: ["TZ": "XYZ-2"])
                #expect(result.status == 0 && result.errors == "", "\(result.testDescription)")
                #expect(result.lines.map { $0.prefix(20) } == ["2026-03-01T10:00:03Z", "2026-03-02T10:00:04Z"])
                let first = try system.good("at", "2026-03-01T13:00", "--csv")
                #expect(first.output.contains(",libx,1.0-1,"), "\(first.testDescription)")
                #expect(try system.good("which", "libx").lines.count == 3)
                expectRefusal(try system.packages("at", "2026-03-01T11:00", "libx"), 66, "libx", "the log begins at")
                #expect(try system.good("snapshot").lines.last?.hasPrefix("libx:amd64") == true)
            }
        }

        // MARK: - The machine of the test

        @Test func theOwnMachineAnswers() throws {
            let places = ["/var/lib/dpkg/status", "/var/db/pkg", "/var/lib/pacman/local", "/lib/apk/db/installed"]
            guard places.contains(where: { FileManager.default.fileExists(atPath: $0) }) else {
                expectRefusal(try GBProcess.start(["packages", "snapshot"]).wait(), 66, "--root")
                return print("This machine has no package manager that is known: the refusal was tested.")
            }
            let snapshot = try GBProcess.start(["packages", "snapshot", "--json"]).wait()
            #expect(snapshot.status == 0, "\(snapshot.errors)")
            let count = try #require(try snapshot.jsonLines().first?["Packages"] as? Int)
            #expect(count > 0 && snapshot.lines.count == count + 1)
            try withSite { site in
                let id = try #require(try site.good("machine", "register").lines.first)
                let head = try #require(try site.gb("packages", "snapshot", "--json").jsonLines().first)
                #expect(head["Machine"] as? String == id)
            }
            let now = try GBProcess.start(["packages", "at", "now", "--json"]).wait()
            #expect(now.status == 0 && !now.lines.isEmpty, "\(now.errors)")
            let log = try GBProcess.start(["packages", "log"]).wait()
            if log.errors.contains("there is no log") {
                print("The package manager of this machine keeps no log: only its database was read.")
                #expect(log.status == 66)
            } else {
                #expect(log.status == 0 && !log.lines.isEmpty, "\(log.errors)")
            }
        }

        // MARK: - Refusals

        @Test(arguments: [
            (["log", "--manager", "portgae"], 64, "did you mean portage"),
            (["log", "--event", "instal"], 64, "did you mean install"),
            (["log", "--since", "soon"], 64, "soon"),
            (["log", "--since", "1d", "--until", "2d"], 64, "--since"), (["log", "a/b/c"], 64, "a/b/c"),
            (["log", "--log", "/nonexistent/log"], 66, "/nonexistent/log"),
            (["log", "--log", "/dev/null"], 64, "/dev/null"),
            (["log", "--log", "/etc"], 64, "a directory"), (["log", "nobody"], 66, "matches nobody"),
            (["log", "old"], 66, "it is installed"), (["at"], 64, "TIME"), (["at", "2023-13-01"], 64, "2023-13-01"),
            (["at", "now", "nobody"], 66, "matches nobody"), (["diff", "now"], 64, "TIME"), (["which"], 64, "PATTERN"),
            (["which", "a b"], 64, "blanks"), (["snapshot", "--log-only"], 64, "--log-only"),
            (["snapshot", "--log", "x"], 64, "--check"),
            (["snapshot", "--manager", "dpkg"], 66, "var/lib/dpkg/status"),
        ])
        func whatIsWrongIsNamed(words: [String], status: Int, said: String) throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let result = try GBProcess.start(["packages"] + words + ["--root", system.root]).wait()
                expectRefusal(result, status, said)
            }
        }

        @Test func formsExcludeEachOther() throws {
            let error = try GBProcess.start(["packages", "log", "--json", "--csv"]).wait().jsonError()
            #expect(error.exit == 64 && error.message.contains("exclude each other"))
        }

        @Test func aRootWithoutAManagerIsNamed() throws {
            try withPackageSystem { system in
                for words in [["log"], ["at", "now"], ["diff", "1d", "now"], ["which", "x"], ["snapshot"]] {
                    let result = try GBProcess.start(["packages"] + words + ["--root", system.root]).wait()
                    expectRefusal(result, 66, system.root, "apk, dpkg, pacman, portage")
                }
                let error = try system.packages("snapshot", "--json").jsonError()
                #expect(error.code == "not_found" && error.exit == 66)
                expectRefusal(
                    try GBProcess.start(["packages", "log", "--root", "/nonexistent"]).wait(), 66, "/nonexistent")
                // A log alone is enough when its kind is said.
                try system.write("copied", PackageSystem.days[0])
                let copied = try system.packages("log", "--manager", "portage", "--log", system.root + "/copied")
                #expect(copied.status == 0 && copied.lines.count == 4, "\(copied.testDescription)")
                let then = try system.packages("at", "now", "--manager", "portage", "--log", system.root + "/copied")
                #expect(then.status == 0 && then.lines.count == 3 && then.errors.contains("without a database"))
            }
        }

        @Test func aLogThatMustNotBeReadNamesTheGroup() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let path = system.root + "/var/log/emerge.log"
                // The owner may not, the group may. For root that counts when it cannot pass over it.
                try #require(chmod(path, 0o040) == 0)
                let isRoot = geteuid() == 0
                if isRoot { try #require(chown(path, 0, 4) == 0) }
                let drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
                let words = (isRoot ? drop : []) + [GBProcess.gb, "packages", "log", "--root", system.root]
                let group = String(cString: try #require(getgrgid(isRoot ? 4 : getegid())?.pointee.gr_name))
                expectRefusal(try GBProcess(words).wait(), 1, path, "group \(group)")
                // What does not need the log works.
                let other = words.map { $0 == "log" ? "snapshot" : $0 }
                #expect(try GBProcess(other).wait().status == 0)
            }
        }

        // MARK: - Pipes and terminals

        /// A log whose records do not fit into a pipe.
        private func withLongLog(_ body: (PackageSystem, _ path: String) throws -> Void) throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let log = (0..<5000).map { PackageSystem.emerge("a/b-\($0)", at: Self.begin + $0 * 200) }.joined()
                try system.write("long.log", log)
                try runTool("gzip", system.root + "/long.log")
                try body(system, system.root + "/long.log.gz")
            }
        }

        @Test func aReaderThatLeavesEndsItQuietly() throws {
            try withLongLog { system, path in
                let command =
                    "'\(GBProcess.gb)' packages log --log '\(path)' --log-only --root '\(system.root)' | head -n 2"
                let result = try GBProcess(["sh", "-c", command]).wait()
                #expect(
                    result.status == 0 && result.lines.count == 2 && result.errors == "", "\(result.testDescription)")
            }
        }

        @Test func anInterruptEndsItQuietly() throws {
            try withLongLog { system, path in
                try system.directory.makeFIFO("full")
                let reader = open(system.directory.path("full"), O_RDWR | O_CLOEXEC | O_NONBLOCK)
                try #require(reader >= 0)
                defer { close(reader) }
                let process = try GBProcess(
                    [GBProcess.gb, "packages", "log", "--log", path, "--log-only", "--root", system.root],
                    outputPath: system.directory.path("full"))
                // It waits for a reader now.
                var first = UInt8(0)
                let isWriting = waitUntil(30) { read(reader, &first, 1) == 1 }
                process.signal(SIGINT)
                let result = process.wait()
                #expect(isWriting && result.status == 130 && result.errors == "", "\(result.testDescription)")
                #expect(process.leftOver() == [])
            }
        }

        @Test func aPersonAtATerminalSeesATable() throws {
            try withPackageSystem { system in
                try system.makeGentoo()
                let terminal = try Terminal([GBProcess.gb, "packages", "which", "openssl", "--root", system.root])
                #expect(terminal.wait() == 0)
                #expect(
                    terminal.shown.contains("PACKAGE") && terminal.shown.contains("still there"), "\(terminal.shown)")
            }
        }
    }
}
