import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    @Suite struct RestoreCommandTests {
        /// A site with a full and an increment in which things vanished, moved and came; `before` is a copy of the tree
        /// at the time of the full.
        private func withTwoStates(
            encryption: String = "none", keys: String? = nil, _ body: (Site, _ firstTime: String) throws -> Void
        ) throws {
            try withSite(encryption: encryption, keys: keys) { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                let first = try #require(
                    try site.good("restore", "list", "/host/home", "--json").jsonLines().first?["time"] as? String)
                try runTool("cp", "-a", site.tree, site.directory.path("before"))
                try runTool(
                    "sh", "-c", "sleep 1.1; rm plain; mv etc moved; echo more > new; chmod 600 -- -rf; ln new hard",
                    directory: site.tree)
                try site.backUp()
                try body(site, first)
            }
        }

        @Test func bothStatesComeBack() throws {
            let keys = try #require(Keys.current)
            try withTwoStates(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site, first in
                let result = try site.good("restore", "extract", "/host/home", "--to", site.directory.path("now"))
                #expect(result.output.contains("/host/home of "))
                #expect(try site.restoredEquals("now") == [])
                try site.good("restore", "extract", "/host/home", "--at", first, "--to", site.directory.path("then"))
                #expect(
                    treeDifferences(
                        try contentsOfTree(site.directory.path("before")),
                        try contentsOfTree(site.directory.path("then"))) == [])
                let json = try site.good(
                    "restore", "extract", "/host/home", "--verify-first", "--json", "--to", site.directory.path("third")
                )
                let object = try #require(try json.jsonLines().first)
                #expect((object["elements"] as? [String])?.count == 2)
                #expect(object["directory"] as? String == site.directory.path("third"))
            }
        }

        @Test func theOverviewAndThePointsAreListed() throws {
            try withTwoStates { site, first in
                let overview = try #require(try site.good("restore", "list", "--json").jsonLines().first)
                #expect(overview["source"] as? String == "/host/home")
                #expect(overview["points"] as? Int == 2)
                #expect(overview["first"] as? String == first)
                #expect(try site.good("restore", "list").lines.first?.hasPrefix("SOURCE") == true)
                let points = try site.good("restore", "list", "/host/home", "--json").jsonLines()
                #expect(points.allSatisfy { $0["restorable"] as? Bool == true })
                #expect(try site.good("restore", "list", "/host/home").lines.count == 3)
            }
        }

        @Test func thePlanWritesNothing() throws {
            try withTwoStates { site, first in
                let plan = try site.good("restore", "plan", "/host/home")
                #expect(plan.output.contains("zstd | tar  yes"))
                #expect(plan.output.contains("2 elements"))
                let json = try site.good("restore", "plan", "/host/home", "--at", first, "--json").jsonLines()
                #expect(json.count == 1)
                #expect(json.first?["readable"] as? Bool == true)
            }
        }

        /// The printed commands bring the data back without this program.
        @Test func theShellLinesWork() throws {
            let keys = try #require(Keys.current)
            try withTwoStates(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site, _ in
                let lines = try site.good("restore", "plan", "/host/home", "--shell")
                #expect(lines.lines.count == 2)
                let script = "set -e -o pipefail; mkdir TARGET\n" + lines.output
                try runTool("bash", "-c", script, directory: site.directory.path)
                #expect(try site.restoredEquals("TARGET") == [])
            }
        }

        @Test func catGivesWhatTheCommandWrote() throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site in
                try site.addCommand(script: "seq 1 100000")
                let id = try #require(try site.backUp().first)
                let expected = try runTool("seq", "1", "100000").output
                #expect(try site.good("restore", "cat", id).output == expected)
                expectRefusal(try site.gb("restore", "cat", "/host/20260101000000-dump-full"), 66, "no element")
                try site.good("restore", "extract", "/host/dump", "--to", site.directory.path("out"))
                #expect(try site.directory.read("out/dump") == Array(expected.utf8))
            }
        }

        @Test func verifyRehearses() throws {
            try withTwoStates { site, _ in
                let result = try site.good("restore", "verify", "/host/home")
                #expect(result.output.contains("can be restored: 2 elements"))
                let object = try #require(try site.good("restore", "verify", "/host/home", "--json").jsonLines().first)
                #expect((object["elements"] as? [String])?.count == 2)
                #expect((object["unchecked"] as? [String]) == [])
            }
        }

        @Test func singlePathsComeAlone() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                try site.good("restore", "extract", "/host/home", "--to", site.directory.path("out"), "etc/hosts")
                #expect(try Site.files(below: site.directory.path("out")) == ["etc/hosts"])
                let missing = try site.gb(
                    "restore", "extract", "/host/home", "--to", site.directory.path("none"), "etc/nothing")
                expectRefusal(missing, 66, "etc/nothing", "relative to the root")
            }
        }

        /// Names of files need not be UTF-8; everything else on the command line must.
        @Test func pathsMayBeAnyBytes() throws {
            try withSite { site in
                try site.addTar()
                try runTool(
                    "bash", "-c",
                    "mkdir $'d\\xff'; echo 1 >$'d\\xff/caf\\xe9'; echo 2 >$'d\\xff/caf\\xe8'; echo 3 >$'\\U10ffe9'",
                    directory: site.tree)
                try site.backUp()
                func extract(_ arguments: String) throws -> GBResult {
                    try GBProcess(
                        [
                            "bash", "-c", "\"$0\" restore extract --config-dir \"$1\" /host/home \(arguments)",
                            GBProcess.gb,
                            site.configuration,
                        ], directory: site.directory.path
                    ).wait()
                }
                let good = try extract("--to one $'d\\xff/caf\\xe9' $'\\U10ffe9'")
                #expect(good.status == 0, "\(good.testDescription)")
                try runTool(
                    "bash", "-c", "test \"$(cat one/d*/*)\" = 1; test \"$(find one -type f | wc -l)\" = 2",
                    directory: site.directory.path)
                try runTool(
                    "bash", "-c",
                    "cmp one/$'\\U10ffe9' tree/$'\\U10ffe9' && cmp one/$'d\\xff/caf\\xe9' tree/$'d\\xff/caf\\xe9'",
                    directory: site.directory.path)
                expectRefusal(try extract("--to two $'d\\xff/caf\\xea'"), 66, "d\\377/caf\\352")
                for arguments in [
                    "--to $'x\\xe9' plain", "--to three --at $'x\\xe9' plain", "--to three $'--at=x\\xe9'",
                ] {
                    expectRefusal(try extract(arguments), 64, "x\\351", "UTF-8")
                }
                #expect(site.directory.names().allSatisfy { !["two", "three"].contains($0) && !$0.hasPrefix("x") })
            }
        }

        /// Whatever goes wrong before the first byte: the directory that was made for it is not left behind.
        @Test func aTargetThatIsNotUsedIsRemoved() throws {
            let keys = try #require(Keys.current)
            try withTwoStates(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site, first in
                func refused(_ status: Int, _ arguments: String...) throws {
                    let result = try site.start(
                        ["restore", "extract", "--to", site.directory.path("new/out")] + arguments
                    )
                    .wait()
                    #expect(result.status == status, "\(arguments): \(result.testDescription)")
                    #expect(!site.directory.exists("new"), "\(arguments)")
                }
                try refused(66, "/host/hme")
                try refused(66, "/host/home", "--at", "2001-02-03")
                try refused(64, "/host/home", "--at", "tomorow")
                try refused(64, "/host/home", "")
                try refused(66, "/host/home", "nothing")
                try refused(66, "/host/home", "--at", first, "nothing")
                let config = site.configuration + "/config"
                try runTool("cp", config, config + ".good")
                try runTool("sed", "-i", "s|keys_directory: .*|keys_directory: \(keys.publicRing)|", config)
                try refused(78, "/host/home")
                try runTool("mv", config + ".good", config)
                let full = try #require(try site.elements().first { $0.hasSuffix("-full") })
                try runTool("truncate", "-s", "100", "\(site.storage)\(full).data")
                try refused(4, "/host/home")
                try refused(4, "/host/home", "--verify-first")
                try refused(4, "/host/home", "--at", first, "link")
                // What was there already stays.
                try site.directory.makeDirectory("empty")
                #expect(
                    try site.gb("restore", "extract", "/host/home", "--to", site.directory.path("empty")).status == 4)
                #expect(site.directory.exists("empty"))
            }
        }

        /// A source whose root holds the storage, the state and the configuration, put back over itself.
        @Test func whatTheProgramNeedsIsNotDeleted() throws {
            try withSite { site in
                try site.addTar(root: site.directory.path, keys: "exclude: [./unit.log]")
                try site.fillTree()
                try site.backUp()
                let extract = ["restore", "extract", "/host/home", "--to", site.directory.path, "--into-existing"]
                try site.directory.write("tree/unknown", "x")
                let good = try site.start(extract + ["--delete-unknown"]).wait()
                #expect(good.status == 0, "\(good.testDescription)")
                #expect(!site.directory.exists("tree/unknown"))
                #expect(try site.elements().count == 1)
                // The storage has moved to where the backup knows nothing; a unit and a key have come.
                for (place, what) in [
                    ("storage", "the storage"), ("state", "the state directory"), ("keys", "the key ring"),
                ] {
                    try runTool("cp", "-a", site.directory.path(place), site.directory.path("moved"))
                    let config = site.configuration + "/config"
                    try runTool("cp", config, site.directory.path("keys/good"))
                    try runTool("sed", "-i", "s|/\(place)$|/moved|", config)
                    let before = try Site.files(below: site.directory.path)
                    expectRefusal(try site.start(extract + ["--delete-unknown"]).wait(), 64, what, "moved")
                    #expect(try Site.files(below: site.directory.path) == before)
                    try runTool("mv", site.directory.path("keys/good"), config)
                    site.directory.remove("moved")
                }
                try site.directory.write("conf/units/New.config", "sources: {}")
                expectRefusal(try site.start(extract + ["--delete-unknown"]).wait(), 64, "conf/units/New.config")
                #expect(site.directory.exists("conf/units/New.config"))
            }
        }

        @Test func theTargetIsChecked() throws {
            try withTwoStates { site, _ in
                let full = site.tree
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", full), 1, "not empty", "--into-existing")
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", full, "--into-existing"), 64,
                    "--delete-unknown")
                expectRefusal(try site.gb("restore", "extract", "/host/home", "--to", "/"), 64, "--in-place")
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", site.storage + "/host"), 64, "storage")
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", full + "/new"), 64, "no directory")
                #expect(try site.gb("restore", "extract", "/host/home", "--to", full, "--json").jsonError().exit == 1)
            }
        }

        /// A target that is refused is not made either.
        @Test func aTargetInTheStorageIsNotMade() throws {
            try withTwoStates { site, _ in
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", site.storage + "/new"), 64, "storage")
                #expect(!site.directory.exists("storage/new"))
            }
        }

        @Test func timesAndSourcesThatAreNotThereAreNamed() throws {
            try withTwoStates { site, first in
                for command in ["plan", "verify"] {
                    expectRefusal(
                        try site.gb("restore", command, "/host/home", "--at", "2001-02-03"), 66, "2001-02-03", first,
                        "--at")
                    expectRefusal(
                        try site.gb("restore", command, "/host/hme"), 66, "/host/hme", "gb restore list")
                    expectRefusal(try site.gb("restore", command, "/host/home", "--at", "tomorow"), 64, "tomorow")
                }
                let target = site.directory.path("out")
                expectRefusal(
                    try site.gb("restore", "extract", "/host/home", "--to", target, "--at", "@1"), 66, first)
                #expect(!site.directory.exists("out"))
                expectRefusal(try site.gb("restore", "list", "/host/hme"), 66, "/host/hme")
                #expect(try site.gb("restore", "list", "/host/hme", "--json").jsonError().exit == 66)
            }
        }
    }
}
