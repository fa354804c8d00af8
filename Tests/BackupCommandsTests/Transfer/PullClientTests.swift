import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `doc/examples/pull.py`, the client that was written from the protocol document alone, against the program.
    @Suite struct PullClientTests {
        private static let client = ShippedText.repository + "/doc/examples/pull.py"

        /// Both versions, with the option of the client.
        private static let versions = [["--v1"], []]

        private func pull(_ words: [String]) throws -> GBResult {
            try GBProcess(["python3", Self.client] + words).wait()
        }

        /// `.data` and `.info` files below `directory`, as ``Machine/inventory(below:)`` has them.
        private func fetched(_ path: String) throws -> [String: String] {
            try contentsOfTree(path, aspects: []).filter { $0.key.hasSuffix(".data") || $0.key.hasSuffix(".info") }
        }

        /// What is fetched in a version: in the first no element without bytes.
        private func expected(_ machine: Machine, _ version: [String]) throws -> [String: String] {
            var result = try machine.inventory()
            guard !version.isEmpty else { return result }
            let found = try runTool("find", machine.storage, "-name", "*.data", "-empty", "-printf", "%P\\n")
            #expect(found.lines.count == 1)
            for name in found.lines {
                let id = name.dropLast(".data".count)
                result = result.filter { !$0.key.hasSuffix(id + ".data") && !$0.key.hasSuffix(id + ".info") }
            }
            return result
        }

        @Test(arguments: versions) func itFetchesFromAServiceAndMovesWhatIsThere(version: [String]) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let before = try expected(a, version)
                try withServices(a) {
                    let pull = try pull(version + ["--socket", a.socket("b"), directory.path("copy")])
                    #expect(pull.status == 0, "\(pull.testDescription)")
                    #expect(pull.errors == "\(before.count / 2) elements are here, 0 are not\n")
                    try a.good("transfer", "status")
                }
                #expect(try fetched(directory.path("copy")) == before)
                #expect(directory.names("copy") == ["a"], "nothing else lies around")
                #expect(try a.elementCount() == 14 - before.count / 2, "moved")
                // What is left in version 1 has lost what it is based on.
                if version.isEmpty { try a.expectSound() }
            }
        }

        /// Nothing is fetched twice, and nothing that is there is lost.
        @Test(arguments: versions) func itKnowsWhatItHas(version: [String]) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory, policy: "policy: keep")
                let before = try expected(a, version)
                try withServices(a) {
                    for _ in 0..<2 {
                        let pull = try pull(version + ["--socket", a.socket("b"), directory.path("copy")])
                        #expect(pull.status == 0, "\(pull.testDescription)")
                        #expect(try fetched(directory.path("copy")) == before)
                    }
                    try a.store("/a/later", [1000, 2000])
                    #expect(try pull(version + ["--socket", a.socket("b"), directory.path("copy")]).status == 0)
                }
                #expect(try fetched(directory.path("copy")) == expected(a, version))
            }
        }

        /// Where nothing is offered, it is told so, and ends well.
        @Test(arguments: versions) func itIsGivenNothingWithoutASenderPolicy(version: [String]) throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), receiver: { policy: store } }]")
                try a.store("/a/root", [10])
                try withServices(a) {
                    let pull = try pull(version + ["--socket", a.socket("b"), directory.path("copy")])
                    #expect(pull.status == 0, "\(pull.testDescription)")
                }
                #expect(try fetched(directory.path("copy")) == [:])
                #expect(try a.elementCount() == 1)
            }
        }

        /// As its own help says: over the standard input and output of another program.
        @Test(arguments: versions) func itFetchesOverACommand(version: [String]) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let before = try expected(a, version)
                let words = version + ["--stdio", directory.path("copy")]
                try runTool(
                    "socat", "EXEC:" + a.door("b").joined(separator: " "),
                    "EXEC:" + (["python3", Self.client] + words).joined(separator: " "))
                #expect(try fetched(directory.path("copy")) == before)
                #expect(try a.elementCount() == 14 - before.count / 2)
            }
        }

        /// A connection that is cut within an element: what has come is not confirmed; in version 2 it goes on from there.
        @Test(arguments: versions) func aCutConnectionLosesNothing(version: [String]) throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure(
                    "listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: move } }]")
                try a.store("/a/root", [8_000_000, 10])
                let before = try a.inventory()
                try directory.makeFIFO("back")
                // What the client says goes back through the FIFO; what the program says is cut, or counted.
                func pull(through filter: String) throws -> GBResult {
                    let client = (["python3", Self.client] + version).joined(separator: " ")
                    let script = """
                        cd '\(directory.path)'
                        \(a.door("b").joined(separator: " ")) <back | \(filter) | \(client) --stdio copy >back
                        """
                    return try GBProcess(["sh", "-c", script]).wait()
                }
                let cut = try pull(through: "dd bs=64k iflag=count_bytes count=5000000 2>cut")
                #expect(cut.status == 2, "\(cut.testDescription)")
                #expect(cut.errors.contains("Broken"), "\(cut.testDescription)")
                #expect(try fetched(directory.path("copy")) == [:])
                #expect(!directory.names("copy/incoming+").isEmpty)
                #expect(try a.inventory() == before, "nothing was confirmed")

                let whole = try pull(through: "tee came")
                #expect(whole.status == 0, "\(whole.testDescription)")
                #expect(try fetched(directory.path("copy")) == before)
                #expect(!directory.exists("copy/incoming+"))
                #expect(try a.elementCount() == 0)
                let came = try directory.read("came").count
                if version.isEmpty {
                    #expect((3_000_000..<4_500_000).contains(came), "the rest was fetched: \(came) bytes")
                } else {
                    #expect(came > 8_000_000, "version 1 begins anew: \(came) bytes")
                }
            }
        }

        /// A damaged element is not taken for good and not confirmed; the others are fetched.
        @Test(arguments: versions) func aDamagedElementIsRefusedAlone(version: [String]) throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: keep } }]")
                try a.store("/a/bad", [5000])
                try a.store("/a/good", [6000])
                let good = try a.inventory().filter { $0.key.contains("-good-") }
                let name = try #require(try Site.files(below: a.storage).first { $0.hasSuffix("-bad-full.data") })
                try runTool("dd", "if=/dev/zero", "of=\(a.storage)/\(name)", "bs=10", "count=1", "conv=notrunc")
                try withServices(a) {
                    let pull = try pull(version + ["--socket", a.socket("b"), directory.path("copy")])
                    #expect(pull.status == 1, "\(pull.testDescription)")
                    #expect(pull.errors.hasSuffix("1 elements are here, 1 are not\n"), "\(pull.testDescription)")
                }
                #expect(try fetched(directory.path("copy")) == good)
            }
        }
    }
}
