import BackupModel
import BackupStorage
import BackupTestKit
import Testing

extension CommandTests {
    /// `--at` with the ID of an element: what tells apart elements of the same second.
    @Suite struct RestorePointTests {
        /// Three dumps of the same second, which hold `1`, `2` and `3`, with their IDs.
        private func withSameSecond(_ body: (Site, _ ids: [String]) throws -> Void) throws {
            try withSite { site in
                let storage = try DefaultFileStorage(path: site.storage, durability: .none)
                let dump = StageRecord(stage: "command", restore: nil)
                var elements: [StoredElement] = []
                for data in ["1", "2", "3"] {
                    elements.append(
                        try storage.store(
                            SourceURL("/host/dump"), data: Array(data.utf8), after: elements.last, pipeline: [dump]))
                }
                try body(site, elements.map(\.id.description))
            }
        }

        @Test func eachElementOfTheSameSecondComesBack() throws {
            try withSameSecond { site, ids in
                try #require(
                    ids == ["", "0", "1"].map { "/host/20261121001418\($0)-dump-full" },
                    "the names that the storage gives")
                for (number, id) in ids.enumerated() {
                    let plan = try site.good("restore", "plan", "/host/dump", "--at", id, "--json").jsonLines()
                    #expect(plan.compactMap { $0["id"] as? String } == [id])
                    let verified = try site.good("restore", "verify", "/host/dump", "--at", id, "--json")
                    #expect(try verified.jsonLines().first?["elements"] as? [String] == [id])
                    let out = "out\(number)"
                    try site.good("restore", "extract", "/host/dump", "--at", id, "--to", site.directory.path(out))
                    #expect(try site.directory.read("\(out)/dump") == Array("\(number + 1)".utf8))
                }
            }
        }

        @Test func anElementThatCannotBeThePointIsNamed() throws {
            try withSameSecond { site, ids in
                let absent = "/host/202611210014189-dump-full"
                let other = "/host/20261121001418-home-full"
                let target = site.directory.path("out")
                for words in [["plan"], ["verify"], ["extract", "--to", target]] {
                    func refused(_ point: String) throws -> GBResult {
                        try site.start(["restore"] + words + ["/host/dump", "--at", point]).wait()
                    }
                    expectRefusal(try refused(absent), 66, absent, "gb restore list /host/dump")
                    expectRefusal(try refused(other), 66, other, "/host/home", "/host/dump")
                    expectRefusal(try refused("/host/dump"), 64, "\"/host/dump\"", "element ID")
                }
                #expect(!site.directory.exists("out"))
                site.directory.remove("storage\(ids[1]).data")
                expectRefusal(try site.gb("restore", "plan", "/host/dump", "--at", ids[1]), 4, ids[1], ".data")
            }
        }

        /// Two generators have written the source: it is said which element is taken, and how to take the other.
        @Test func chainsThatOverlapAreSaid() throws {
            try withSite { site in
                let storage = try DefaultFileStorage(path: site.storage, durability: .none)
                let (dump, begin) = (StageRecord(stage: "command", restore: nil), Int64(1_795_220_000))
                func store(_ data: String, _ seconds: Int64, after: StoredElement? = nil) throws -> StoredElement {
                    try storage.store(
                        SourceURL("/host/dump"), at: Timestamp(begin + seconds), data: Array(data.utf8), after: after,
                        pipeline: [dump])
                }
                let newest = try store("a2", 30, after: store("a1", 10)).id.description
                let other = try store("b1", 20).id.description
                let plan = try site.good("restore", "plan", "/host/dump")
                #expect(plan.output.contains(newest), "\(plan.testDescription)")
                // It stands between the two others, and so is no chain that has ended.
                #expect(plan.output.contains("Another chain of the same time ends with \(other)"))
                #expect(plan.errors.contains("chains of /host/dump overlap in time"))
                #expect(plan.errors.contains("--at \(other)"), "\(plan.testDescription)")
                let lines = try site.good("restore", "plan", "/host/dump", "--json").jsonLines()
                #expect(lines.compactMap { $0["id"] as? String } == [newest])
                #expect(lines.compactMap { $0["other_chains"] as? [String] } == [[other]])
                let shell = try site.good("restore", "plan", "/host/dump", "--shell")
                #expect(shell.lines.first?.hasPrefix("# Another chain") == true, "\(shell.testDescription)")
                for words in [["verify"], ["extract", "--to", site.directory.path("out")]] {
                    let result = try site.start(["restore"] + words + ["/host/dump", "--json"]).wait()
                    #expect(result.status == 0 && result.errors.contains("overlap in time"))
                    #expect(try result.jsonLines().first?["other_chains"] as? [String] == [other])
                }
                #expect(try site.directory.read("out/dump") == Array("a2".utf8))
                let cat = try site.good("restore", "cat", "/host/dump", "--at", other)
                #expect(cat.output == "b1" && !cat.errors.contains("overlap"), "\(cat.testDescription)")
            }
        }

        @Test func aTimeThatIsNoneNamesWhatIsAccepted() throws {
            try withSameSecond { site, _ in
                expectRefusal(
                    try site.gb("restore", "plan", "/host/dump", "--at", "5m"), 64, "\"5m\" is not a time",
                    "s min h d w", "element")
            }
        }

        @Test func theHelpSaysIt() throws {
            for command in ["plan", "extract", "verify"] {
                let help = try GBProcess.start(["restore", command, "--help"]).wait()
                #expect(help.output.split { $0 == "\n" || $0 == " " }.joined(separator: " ").contains("element ID"))
            }
        }
    }
}
