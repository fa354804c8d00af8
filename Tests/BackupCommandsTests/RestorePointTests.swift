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
