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
