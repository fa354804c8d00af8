import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `etc/examples/pulled-over-ssh` and `etc/examples/holder`: the two sides of connections over ssh, done as their
    /// comments say.
    @Suite struct ShippedSSHTests {
        private static let example = "etc/examples/pulled-over-ssh/"

        /// A source by the example, with its line of `authorized_keys`.
        private static func source(
            _ name: String, in directory: TemporaryDirectory, _ ssh: SecureShell, holderKey: String,
            _ change: (inout ShippedText) throws -> Void = { _ in }
        ) throws -> Machine {
            let keys = try #require(Keys.current)
            let machine = try Machine(name, in: directory)
            var configuration = try ShippedText(example + "config")
            try configuration.change(ShippedText.noFingerprint, to: keys.good)
            if name != "web01" { try configuration.change("agent: web01", to: "agent: \(name)") }
            try change(&configuration)
            try machine.adopt(configuration, keys: keys.publicRing)
            var admitted = try ShippedText(example + "authorized_keys")
            try admitted.change("ssh-ed25519 AAAA", to: holderKey)
            try admitted.change("/usr/bin/gb", to: machine.program())
            try ssh.open(
                "\(name).example.org", authorizedKeys: admitted.text,
                settings: configuration.lines(after: "#   PermitRootLogin").map { "PermitRootLogin" + $0 }.joined())
            return machine
        }

        private static func holder(
            in directory: TemporaryDirectory, _ ssh: SecureShell,
            _ change: (inout ShippedText) throws -> Void = { _ in }
        ) throws -> Machine {
            let machine = try Machine("holder", in: directory)
            var configuration = try ShippedText("etc/examples/holder/config")
            try configuration.change("/srv/backups", to: machine.storage)
            try configuration.change("[ssh, ", to: "[ssh, -F, \(ssh.configuration(of: "holder")), ")
            try change(&configuration)
            try machine.adopt(configuration)
            return machine
        }

        @Test(arguments: SecureShell.Server.all) func theHolderPullsASource(server: SecureShell.Server) throws {
            try withMachines { directory in
                let ssh = try SecureShell(in: directory, server)
                let web = try Self.source("web01", in: directory, ssh, holderKey: try ssh.makeKey(of: "holder"))
                let holder = try Self.holder(in: directory, ssh)
                try web.backUpTree(as: "/root")
                for machine in [web, holder] { try machine.good("config", "check") }
                try directory.write("web01/tree/file", "one")
                try web.good("generator", "once", "--now")
                try directory.write("web01/tree/file", "two")
                try web.good("generator", "once", "--now")
                let before = try web.inventory()
                #expect(before.count == 4)

                // Connect to each once by hand, so that its host key is known.
                expectRefusal(try holder.gb("transfer", "pull", "web01"), 75, "web01")
                #expect(try holder.elementCount() == 0)
                _ = try ssh.connect("holder", "root@web01.example.org")

                let first = try holder.counts("pull", "web01")
                #expect(first["stored"] == 2)
                #expect(first["refused"] == 0)
                #expect(try holder.inventory(below: "/web01") == before)
                #expect(try web.elementCount() == 0, "moved")
                let second = try holder.counts("pull", "web01")
                #expect(second["offered"] == 0)
                try expectNoShell(ssh, holder)

                // The chain goes on, though nothing of it is left at the source.
                try directory.write("web01/tree/file", "three")
                try web.good("generator", "once", "--now")
                #expect(try holder.counts("pull", "web01")["stored"] == 1)
                #expect(try holder.elementCount() == 3)
                try holder.expectSound()
                // The holder needs no key and cannot read them.
                expectRefusal(try holder.gb("restore", "verify", "/web01/root"), 78, "secret key")
            }
        }

        /// Whatever the holder asks for, the one command runs: it gets the protocol, and no shell, terminal or forwarding.
        private func expectNoShell(_ ssh: SecureShell, _ holder: Machine) throws {
            let asked = try ssh.connect("holder", "root@web01.example.org", "id")
            #expect(!asked.output.contains("uid="), "\(asked.testDescription)")
            let words = ["ssh", "-F", try ssh.configuration(of: "holder"), "root@web01.example.org", "id"]
            try holder.good("transfer", "pull", "--command", words.joined(separator: " "))
            let terminal = try ssh.connect("holder", "-tt", "root@web01.example.org")
            #expect(terminal.errors.contains("PTY allocation request failed"), "\(terminal.testDescription)")
            let forwarding = try ssh.connect("holder", "-W", "127.0.0.1:22", "root@web01.example.org")
            #expect(forwarding.status != 0)
            #expect(forwarding.errors.contains("administratively prohibited"), "\(forwarding.testDescription)")
            let stranger = try ssh.makeKey(of: "stranger")
            #expect(!stranger.isEmpty)
            let refused = try ssh.connect("stranger", "root@web01.example.org")
            #expect(refused.errors.contains("Permission denied"), "\(refused.testDescription)")
        }

        /// The other way of the example: a user who has no rights but to open the socket of the service.
        @Test func aUserWithoutRightsIsLedToTheSocket() throws {
            try withMachines { directory in
                let ssh = try SecureShell(in: directory)
                let key = try ssh.makeKey(of: "holder")
                let web = try Self.source("web01", in: directory, ssh, holderKey: key) { configuration in
                    var lines = ""
                    for line in try configuration.lines(after: "    #   ") { lines += "      \(line)\n" }
                    try configuration.change(
                        "    - agent: holder\n", to: "    - agent: holder\n" + lines)
                    try configuration.change("group: backup", to: "group: \"\(getegid())\"")
                    try configuration.change("/run/guerillabackup", to: directory.path("web01/run"))
                }
                var admitted = try ShippedText(Self.example + "authorized_keys")
                try admitted.change("ssh-ed25519 AAAA", to: key)
                try admitted.change("/run/guerillabackup", to: web.path("run"))
                let line = try #require(admitted.lines(after: "# restrict,").first)
                try ssh.open("web01.example.org", authorizedKeys: "restrict," + line + "\n")
                let holder = try Self.holder(in: directory, ssh) {
                    try $0.change("root@web01.example.org", to: "backup@web01.example.org")
                }
                try web.store("/root", [200_000, 10, 3000])
                let before = try web.inventory()
                _ = try ssh.connect("holder", "backup@web01.example.org")
                // Nobody is there before the service is.
                expectRefusal(try holder.gb("transfer", "pull", "web01"), 75, "web01")
                try withServices(web) {
                    let mode = try runTool("stat", "-c", "%a", web.socket("holder")).lines
                    #expect(mode == ["660"])
                    let counts = try holder.counts("pull", "web01")
                    #expect(counts["stored"] == 3)
                }
                #expect(try holder.inventory(below: "/web01") == before)
                #expect(try web.elementCount() == 0)
            }
        }

        /// Two of the twenty sources are there: the others disturb nobody, are shown, and are tried again.
        @Test func theServiceOfTheHolderGoesToAllByItself() throws {
            try withMachines { directory in
                let ssh = try SecureShell(in: directory)
                let key = try ssh.makeKey(of: "holder")
                let holder = try Self.holder(in: directory, ssh) {
                    // Otherwise the test would wait for a minute.
                    try $0.change(
                        "root@web03.example.org]\n",
                        to: "root@web03.example.org]\n      retry_after: 1s\n      retry_at_most: 2s\n")
                }
                func source(_ name: String) throws -> [String: String] {
                    let machine = try Self.source(name, in: directory, ssh, holderKey: key)
                    // The same source on all: the prefixes keep them apart.
                    try machine.store("/root", [150_000, 1, 3000])
                    _ = try ssh.connect("holder", "root@\(name).example.org")
                    return try machine.inventory()
                }
                func stored(_ name: String) -> [String: String] { (try? holder.inventory(below: "/" + name)) ?? [:] }
                let (first, second) = (try source("web01"), try source("web02"))
                let service = try ServiceRun(holder)
                #expect(waitUntil(60, interval: 0.05) { stored("web01") == first && stored("web02") == second })

                func failed() throws -> [String] {
                    try holder.gb("transfer", "status", "--json").jsonLines()
                        .filter { !($0["last_failure"] is NSNull) }.compactMap { $0["agent"] as? String }.sorted()
                }
                let absent = (3...20).map { ($0 < 10 ? "web0" : "web") + "\($0)" }
                #expect(waitUntil(60, interval: 0.1) { (try? failed()) == absent })
                let status = try holder.gb("transfer", "status")
                #expect(status.status == 1, "\(status.testDescription)")
                for name in absent { #expect(status.lines.contains { $0.hasPrefix("\(name): ") }, "\(name)") }
                for name in ["web01", "web02"] {
                    #expect(status.lines.contains { $0.hasPrefix("\(name) ") && $0.hasSuffix(" good") }, "\(name)")
                }

                // One comes up, and is found.
                let third = try source("web03")
                #expect(waitUntil(60, interval: 0.05) { stored("web03") == third })
                let log = service.stop().errors
                #expect(log.contains("web03: "), "\(log)")
                for name in ["web01", "web02", "web03"] {
                    #expect(directory.names("\(name)/data/").count <= 1, "moved")
                }
                try holder.expectSound()
            }
        }
    }
}
