import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What the documents promise.
    @Suite struct TourTests {
        private static let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

        /// The commands of the `console` blocks in order: lines that begin with `$ `, with the lines after them that
        /// begin with `> ` or that a backslash continues.
        static func commands(of text: String) -> [String] {
            var commands: [String] = []
            var isInBlock = false
            var isContinued = false
            for line in text.components(separatedBy: "\n") {
                if line.hasPrefix("```") {
                    isInBlock = !isInBlock && line == "```console"
                    continue
                }
                guard isInBlock else { continue }
                if line.hasPrefix("$ ") {
                    commands.append(String(line.dropFirst(2)))
                } else if isContinued || line.hasPrefix("> "), let last = commands.popLast() {
                    commands.append(last + "\n" + (line.hasPrefix("> ") ? String(line.dropFirst(2)) : line))
                } else {
                    continue
                }
                isContinued = line.hasSuffix("\\")
            }
            return commands
        }

        @Test func theTourOfTheReadmeWorks() throws {
            try follow("README.md")
        }

        @Test func theTourOfLogFilesWorks() throws {
            try follow("doc/operation.md")
        }

        @Test func theTourOfPackagesWorks() throws {
            try follow("doc/package-state.md")
        }

        @Test func theTourOfUnitsOfOnesOwnWorks() throws {
            try follow("doc/own-units.md")
        }

        private func follow(_ document: String) throws {
            let text = try String(contentsOfFile: Self.repository + "/" + document, encoding: .utf8)
                .replacingOccurrences(of: "/usr/lib/guerillabackup/units", with: Self.repository + "/units")
            let commands = Self.commands(of: text)
            try #require(commands.count >= 5, "\(document) has no tour in console blocks")
            try withTemporaryDirectory { directory in
                try directory.makeDirectory("bin")
                try directory.link("bin/gb", to: GBProcess.gb)
                try directory.makeDirectory("home")
                // The reader stands in a clone.
                try directory.link("home/units", to: Self.repository + "/units")
                let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
                // One shell runs all, as that of a reader does.
                // Each command is shown before it runs, so that a failure shows where it was.
                let script =
                    "set -e\n" + commands.map { "cat >&2 <<'THE_END'\n$ \($0)\nTHE_END\n\($0)\n" }.joined()
                try directory.write("tour.sh", script)
                let tour = try GBProcess(
                    ["/bin/sh", directory.path("tour.sh")],
                    environment: [
                        "PATH": directory.path("bin") + ":" + path, "HOME": directory.path("home"),
                    ], directory: directory.path("home"))
                let result = tour.wait(limit: 300)
                #expect(result.status == 0, "\(result.testDescription)")
                tour.endAgents()
                #expect(tour.leftOver() == [])
            }
        }

        @Test func commandsAreTakenFromConsoleBlocksOnly() {
            let text = """
                $ no
                ```sh
                $ no
                ```
                ```console
                $ one
                output
                $ two \\
                    more
                > third
                # no heading
                $ four
                ```
                $ no
                """
            #expect(Self.commands(of: text) == ["one", "two \\\n    more\nthird", "four"])
        }

        @Test func installPutsEverythingInItsPlace() throws {
            try withTemporaryDirectory { directory in
                func install() throws {
                    try runTool(
                        "make", "--no-print-directory", "--directory", Self.repository, "install",
                        "GB=" + GBProcess.gb, "DESTDIR=" + directory.path("root"), "PREFIX=/usr")
                }
                try install()
                for name in [
                    "usr/bin/gb", "etc/guerillabackup/config", "etc/guerillabackup/units/Root.config.example",
                    "usr/lib/guerillabackup/units/tar", "usr/lib/guerillabackup/units/command",
                    "usr/lib/guerillabackup/units/logfile", "usr/lib/guerillabackup/units/examples/new-lines",
                    "usr/lib/guerillabackup/units/examples/dump-databases", "etc/guerillabackup/lib-enabled",
                    "etc/guerillabackup/units/Logs.config.example",
                    "usr/lib/systemd/system/guerillabackup-generator.service",
                    "usr/share/doc/guerillabackup/README.md",
                ] {
                    #expect(directory.exists("root/" + name), "\(name)")
                }
                let modes = try runTool(
                    "stat", "-c", "%a %n", "etc/guerillabackup/keys", "var/lib/guerillabackup/data",
                    "var/lib/guerillabackup/state", "etc/guerillabackup/config", directory: directory.path("root"))
                #expect(modes.lines.map { $0.prefix(3) } == ["700", "700", "700", "600"])
                // What the administrator has written stays.
                try directory.write("root/etc/guerillabackup/config", "mine\n")
                try install()
                #expect(try directory.read("root/etc/guerillabackup/config") == Array("mine\n".utf8))
                let shown = try GBProcess([directory.path("root/usr/bin/gb"), "--version"]).wait()
                #expect(shown.status == 0)
            }
        }
    }
}
