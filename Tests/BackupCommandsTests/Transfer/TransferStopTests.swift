import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Transfers that are stopped, broken, or watched by nobody; and several at once.
    @Suite struct TransferStopTests {
        /// A machine with an element of 12 MB that `slow` gets at 3 MB a second, and `b` as fast as it goes.
        private func slowSource(_ directory: TemporaryDirectory) throws -> Machine {
            let a = try Machine("a", in: directory)
            try a.configure(
                """
                listeners:
                  - { agent: slow, path: \(a.socket("slow")), sender: { policy: move }, bandwidth: [{ rate: 3M }] }
                  - { agent: b, path: \(a.socket("b")), sender: { policy: move } }
                """)
            try a.store("/a/root", [12_000_000, 300])
            return a
        }

        /// Whether some MB of an element have arrived.
        private func isUnderWay(_ machine: Machine) -> Bool {
            waitUntil(30, interval: 0.02) {
                machine.partials().filter { $0.hasSuffix(".partial") }.contains { name in
                    let path = machine.path("data.partial/" + name)
                    let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
                    return (size ?? 0) > 1_000_000
                }
            }
        }

        private func expectResumes(_ a: Machine, _ b: Machine, _ before: [String: String]) throws {
            let counts = try b.counts("pull", "--socket", a.socket("b"))
            #expect(counts["resumed"] == 1)
            #expect((counts["bytes_in"] ?? 0) < 11_500_000, "it goes on where it stopped")
            #expect(try b.inventory() == before)
            #expect(try a.elementCount() == 0)
            #expect(b.partials() == [])
            try b.expectSound()
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aPullThatIsStoppedGoesOnTheNextTime(signal: CInt) throws {
            try withMachines { directory in
                let a = try slowSource(directory)
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                try withServices(a) {
                    let pull = try b.start(["transfer", "pull", "--socket", a.socket("slow")])
                    try #require(isUnderWay(b))
                    pull.signal(signal)
                    let result = pull.wait(limit: 15)
                    expectRefusal(
                        result, 128 + Int(signal), "stopped by signal \(signal)", "the next one goes on where this one")
                    #expect(result.output.hasPrefix("0 elements fetched"), "\(result.testDescription)")
                    try expectResumes(a, b, before)
                }
            }
        }

        @Test func aCommandEndsWithThePull() throws {
            try withMachines { directory in
                let a = try slowSource(directory)
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                let pull = try b.start(
                    ["transfer", "pull", "--json", "--command", a.door("slow").joined(separator: " ")])
                try #require(isUnderWay(b))
                pull.signal(SIGTERM)
                let result = pull.wait(limit: 20)
                #expect(result.status == 128 + 15, "\(result.testDescription)")
                #expect(try result.jsonError().code == "interrupted")
                #expect(try result.counts()["stored"] == 0)
                #expect(pull.leftOver(limit: 20) == [])
                try withServices(a) { try expectResumes(a, b, before) }
            }
        }

        @Test(arguments: [SIGTERM, SIGKILL]) func aServiceThatEndsBreaksNothing(signal: CInt) throws {
            try withMachines { directory in
                let a = try slowSource(directory)
                let b = try Machine(
                    "b", in: directory,
                    transfer: "peers: [{ agent: a, socket: \(a.socket("slow")), receiver: { policy: store } }]")
                let before = try a.inventory()
                let service = try ServiceRun(a)
                let pull = try b.start(["transfer", "pull", "a"])
                try #require(isUnderWay(b))
                service.stop(signal)
                expectRefusal(pull.wait(limit: 15), 75, "the connection to a was lost")
                let status = try b.gb("transfer", "status")
                #expect(status.status == 1)
                #expect(status.lines.contains { $0.hasPrefix("a: the connection to a was lost") }, "\(status.output)")
                try withServices(a) { try expectResumes(a, b, before) }
            }
        }

        // MARK: - Readers that leave

        @Test func nobodyNeedsToReadTheReport() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory, policy: "policy: keep")
                let before = try a.inventory()
                let door = a.door("b").joined(separator: " ")
                for (name, redirection, flags, status) in [
                    ("b", ">&-", "", 0), ("c", "> /dev/full", "", 0), ("d", "> /dev/full", "--json", 1),
                    ("e", "> /dev/full", "--json", 1),
                ] {
                    let machine = try Machine(name, in: directory)
                    let script = "exec \"$@\" \(flags) \(redirection)"
                    let words = ["sh", "-c", script, "sh", GBProcess.gb, "transfer", "pull", "--command", door]
                    let result = try GBProcess(words + ["--config-dir", machine.configuration]).wait()
                    expectRefusal(result, status, "only the report could not be written", "standard output")
                    #expect(try machine.inventory() == before)
                }
            }
        }

        // MARK: - Several at once

        @Test func aSecondPullFromTheSameAgentIsRefused() throws {
            try withMachines { directory in
                let a = try slowSource(directory)
                let b = try Machine("b", in: directory)
                try withServices(a) {
                    let first = try b.start(["transfer", "pull", "--socket", a.socket("slow"), "--as", "a"])
                    try #require(isUnderWay(b))
                    expectRefusal(
                        try b.gb("transfer", "pull", "--socket", a.socket("b"), "--as", "a"), 75,
                        "elements are being fetched from a already", "process \(first.number)")
                    #expect(first.wait().status == 0)
                }
                #expect(try b.elementCount() == 2)
                #expect(try a.elementCount() == 0)
            }
        }

        /// One machine under several names, or several machines that hold the same: whoever comes second must not store it
        /// again.
        @Test func severalPullsAtOnceStoreNothingTwice() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: keep } }]")
                for index in 0..<80 { try a.store("/a/s\(index)", [index * 100 + 1]) }
                try a.store("/a/big", [2_000_000, 2_000_000])
                let before = try a.inventory()
                let b = try Machine("b", in: directory)
                try withServices(a) {
                    let pulls = try (0..<4).map { number in
                        try b.start(["transfer", "pull", "--socket", a.socket("b"), "--as", "a\(number)", "--json"])
                    }
                    var stored = 0
                    for pull in pulls {
                        let result = pull.wait()
                        // 3: what another one is just fetching was left to it.
                        #expect([0, 3].contains(result.status), "\(result.testDescription)")
                        stored += try result.counts()["stored"] ?? 0
                    }
                    #expect(stored == 82)
                    #expect(try b.inventory() == before)
                    // What was remembered of the agent was written by four processes and a service at once.
                    try b.good("transfer", "status")
                    try a.good("transfer", "status")
                }
                try b.expectSound()
                #expect(b.partials() == [])
            }
        }

        @Test func pullsAtOnceShareWhatIsMoved() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), sender: { policy: move } }]")
                for index in 0..<60 { try a.store("/a/s\(index)", [index * 1000 + 1]) }
                let before = try a.inventory()
                let b = try Machine("b", in: directory)
                let service = try ServiceRun(a)
                let pulls = try (0..<3).map { number in
                    try b.start(["transfer", "pull", "--socket", a.socket("b"), "--as", "a\(number)"])
                }
                for pull in pulls {
                    let result = pull.wait()
                    // What the others have fetched meanwhile is no failure.
                    #expect(result.status == 0, "\(result.testDescription)")
                }
                #expect(try b.inventory() == before)
                #expect(try a.elementCount() == 0)
                let log = service.stop().errors
                #expect(!log.contains("cannot be offered"), "\(log)")
                #expect(!log.contains("state.json"), "\(log)")
            }
        }

        /// Both hold it, and both give away what the other confirms: on the word of each other both would delete it.
        @Test(arguments: ["policy: move", "policy: copies, copies: 1, release: true"])
        func twoWhoGiveAwayTheSameElementsKeepThem(policy: String) throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                let b = try Machine("b", in: directory)
                let policies = "sender: { \(policy) }, receiver: { policy: store }"
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), \(policies) }]")
                try b.configure("listeners: [{ agent: a, path: \(b.socket("a")), \(policies) }]")
                for index in 0..<20 { try a.store("/a/s\(index)", [index * 20_000 + 1]) }
                let before = try a.inventory()
                try runTool("cp", "-a", a.storage + "/.", b.storage)
                try withServices(a, b) {
                    for _ in 0..<2 {
                        try runTool("socat", "UNIX-CONNECT:\(a.socket("b"))", "UNIX-CONNECT:\(b.socket("a"))")
                        #expect(try a.inventory().merging(try b.inventory()) { one, _ in one } == before)
                    }
                }
            }
        }
    }
}
