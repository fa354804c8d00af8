import BackupModel
import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Units of one's own: the examples that are shipped, and programs whose generator is killed.
    @Suite(.serialized) struct OwnUnitTests {
        private static let examples = ShippedText.repository + "/units/examples/"

        private func enable(_ site: Site, _ name: String, _ example: String, _ configuration: String) throws {
            try site.directory.link("conf/units/" + name, to: Self.examples + example)
            try site.directory.write("conf/units/\(name).config", configuration)
        }

        @Test func theExampleInShell() throws {
            try withSite { site in
                try site.directory.write("db/sales.db", "one\ntwo\n")
                try site.directory.write("db/stock.db", "three\n")
                try site.directory.write("db/no name.db", "x")
                let configuration = "prefix: /host1/db\nenvironment: { DATABASES: '\(site.directory.path("db"))' }\n"
                try enable(site, "Databases", "dump-databases", configuration)
                let check = try site.good("config", "check")
                #expect(check.output.contains("good: unit Databases: 2 sources: /host1/db/sales, /host1/db/stock"))
                let list = try site.good("generator", "list", "--json").jsonLines()
                #expect(list.compactMap { $0["source"] as? String } == ["/host1/db/sales", "/host1/db/stock"])
                let once = try site.good("generator", "once")
                #expect(once.errors.contains("no name.db is passed over"))
                #expect(try site.elements().count == 2)
                try site.directory.write("db/sales.db", "more\n")
                try site.backUp()
                try site.good("restore", "extract", "/host1/db/sales", "--to", site.directory.path("out"))
                #expect(try site.directory.read("out/sales") == Array("more\n".utf8))
                let status = try site.good("generator", "status")
                #expect(status.output.contains("/host1/db/stock"))
                // What is not there now is no failure; the other way it is one.
                site.directory.remove("db")
                #expect(try site.gb("generator", "list").status == 0)
                try site.directory.write("conf/units/Databases.config", "environment: { DATABASES: /tmp }\n")
                expectRefusal(try site.gb("config", "check"), 78)
                #expect(try site.gb("config", "check").output.contains("write prefix: /HOST/databases"))
            }
        }

        @Test func theExampleInPython() throws {
            try withSite(compression: "none") { site in
                let (sales, configuration) = (
                    site.directory.path("sales"),
                    "prefix: /host1/ledger\nsettings: { files: { sales: '\(site.directory.path("sales"))' } }\n"
                )
                try enable(site, "Ledger", "new-lines", configuration)
                // A file that is not there yet is tried again later.
                let early = try site.gb("generator", "once")
                #expect(early.status == 1 && early.errors.contains("not possible now"))
                var text = ""
                var ids: [String] = []
                for line in ["one\n", "two\nhal", "f\n"] {
                    text += line
                    try site.directory.write("sales", text)
                    ids += try site.backUp()
                }
                #expect(ids.map { $0.hasSuffix("-inc") } == [false, true, true])
                #expect(try site.good("restore", "cat", ids[1]).output == "two\nhal")
                try site.good("restore", "extract", "/host1/ledger/sales", "--to", site.directory.path("out"))
                #expect(try site.directory.read("out/sales") == Array(text.utf8))
                try site.good(
                    "restore", "extract", "/host1/ledger/sales", "--at", ids[1], "--to", site.directory.path("earlier"))
                #expect(try site.directory.read("earlier/sales") == Array("one\ntwo\nhal".utf8))
                let lines = try site.good("restore", "plan", "/host1/ledger/sales", "--shell").output
                try site.directory.makeDirectory("TARGET")
                try runTool("bash", "-ec", lines, directory: site.directory.path)
                #expect(try site.directory.read("TARGET/sales") == Array(text.utf8))
                try site.good("restore", "verify", "/host1/ledger/sales")
                #expect(try site.good("restore", "cat", "/host1/ledger/sales").output == text)

                // Another file in its place: the program finds out, and makes a full.
                #expect(unlink(sales) == 0)
                try site.directory.write("sales", "new\n")
                ids = try site.backUp()
                #expect(ids.first?.hasSuffix("-full") == true)
                try site.good("restore", "extract", "/host1/ledger/sales", "--to", site.directory.path("new"))
                #expect(try site.directory.read("new/sales") == Array("new\n".utf8))
            }
        }

        @Test func incrementsThatOnlyTheProgramUnderstandsAreGivenOneByOne() throws {
            try withSite { site in
                try own(site, format: "bytes", run: "echo $GB_TYPE")
                let first = try site.backUp()
                let second = try site.backUp()
                let result = try site.gb("restore", "extract", "/host/own", "--to", site.directory.path("out"))
                expectRefusal(result, 64, "an increment of a program's own making", "gb restore cat")
                for words in [["cat", "/host/own"], ["plan", "/host/own", "--shell"]] {
                    let other = try site.start(["restore"] + words).wait()
                    expectRefusal(other, 64, "an increment of a program's own making")
                    #expect(other.output == "")
                }
                #expect(try site.good("restore", "cat", first[0]).output == "full\n")
                #expect(try site.good("restore", "cat", second[0]).output == "inc\n")
            }
        }

        /// What a person must know to use the data, where a person looks who wants to use it; it comes from afar.
        @Test func theHintIsShown() throws {
            try withSite { site in
                let text = "psql orders < FILE\\u001b[31m\\n" + String(repeating: "x", count: 300)
                try own(
                    site, format: "append",
                    run: #"printf '%s\n' '{"kind": "restore", "text": "\#(text)"}' >&3; echo data"#)
                let ids = try site.backUp() + site.backUp()
                let shown = #"psql orders < FILE\u{1b}[31m\n"# + String(repeating: "x", count: 300)
                let line = "Hint of the program that made it: " + shown
                let element = try site.good("storage", "show", ids[0])
                #expect(element.lines.contains("hint         " + shown), "\(element.testDescription)")
                for words in [["plan"], ["extract", "--to", site.directory.path("out")]] {
                    let result = try site.start(["restore"] + words + ["/host/own"]).wait()
                    #expect(result.lines.filter { $0 == line }.count == 1, "\(result.testDescription)")
                }
                let shell = try site.good("restore", "plan", "/host/own", "--shell")
                #expect(shell.lines.filter { $0 == "# " + line }.count == 1, "\(shell.testDescription)")
                let json = try site.good(
                    "restore", "extract", "/host/own", "--json", "--to", site.directory.path("again"))
                #expect(try json.jsonLines().first?["hints"] as? [String] == [shown])
            }
        }

        /// Whoever asks a second time does not wait for what a program has to clean up.
        @Test(.timeLimit(.minutes(1))) func aSecondSignalEndsAHintAtOnce() throws {
            try withSite { site in
                let begun = site.directory.path("begun")
                let done = "trap 'touch \"$ASKED\"' TERM; touch '\(begun)'; while :; do sleep 0.1; done"
                try own(
                    site, format: "bytes", run: "echo data", done: done,
                    keys: "call_timeout: 10min\nenvironment: { ASKED: '\(site.directory.path("asked"))' }\n")
                let process = try site.start(["generator", "once"])
                try #require(waitUntil(20) { site.directory.exists("begun") })
                // Two signals of one kind could become one before anybody looks.
                process.signal(SIGINT)
                process.signal(SIGTERM)
                let result = process.wait(limit: 30)
                #expect([128 + 2, 128 + 15].contains(result.status), "\(result.testDescription)")
                #expect(!site.directory.exists("asked"), "it was given time: \(result.testDescription)")
                #expect(process.leftOver() == [])
                #expect(try site.elements().count == 1, "what is stored stays stored")
            }
        }

        @Test func archivesOfAProgramAreUnpackedOneOnTheOther() throws {
            try withSite { site in
                try own(
                    site, format: "tar",
                    run: "cd \"$TREE\" && if [ $GB_TYPE = full ]; then tar -c .; else tar -c new; fi",
                    keys: "environment: { TREE: '\(site.tree)' }\n")
                try site.directory.write("tree/old", "1")
                try site.backUp()
                try site.directory.write("tree/new", "2")
                try site.backUp()
                try site.good("restore", "extract", "/host/own", "--to", site.directory.path("out"))
                #expect(try site.restoredEquals("out", aspects: []) == [])
            }
        }

        @Test func programsOfTheLibraryCompressAndRestore() throws {
            try withSite(compression: "{ command: [pack], restore: [unpack, -x] }") { site in
                try site.addCommand(script: "echo abc")
                for (name, script) in [("pack", "exec tr a-y b-z"), ("unpack", "test \"$1\" = -x && exec tr b-z a-y")] {
                    let path = try site.directory.write("programs/" + name, "#!/bin/sh\n\(script)\n")
                    try #require(chmod(path, 0o755) == 0)
                    try site.directory.makeDirectory("conf/lib-enabled")
                    try site.directory.link("conf/lib-enabled/" + name, to: path)
                }
                let id = try #require(try site.backUp().first)
                #expect(try site.directory.read("storage\(id).data") == Array("bcd\n".utf8))
                #expect(try site.good("restore", "cat", id).output == "abc\n")
                let line = try site.good("restore", "plan", "/host/dump", "--shell").output
                try site.directory.makeDirectory("TARGET")
                try runTool("bash", "-ec", line, directory: site.directory.path)
                #expect(try site.directory.read("TARGET/dump") == Array("abc\n".utf8))
                // Without its link it is not to be found, and nothing else is run in its place.
                #expect(unlink(site.directory.path("conf/lib-enabled/unpack")) == 0)
                try site.directory.link("conf/lib-enabled/unpack", to: "gone")
                expectRefusal(try site.gb("restore", "cat", id), 78, "lib-enabled/unpack", "leads nowhere")
                #expect(try site.gb("config", "check").status == 78)
            }
        }

        @Test func aRestoreThatBreaksOffLeavesNoHalfFile() throws {
            try withSite(compression: "none") { site in
                try own(site, format: "append", run: Self.counting)
                try site.backUp()
                let second = try #require(try site.backUp().first)
                try site.directory.write("storage\(second).data", "6\n7\n8\n9\n11\n")
                let result = try site.gb("restore", "extract", "/host/own", "--to", site.directory.path("out"))
                expectRefusal(result, 4, second)
                #expect(!site.directory.exists("out"))
            }
        }

        // MARK: - Kills

        /// Enables a program that wants an increment each time.
        private func own(_ site: Site, format: String, run: String, done: String = ":", keys: String = "") throws {
            let path = try site.directory.write(
                "own",
                """
                #!/bin/sh
                case $1 in
                describe) echo '{"protocol": 1, "name": "test"}' ;;
                plan) echo '{"sources": [{"source": "/host/own", "type": "inc", "due": 0, "format": "\(format)"}]}' ;;
                run) \(run) ;;
                done) \(done) ;;
                esac

                """)
            try #require(chmod(path, 0o755) == 0)
            if !site.directory.exists("conf/units/Own") { try site.directory.link("conf/units/Own", to: path) }
            try site.directory.write("conf/units/Own.config", "min_interval: 1s\n" + keys)
        }

        /// Writes the next five numbers, and says how far it came.
        private static let counting = """
            n=${GB_STATE:-0}
            for i in 1 2 3 4 5; do n=$((n + 1)); echo $n; sleep 0.01; done
            echo '{"kind": "state", "state": '$n'}' >&3
            """

        /// All numbers are there, each once: no element was lost, none is there twice, no state ran ahead or behind.
        private func expectEveryNumberOnce(_ site: Site, _ comment: Comment) throws {
            site.directory.remove("out")
            try site.good("restore", "extract", "/host/own", "--to", site.directory.path("out"))
            let elements = try site.elements().count
            let numbers = String(decoding: try site.directory.read("out/own"), as: UTF8.self)
                .split(separator: "\n").map { Int($0) }
            #expect(numbers == (1...(5 * elements)).map { $0 }, comment)
            #expect(try site.gb("storage", "verify").status == 0, comment)
        }

        @Test(.timeLimit(.minutes(5))) func aGeneratorThatIsKilledLosesAndRepeatsNothing() throws {
            var random = SeededGenerator()
            try withSite(durability: "element") { site in
                try own(site, format: "append", run: Self.counting)
                let start = DispatchTime.now()
                try site.backUp()
                let duration = DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds
                var kills = 0
                for round in 1...40 {
                    let process = try site.start(["generator", "once", "--now"])
                    usleep(UInt32.random(in: 0..<UInt32(duration / 1000), using: &random))
                    process.signal(SIGKILL)
                    if process.wait().status != 0 { kills += 1 }
                    // The program notices that nobody reads it any more, or ends by itself.
                    try #require(waitUntil(20) { process.leftOver() == [] }, "round \(round); \(random.comment)")
                }
                #expect(kills > 10, "most runs ended before they were killed")
                try site.backUp()
                try expectEveryNumberOnce(site, random.comment)
                let infos = try site.good("storage", "list", "--json").jsonLines().compactMap {
                    $0["info"] as? [String: Any]
                }
                #expect(infos.count { $0["BackupType"] as? String == "full" } == 1, random.comment)
            }
        }

        @Test func aKillInTheMiddleOfARun() throws {
            try withSite { site in
                try own(site, format: "append", run: Self.counting)
                try site.backUp()
                try own(site, format: "append", run: Self.counting + "; kill -9 $PPID")
                #expect(try site.gb("generator", "once", "--now").status == 128 + 9)
                #expect(try site.elements().count == 1)
                try own(site, format: "append", run: Self.counting)
                try site.backUp()
                try expectEveryNumberOnce(site, "after a run that was killed")
            }
        }

        @Test func aKillBeforeDoneIsHeard() throws {
            try withSite { site in
                try own(site, format: "append", run: Self.counting, done: "kill -9 $PPID")
                #expect(try site.gb("generator", "once", "--now").status == 128 + 9)
                #expect(try site.elements().count == 1)
                try own(site, format: "append", run: Self.counting)
                try site.backUp()
                #expect(try site.elements().count == 2)
                try expectEveryNumberOnce(site, "after a hint that was not heard")
            }
        }

        /// The service asks programs beside its other work: one that hangs holds up nobody.
        @Test(.timeLimit(.minutes(2))) func theServiceRunsProgramsAndIsNotHeldUpByOneThatHangs() throws {
            try withSite { site in
                try own(site, format: "bytes", run: "echo data", keys: "generator: { run_conditions: none }\n")
                let hanging = try site.directory.write("hanging", "#!/bin/sh\nexec sleep 1000\n")
                try #require(chmod(hanging, 0o755) == 0)
                try site.directory.link("conf/units/Hanging", to: hanging)
                try site.directory.write("conf/units/Hanging.config", "call_timeout: 10min\n")
                let service = try site.start(["generator", "run"])
                #expect(waitUntil(60) { (try? site.storedFiles().contains { $0.hasSuffix(".info") }) == true })
                service.signal(SIGINT)
                #expect(service.wait().status == 128 + 2)
                #expect(service.leftOver() == [])
            }
        }
    }
}
