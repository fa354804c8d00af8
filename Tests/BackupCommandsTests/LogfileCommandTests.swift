import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Log files, as an administrator meets them.
    @Suite(.serialized) struct LogfileCommandTests {
        private func addLogs(_ site: Site, after: String = "delete", directory: String = "logs") throws {
            try site.directory.makeDirectory("logs")
            try site.directory.write("definitions/logfile", "unit: logfile\n")
            if !site.directory.exists("conf/units/Logs") {
                try site.directory.link("conf/units/Logs", to: site.directory.path("definitions/logfile"))
            }
            try site.directory.write(
                "conf/units/Logs.config",
                """
                inputs:
                  system:
                    directory: \(site.directory.path(directory))
                    pattern: '([a-z]+)\\.(?<oldserial>[0-9]+)(?:\\.(?<compress>gz))?'
                    source: /host/\\1
                    after_store: \(after)
                    settle: 0s
                    when_unknown: take

                """)
        }

        private func make(_ site: Site, _ script: String) throws {
            try runTool("bash", "-ec", script, directory: site.directory.path("logs"))
        }

        @Test func theWayOfALogFile() throws {
            try withSite { site in
                try addLogs(site)
                try make(
                    site, "echo two >syslog.2; gzip syslog.2; echo one >syslog.1; echo now >syslog; echo a >mixed.1")
                try make(site, "echo b >mixed.1.gz")
                let list = try site.good("generator", "list")
                #expect(list.output.contains("oldest of 2 files"), "\(list.output)")
                #expect(list.output.contains("same serial"), "\(list.output)")
                let lines = try site.good("generator", "list", "--json").jsonLines()
                #expect(lines.map { $0["source"] as? String } == ["/host/syslog", "/host/mixed"])
                #expect(lines.map { $0["is_due"] as? Bool } == [true, false])
                #expect(lines.map { $0["type"] as? String } == ["full", nil])
                let once = try site.good("generator", "once")
                #expect(once.output.contains("/host/syslog full"), "\(once.output)")
                #expect(site.directory.names("logs") == ["mixed.1", "mixed.1.gz", "syslog"])
                let status = try site.good("generator", "status")
                #expect(status.output.contains("/host/mixed waits: skipped"), "\(status.output)")
                let nothing = try site.good("generator", "once")
                #expect(nothing.output.contains("Nothing can be stored now"), "\(nothing.output)")
                let elements = try site.elements()
                #expect(elements.count == 2)
                #expect(try elements.map { try site.good("restore", "cat", $0).output } == ["two\n", "one\n"])
                try site.good("restore", "extract", "/host/syslog", "--to", site.directory.path("out"))
                #expect(try site.directory.read("out/syslog") == Array("one\n".utf8))
                try site.good("restore", "verify", "/host/syslog")
                let show = try site.good("storage", "show", try #require(elements.first))
                #expect(show.output.contains("syslog.2.gz"), "\(show.output)")
                let plan = try site.good("restore", "plan", "/host/syslog", "--shell")
                #expect(plan.output.contains("zstd"), "\(plan.output)")
            }
        }

        /// What may not be read is an error with a way out, and an exit code.
        @Test func aDirectoryWithoutPermission() throws {
            try withSite { site in
                try addLogs(site)
                try make(site, "echo one >syslog.1; chmod 000 .")
                defer { chmod(site.directory.path("logs"), 0o700) }
                // Root may read everything, but for these capabilities.
                let drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
                for command in ["list", "once"] {
                    let result = try GBProcess(
                        (geteuid() == 0 ? drop : [])
                            + [GBProcess.gb, "generator", command, "--config-dir", site.configuration]
                    ).wait()
                    #expect(result.status == 1, "\(result.testDescription)")
                    #expect(result.errors.contains("inputs.system"), "\(result.testDescription)")
                    #expect(result.errors.lowercased().contains("permission"), "\(result.testDescription)")
                }
            }
        }

        @Test func aFileThatCannotBeDeletedIsSaid() throws {
            try withSite { site in
                try addLogs(site)
                try make(site, "echo one >syslog.1; chmod 500 .")
                defer { chmod(site.directory.path("logs"), 0o700) }
                let drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
                for isFirst in [true, false] {
                    let result = try GBProcess(
                        (geteuid() == 0 ? drop : [])
                            + [GBProcess.gb, "generator", "once", "--config-dir", site.configuration]
                    ).wait()
                    #expect(result.status == 0, "\(result.testDescription)")
                    #expect(result.errors.contains("was not deleted") || !isFirst, "\(result.testDescription)")
                }
                #expect(try site.elements().count == 1)
                #expect(chmod(site.directory.path("logs"), 0o700) == 0)
                try site.good("generator", "once", "--now")
                #expect(site.directory.names("logs") == [])
                #expect(try site.elements().count == 1)
            }
        }

        /// `kill -9` at random moments, while files are rotated in: each file becomes one element, in order, and none is
        /// deleted that is not stored.
        @Test(.timeLimit(.minutes(10)), arguments: [(false, 60), (true, 25)])
        func killedRunsLoseNothingAndStoreNothingTwice(isEncrypted: Bool, rounds: Int) throws {
            let keys = try #require(Keys.current)
            let encryption = isEncrypted ? "{ recipients: [\(keys.good)] }" : "none"
            var random = SeededGenerator()
            try withSite(encryption: encryption, keys: keys.ring, durability: "element") { site in
                try addLogs(site)
                var written: [String] = []
                func rotate(_ count: Int) throws {
                    for _ in 0..<count {
                        let text = "log \(written.count)\n"
                        try make(
                            site,
                            """
                            for f in $(ls | sort -t. -k2,2nr); do mv $f syslog.$((${f#*.} + 1)); done
                            printf '\(text)' >syslog.1
                            """)
                        written.append(text)
                    }
                }
                try rotate(2)
                let start = Date()
                try site.good("generator", "once", "--now")
                var duration = Date().timeIntervalSince(start)
                var kills = 0
                for round in 1...rounds {
                    try rotate(Int.random(in: 1...3, using: &random))
                    let process = try site.start(["generator", "once", "--now"])
                    usleep(UInt32.random(in: 0..<UInt32(duration * 1.5e6), using: &random))
                    process.signal(SIGKILL)
                    let result = process.wait()
                    try #require([0, 128 + 9].contains(result.status), "\(result.testDescription) \(random.comment)")
                    if result.status != 0 { kills += 1 }
                    // A program that was just being started may end a moment later.
                    if !process.leftOver().isEmpty {
                        try #require(process.leftOver() == [], "round \(round); \(random.comment)")
                    }
                    if round % 8 == 0 {
                        let start = Date()
                        try site.good("generator", "once", "--now")
                        duration = Date().timeIntervalSince(start)
                    }
                }
                #expect(kills > rounds / 5, "most runs ended before they were killed")
                try site.good("generator", "once", "--now")
                #expect(site.directory.names("logs") == [])
                #expect(
                    Set(site.directory.names("state/generators/Logs")).isSubset(of: [
                        "state.current", "state.old", "files.current",
                    ]))
                try site.good("storage", "verify")
                let elements = try site.elements()
                #expect(elements.count == written.count, random.comment)
                let infos = try site.good("storage", "list", "--json").jsonLines().compactMap {
                    $0["info"] as? [String: Any]
                }
                #expect(infos.count { $0["Predecessor"] == nil } == 1, "one chain; \(random.comment)")
                if !isEncrypted {
                    // In the order of the chain.
                    var byPredecessor: [String: String] = [:]
                    for (id, info) in zip(elements, infos) {
                        byPredecessor[info["Predecessor"] as? String ?? ""] =
                            id + "\n" + (info["DataUuid"] as? String ?? "")
                    }
                    var contents: [String] = []
                    var uuid = ""
                    while let next = byPredecessor[uuid] {
                        let parts = next.components(separatedBy: "\n")
                        contents.append(try site.good("restore", "cat", parts[0]).output)
                        uuid = parts[1]
                    }
                    #expect(contents == written, random.comment)
                }
            }
        }
    }
}
