import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Signals that ask to stop, and readers that leave.
    @Suite struct SignalTests {
        @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func onceStopsWithoutATrace(signal: CInt) throws {
            try withSite { site in
                // The second of the two does not care about SIGTERM.
                try site.addCommand(script: "echo begun; trap \"\" TERM; sleep 60; sleep 60")
                let process = try site.start(["generator", "once"])
                try #require(waitUntil(20) { process.descendants().count >= 2 })
                process.signal(signal)
                let result = process.wait(limit: 30)
                expectRefusal(result, 128 + Int(signal), "stopped by signal \(signal)")
                #expect(process.leftOver() == [])
                #expect(try site.storedFiles() == [])
                #expect(try site.elements() == [])
                // The next run finds nothing in its way.
                try site.addCommand("Good", source: "/host/good", script: "echo whole")
                try site.good("generator", "once", "Good")
            }
        }

        @Test func onceSaysItInJSON() throws {
            try withSite { site in
                try site.addCommand(script: "echo begun; sleep 60")
                let process = try site.start(["generator", "once", "--json"])
                try #require(waitUntil(20) { process.descendants().count >= 1 })
                process.signal(SIGTERM)
                let result = process.wait(limit: 30)
                #expect(result.status == 128 + 15)
                let errors = try result.jsonLines().compactMap { $0["error"] as? [String: Any] }
                #expect(errors.contains { $0["exit"] as? Int == 128 + 15 }, "\(result.testDescription)")
            }
        }

        @Test func theServiceDropsItsRunOnSIGINT() throws {
            try withSite { site in
                try site.addCommand(script: "echo begun; sleep 60")
                let process = try site.start(["generator", "run"])
                try #require(waitUntil(20) { process.descendants().count >= 1 })
                process.signal(SIGINT)
                let result = process.wait(limit: 30)
                #expect(result.status == 128 + 2, "\(result.testDescription)")
                #expect(process.leftOver() == [])
                #expect(try site.storedFiles() == [])
            }
        }

        @Test(arguments: [SIGINT, SIGTERM]) func restoresStop(signal: CInt) throws {
            try withSite(compression: "{ command: [cat], restore: [sh, -c, \"sleep 60; cat\"] }") { site in
                try site.addTar()
                try site.fillTree()
                let id = try #require(try site.backUp().first)
                for words in [
                    ["extract", "/host/home", "--to", site.directory.path("out")], ["verify", "/host/home"],
                    ["cat", id],
                ] {
                    let process = try site.start(["restore"] + words)
                    try #require(waitUntil(20) { process.descendants().count >= 2 })
                    process.signal(signal)
                    let result = process.wait(limit: 30)
                    expectRefusal(result, 128 + Int(signal), "stopped by signal")
                    #expect(result.output == "")
                    #expect(process.leftOver() == [])
                }
            }
        }

        // MARK: - Readers that leave

        @Test func aFullDiskUnderTheOutputIsNoSuccess() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                try site.backUp()
                for words in [["storage", "list"], ["config", "show"], ["restore", "list"], ["generator", "list"]] {
                    let process = try GBProcess(
                        [GBProcess.gb] + words + ["--config-dir", site.configuration], outputPath: "/dev/full")
                    expectRefusal(process.wait(), 1, "standard output", "No space left")
                }
            }
        }

        /// Backups are made whoever reads what is said of them.
        @Test func aFullDiskUnderTheOutputStopsNoBackup() throws {
            try withSite { site in
                try site.addCommand("One", source: "/host/one", script: "echo 1")
                try site.addCommand("Two", source: "/host/two", script: "echo 2")
                let process = try GBProcess(
                    [GBProcess.gb, "generator", "once", "--config-dir", site.configuration], outputPath: "/dev/full")
                expectRefusal(process.wait(), 0, "warning", "is stored", "standard output", "No space left")
                #expect(try site.elements().count == 2)
                // What programs read is the result.
                let words = ["generator", "once", "--now", "--json", "--config-dir", site.configuration]
                let json = try GBProcess([GBProcess.gb] + words, outputPath: "/dev/full")
                expectRefusal(json.wait(), 1, "error", "is stored", "standard output", "No space left")
                #expect(try site.elements().count == 4)
            }
        }

        /// As cron and careless scripts start programs.
        @Test func aClosedOutputIsNamed() throws {
            try withSite { site in
                try site.addCommand(script: "seq 1 1000")
                func closed(_ words: String...) throws -> GBResult {
                    let script = "exec \"$@\" >&-"
                    return try GBProcess(
                        ["sh", "-c", script, "sh", GBProcess.gb] + words + ["--config-dir", site.configuration]
                    ).wait()
                }
                expectRefusal(
                    try closed("generator", "once"), 0, "warning", "is stored", "standard output: it is closed")
                expectRefusal(try closed("storage", "list"), 1, "standard output: it is closed")
                let id = try #require(try site.elements().first)
                expectRefusal(try closed("restore", "cat", id), 1, "standard output: it is closed")
                // No file has taken the place of standard output.
                try site.good("storage", "verify")
            }
        }

        /// `gb storage list | head -1` has what it wants: no message, and the exit code of a program that was told so.
        @Test func aReaderThatHasEnoughIsNoError() throws {
            try withSite { site in
                try site.addCommand("One", source: "/host/one", script: "echo 1")
                try site.addCommand("Two", source: "/host/two", script: "echo 2")
                let script = "(sleep 0.3; exec \"$@\") | true; exit ${PIPESTATUS[0]}"
                func piped(_ words: String...) throws -> GBResult {
                    try GBProcess(
                        ["bash", "-c", script, "bash", GBProcess.gb] + words + ["--config-dir", site.configuration]
                    ).wait()
                }
                let once = try piped("generator", "once")
                expectRefusal(once, 0, "warning", "is stored", "standard output", "Broken pipe")
                #expect(try site.elements().count == 2)
                let list = try piped("storage", "list")
                #expect(list.status == 128 + 13, "\(list.testDescription)")
                #expect(list.errors == "")
                let head = try GBProcess(
                    ["bash", "-c", "\"$@\" | head -1", "bash", GBProcess.gb, "storage", "list", "--config-dir"]
                        + [site.configuration]
                ).wait()
                #expect(head.lines.count == 1)
                #expect(head.errors == "")
            }
        }

        /// Data go to standard output: an archive that is cut off must not look whole.
        @Test func dataThatCannotBeWrittenAreNoSuccess() throws {
            try withSite { site in
                try site.addCommand(script: "seq 1 100000")
                let id = try #require(try site.backUp().first)
                let words = [GBProcess.gb, "restore", "cat", id, "--config-dir", site.configuration]
                let result = try GBProcess(words, outputPath: "/dev/full").wait()
                expectRefusal(result, 75, "standard output", "space")
            }
        }
    }
}
