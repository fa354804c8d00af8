import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What is refused, with which words and exit codes.
    @Suite struct TransferRefusalTests {
        @Test(arguments: ["pull", "push"]) func whomToTalkToMustBeSaidOnce(command: String) throws {
            try withMachines { directory in
                let b = try Machine("b", in: directory)
                expectRefusal(try b.gb("transfer", command), 64, "name one of AGENT, --socket, --command")
                expectRefusal(try b.gb("transfer", command, "a", "--socket", "/x"), 64, "name one of AGENT")
                expectRefusal(
                    try b.gb("transfer", command, "--command", "x", "--socket", "/x"), 64, "name one of AGENT")
                expectRefusal(try b.gb("transfer", command, "--command", "ssh 'a"), 64, "a quote is not closed")
                expectRefusal(try b.gb("transfer", command, "--command", " "), 64, "the command is empty")
                expectRefusal(try b.gb("transfer", command, "--socket", "/x", "--as", ".."), 64, "cannot be the name")
            }
        }

        @Test func mistakesInOptionsAreNamed() throws {
            try withMachines { directory in
                let b = try Machine("b", in: directory)
                expectRefusal(try b.gb("transfer", "pull", "a", "--prefix", "/x"), 64, "its receiver policy")
                expectRefusal(
                    try b.gb("transfer", "pull", "--socket", "/x", "--prefix", "no/slash"), 64, "no/slash")
                expectRefusal(try b.gb("transfer", "push", "--socket", "/x", "--for", "c"), 64, "--to-directory")
                expectRefusal(try b.gb("transfer", "serve", "--agent", "a"), 64, "--agent belongs to --stdio")
            }
        }

        @Test func theLimitsHoldForPeersThatAreNotConfigured() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let b = try Machine("b", in: directory)
                let door = a.door("b").joined(separator: " ")
                try b.configure("limits: { elements_per_round: 13 }")
                expectRefusal(
                    try b.gb("transfer", "pull", "--command", door), 2, "more than 13 elements in one round",
                    "elements_per_round")
                try b.configure("limits: { elements_per_round: 14, element_bytes: 1M }")
                expectRefusal(
                    try b.gb("transfer", "pull", "--command", door), 3, "3000000 bytes, and 1000000 is the most")
                #expect(try b.elementCount() == 13)
            }
        }

        /// A machine with peers that all are bad in some way.
        private func badlyConnected(_ directory: TemporaryDirectory) throws -> Machine {
            try Machine(
                "b", in: directory,
                transfer: """
                    peers:
                      - { agent: gone, socket: \(directory.path("nobody.socket")), receiver: { policy: store } }
                      - { agent: missing, command: [no-such-program-of-ours], receiver: { policy: store } }
                      - { agent: failing, command: [sh, -c, "echo I am not well >&2; exit 1"], receiver: { policy: store } }
                      - { agent: killed, command: [sh, -c, "kill -9 $$"], receiver: { policy: store } }
                      - { agent: chatty, command: [echo, "Welcome to this machine"], receiver: { policy: store } }
                      - { agent: giver, socket: /x, sender: { policy: keep } }
                      - { agent: taker, socket: /x, receiver: { policy: store } }
                    """)
        }

        @Test func peersThatCannotBeReachedAreNamed() throws {
            try withMachines { directory in
                let b = try badlyConnected(directory)
                expectRefusal(
                    try b.gb("transfer", "pull", "nobody"), 66, "no agent \"nobody\"",
                    "there are chatty, failing, giver, gone, killed, missing, taker")
                expectRefusal(
                    try b.gb("transfer", "pull", "gone"), 75, "cannot connect to \(directory.path("nobody.socket"))",
                    "No such file or directory", "check that the service is running")
                expectRefusal(
                    try b.gb("transfer", "pull", "missing"), 78, "no-such-program-of-ours", "install it")
                expectRefusal(
                    try b.gb("transfer", "pull", "failing"), 75, "I am not well", "ended with exit code 1",
                    "run it by hand")
                expectRefusal(try b.gb("transfer", "pull", "killed"), 75, "ended with signal 9")
                expectRefusal(try b.gb("transfer", "pull", "chatty"), 4, "nothing else writing into the stream")
                expectRefusal(try b.gb("transfer", "pull", "giver"), 78, "has no receiver policy", "write `receiver:`")
                expectRefusal(try b.gb("transfer", "push", "taker"), 78, "has no sender policy", "write `sender:`")
                let json = try b.gb("transfer", "pull", "gone", "--json")
                #expect(try json.jsonError().exit == 75)
                #expect(json.errors == "")
            }
        }

        /// A listing in which a peer that was not reached for weeks looks well is worth nothing.
        @Test func statusRemembersPeersThatWereNotReached() throws {
            try withMachines { directory in
                let b = try badlyConnected(directory)
                try b.good("transfer", "status")
                for agent in ["gone", "missing", "failing"] { _ = try b.gb("transfer", "pull", agent) }
                let status = try b.gb("transfer", "status")
                #expect(status.status == 1)
                for line in ["gone: cannot connect to", "missing: no-such-program", "failing: `sh -c"] {
                    #expect(status.lines.contains { $0.hasPrefix(line) }, "\(status.testDescription)")
                }
                let journal = String(decoding: try directory.read("b/state/journal.jsonl"), as: UTF8.self)
                #expect(journal.contains(#""agent":"gone","code":"busy""#), "\(journal)")
            }
        }

        @Test func aSocketWithoutListenerIsRefused() throws {
            try withMachines { directory in
                let b = try Machine("b", in: directory)
                try runTool("perl", "-MIO::Socket::UNIX", "-e", "IO::Socket::UNIX->new(Local => shift)", b.path("dead"))
                expectRefusal(
                    try b.gb("transfer", "pull", "--socket", b.path("dead")), 75, "Connection refused")
            }
        }

        // MARK: - Standard input and output

        @Test func stdioOnATerminalIsRefused() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let terminal = try Terminal(a.door("b"))
                #expect(terminal.wait() == 64)
                #expect(terminal.shown.contains("standard input is a terminal"), "\(terminal.shown)")
            }
        }

        /// From cron, or with a redirection: the event loop could not work with these.
        @Test(arguments: [("< /dev/null", "a device"), ("< ${0}", "a plain file"), ("> /dev/null", "a device")])
        func stdioWithoutAPeerIsRefused(redirection: String, kind: String) throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory)
                let script = "sleep 5 | (exec \"$@\" \(redirection) 3>&1) | cat; exit ${PIPESTATUS[1]}"
                let result = try GBProcess(
                    ["bash", "-c", "set +m; " + script, a.configuration + "/config"] + a.door("b")
                ).wait()
                expectRefusal(result, 64, kind, "ssh, socat")
            }
        }

        @Test func stdioNeedsAnAgentThatIsKnown() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(
                    directory, more: "  - { agent: c, path: /x, sender: { policy: keep } }")
                let b = try Machine("b", in: directory)
                func pull(_ door: [String]) throws -> GBResult {
                    try b.gb("transfer", "pull", "--command", door.joined(separator: " "))
                }
                expectRefusal(try pull(a.door("d")), 75, "no agent \"d\"", "there are b, c", "ended with exit code 66")
                let door = a.door("b").filter { $0 != "--agent" && $0 != "b" }
                expectRefusal(try pull(door), 75, "which agent comes in", "give --agent with one of b, c")
            }
        }

        // MARK: - Disks

        /// What is there stays, and when there is room the next pull goes on.
        @Test func aFullDiskIsNamedAndNothingIsLost() throws {
            try withMountedFileSystem("size=2m") { disk in
                try withMachines { directory in
                    let a = try TransferPullTests.source(directory)
                    let b = try Machine("b", in: directory, storage: disk)
                    let before = try a.inventory()
                    let pull = try b.gb("transfer", "pull", "--command", a.door("b").joined(separator: " "))
                    expectRefusal(pull, 75, "have no room in the storage", "free space (df)")
                    #expect(!pull.errors.contains("run it by hand"), "the command is not to blame")
                    #expect(!pull.errors.contains("ended before"), "the connection ends by agreement")
                    // What fits has gone from one side and is at the other.
                    let (left, here) = (try a.inventory(), try b.inventory())
                    #expect(!left.isEmpty && !here.isEmpty)
                    #expect(left.count + here.count == before.count)
                    #expect(left.merging(here) { one, _ in one } == before)
                    let remount = try ToolRun(["mount", "-o", "remount,size=20m", disk])
                    try #require(remount.isSuccess, "\(remount.output)")
                    try b.good("transfer", "pull", "--command", a.door("b").joined(separator: " "))
                    #expect(try b.inventory() == before)
                    #expect(try a.elementCount() == 0)
                }
            }
        }
    }
}
