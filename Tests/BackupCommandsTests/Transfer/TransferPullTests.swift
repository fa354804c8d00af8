import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// The ways in which elements get from machine to machine.
    @Suite struct TransferPullTests {
        /// A machine with 14 elements of 1 byte to 3 MB, which lets `b` in to fetch them by `policy`.
        static func source(
            _ directory: TemporaryDirectory, _ name: String = "a", policy: String = "policy: move", more: String = ""
        ) throws -> Machine {
            let machine = try Machine(name, in: directory)
            try machine.configure(
                """
                listeners:
                  - { agent: b, path: \(machine.socket("b")), sender: { \(policy) } }
                \(more)
                """)
            try machine.store("/\(name)/root", [3_000_000, 1, 0, 4096, 100_000])
            try machine.store("/\(name)/var/mail", [200_000, 131_072, 131_073])
            for index in 0..<6 { try machine.store("/\(name)/small\(index)", [index * 100 + 1]) }
            return machine
        }

        @Test func overACommand() throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                let pull = try b.good(
                    "transfer", "pull", "--command", a.door("b").joined(separator: " "), "--prefix", "/from/a")
                #expect(pull.output.hasPrefix("14 elements fetched (3.57 MB); 3.57 MB moved in "), "\(pull.output)")
                #expect(pull.errors == "")
                #expect(try b.inventory(below: "/from/a") == before)
                #expect(try a.elementCount() == 0, "moved")
                try a.expectSound()
                try b.expectSound()
                #expect(b.partials() == [])
            }
        }

        /// Quotes keep blanks, as in a shell.
        @Test func overACommandWithQuotes() throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                try b.good(
                    "transfer", "pull", "--command",
                    "sh -c 'exec \"$@\"' 'a shell' \(a.door("b").joined(separator: " "))")
                #expect(try b.inventory() == before)
            }
        }

        @Test func overASocketAndAgain() throws {
            try withMachines { directory in
                let a = try Self.source(directory, policy: "policy: keep")
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                try withServices(a) {
                    try b.good("transfer", "pull", "--socket", a.socket("b"))
                    #expect(try b.inventory() == before)
                    let again = try b.good("transfer", "pull", "--socket", a.socket("b"))
                    #expect(again.output.hasPrefix("0 elements fetched (0 B), 14 here already; "), "\(again.output)")
                }
                #expect(try b.inventory() == before, "nothing is stored twice")
                #expect(try a.inventory() == before, "kept")
            }
        }

        /// A relative path is that of the person who types.
        @Test func overASocketNearby() throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let b = try Machine("b", in: directory)
                try withServices(a) {
                    let words = [
                        GBProcess.gb, "transfer", "pull", "--socket", "b.socket", "--config-dir", b.configuration,
                    ]
                    let pull = try GBProcess(words, directory: a.path("run")).wait()
                    #expect(pull.status == 0, "\(pull.testDescription)")
                }
                #expect(try b.elementCount() == 14)
            }
        }

        @Test(arguments: [true, false]) func fromAConfiguredAgent(isSocket: Bool) throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let way = isSocket ? "socket: \(a.socket("b"))" : "command: [\(a.door("b").joined(separator: ", "))]"
                let b = try Machine(
                    "b", in: directory,
                    transfer: "peers: [{ agent: a, \(way), receiver: { policy: store, prefix: /web, types: [full] } }]")
                let before = try a.inventory()
                let fulls = before.filter { $0.key.contains("-full.") }
                func pull() throws {
                    let counts = try b.counts("pull", "a")
                    #expect(counts["offered"] == 14)
                    #expect(counts["stored"] == fulls.count / 2)
                    #expect(counts["unwanted"] == 14 - fulls.count / 2)
                    #expect(counts["bytes"] == counts["bytes_in"])
                    #expect(counts["resumed"] == 0)
                }
                if isSocket { try withServices(a) { try pull() } } else { try pull() }
                #expect(try b.inventory(below: "/web") == fulls)
                #expect(try a.inventory() == before.filter { !$0.key.contains("-full.") }, "what was not taken stays")
            }
        }

        /// As users of the Python toolkit do: two services that only listen, and a pipe between their sockets.
        @Test func throughSocatBetweenTwoServices() throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let b = try Machine("b", in: directory)
                try b.configure(
                    "listeners: [{ agent: a, path: \(b.socket("a")), receiver: { policy: store, quota: { bytes: 1G } } }]"
                )
                let before = try a.inventory()
                try withServices(a, b) {
                    try runTool("socat", "UNIX-CONNECT:\(a.socket("b"))", "UNIX-CONNECT:\(b.socket("a"))")
                    #expect(try b.inventory() == before)
                    #expect(try a.elementCount() == 0)
                    // The connection has ended well for both.
                    try a.good("transfer", "status")
                    try b.good("transfer", "status")
                }
                try b.expectSound()
            }
        }

        @Test func bothDirectionsOverOneConnection() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                let b = try Machine("b", in: directory)
                try a.store("/a/x", [5000, 300_000])
                try b.store("/b/y", [5000, 300_000])
                let (ofA, ofB) = (try a.inventory(), try b.inventory())
                let policies = "sender: { policy: move }, receiver: { policy: store }"
                try a.configure("listeners: [{ agent: b, path: \(a.socket("b")), \(policies) }]")
                try b.configure("listeners: [{ agent: a, path: \(b.socket("a")), \(policies) }]")
                try withServices(a, b) {
                    try runTool("socat", "UNIX-CONNECT:\(a.socket("b"))", "UNIX-CONNECT:\(b.socket("a"))")
                }
                // Each has what the other had. What came is offered back only in the next connection.
                #expect(
                    try a.inventory().merging(try b.inventory()) { one, _ in one } == ofA.merging(ofB) { one, _ in one }
                )
                #expect(try a.elementCount() + b.elementCount() == 4)
            }
        }

        @Test func aServiceGoesToItsPeersByItself() throws {
            try withMachines { directory in
                let a = try Self.source(directory)
                let b = try Machine(
                    "b", in: directory,
                    transfer: "peers: [{ agent: a, socket: \(a.socket("b")), every: 1h, receiver: { policy: store } }]")
                let before = try a.inventory()
                try withServices(a, b) {
                    #expect(waitUntil(30, interval: 0.05) { (try? b.elementCount()) == 14 })
                    #expect(waitUntil(30, interval: 0.05) { (try? a.elementCount()) == 0 })
                }
                #expect(try b.inventory() == before)
            }
        }
    }
}
