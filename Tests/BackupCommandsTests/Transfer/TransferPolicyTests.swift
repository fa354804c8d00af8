import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What stays and what goes, by policy; and pushing.
    @Suite struct TransferPolicyTests {
        @Test func movedButMarkedStaysAndIsNotOfferedAgain() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory, policy: "policy: move, mark_as_done: true")
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                let words = ["pull", "--command", a.door("b").joined(separator: " ")]
                #expect(try b.counts(words[0], words[1], words[2])["stored"] == 14)
                #expect(try b.counts(words[0], words[1], words[2])["offered"] == 0)
                #expect(try a.inventory() == before)
                try a.expectSound()
            }
        }

        /// Two of three must have it; then it is freed.
        @Test func copiesAreCountedAndTheLastOneFrees() throws {
            try withMachines { directory in
                let a = try Machine("a", in: directory)
                let copies = "sender: { policy: copies, copies: 2, release: true }"
                try a.configure(
                    """
                    listeners:
                      - { agent: b, path: \(a.socket("b")), \(copies) }
                      - { agent: c, path: \(a.socket("c")), \(copies) }
                      - { agent: d, path: \(a.socket("d")), \(copies) }
                    """)
                try a.store("/a/root", [1000, 200_000, 30])
                let before = try a.inventory()
                let (b, c, d) = (
                    try Machine("b", in: directory), try Machine("c", in: directory), try Machine("d", in: directory)
                )
                try withServices(a) {
                    for _ in 0..<2 {
                        // The same one twice is one.
                        try b.good("transfer", "pull", "--socket", a.socket("b"))
                        #expect(try a.inventory() == before)
                    }
                    let waiting = try a.good("transfer", "status", "--json").jsonLines()
                    let counts = waiting.map { "\($0["agent"] ?? "") \($0["waiting_elements"] ?? "")" }
                    #expect(counts == ["b 0", "c 3", "d 3"])
                    try c.good("transfer", "pull", "--socket", a.socket("c"))
                    #expect(try a.elementCount() == 0)
                    #expect(try d.counts("pull", "--socket", a.socket("d"))["offered"] == 0)
                }
                #expect(try b.inventory() == before)
                #expect(try c.inventory() == before)
                try a.expectSound()
            }
        }

        @Test func withoutReleaseCopiesStay() throws {
            try withMachines { directory in
                let a = try TransferPullTests.source(directory, policy: "policy: copies, copies: 1")
                let b = try Machine("b", in: directory)
                let before = try a.inventory()
                try b.good("transfer", "pull", "--command", a.door("b").joined(separator: " "))
                #expect(try a.inventory() == before)
                #expect(try b.inventory() == before)
                try a.expectSound()
            }
        }

        // MARK: - Pushing

        @Test func pushLetsThePeerFetch() throws {
            try withMachines { directory in
                let holder = try Machine("h", in: directory)
                try holder.configure(
                    "listeners: [{ agent: a, path: \(holder.socket("a")), receiver: { policy: store, prefix: /a } }]")
                let a = try Machine(
                    "a", in: directory,
                    transfer: "peers: [{ agent: h, socket: \(holder.socket("a")), sender: { policy: move } }]")
                try a.store("/root", [100, 2_000_000, 0])
                let before = try a.inventory()
                try withServices(holder) {
                    let push = try a.good("transfer", "push", "h")
                    #expect(
                        push.output.hasPrefix(
                            "3 elements confirmed by the peer, 3 of them released here; 2.00 MB moved in "),
                        "\(push.output)")
                    let again = try a.good("transfer", "push", "h")
                    #expect(again.output.hasPrefix("0 elements confirmed by the peer, 0 of them"), "\(again.output)")
                }
                #expect(try holder.inventory(below: "/a") == before)
                #expect(try a.elementCount() == 0)
            }
        }

        /// To somebody who is not configured nothing is given away.
        @Test func pushToASocketDeletesNothing() throws {
            try withMachines { directory in
                let holder = try Machine("h", in: directory)
                try holder.configure(
                    "listeners: [{ agent: a, path: \(holder.socket("a")), receiver: { policy: store } }]")
                let a = try Machine("a", in: directory)
                try a.store("/a/root", [100, 200_000])
                let before = try a.inventory()
                try withServices(holder) {
                    let counts = try a.counts("push", "--socket", holder.socket("a"))
                    #expect(counts["confirmed"] == 2)
                    #expect(counts["released"] == 0)
                    #expect(counts["bytes_out"] == 200_100)
                }
                #expect(try holder.inventory() == before)
                #expect(try a.inventory() == before)
            }
        }
    }
}
