import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `etc/examples/three-equals`: three machines that hold each other's backups, over ssh.
    @Suite struct ShippedEqualsTests {
        private static let names = ["a", "b", "c"]

        /// Machine `name` by the example, with the line of `authorized_keys` that its comment has for the one who comes.
        private static func equal(
            _ name: String, in directory: TemporaryDirectory, _ ssh: SecureShell, keys: [String: String],
            release: Bool
        ) throws -> Machine {
            let ring = try #require(Keys.current)
            let machine = try Machine(name, in: directory)
            var configuration = try ShippedText("etc/examples/three-equals/\(name)/config")
            try configuration.change(ShippedText.noFingerprint, to: ring.good)
            try configuration.change("/run/guerillabackup", to: machine.path("run"))
            try configuration.change("[ssh, ", to: "[ssh, -F, \(ssh.configuration(of: name)), ")
            if release { try configuration.change("copies: 2,", to: "copies: 2, release: true,") }
            let guest = try #require(Self.names.last { "\(configuration.text)".contains("AAAA root@\($0)") })
            try configuration.change("/usr/bin/gb", to: machine.program())
            try configuration.change("ssh-ed25519 AAAA", to: try #require(keys[guest]))
            try machine.adopt(configuration, keys: ring.publicRing)
            let lines = try configuration.lines(after: "#   restrict,")
            #expect(lines.count == 1)
            try ssh.open("\(name).example.org", authorizedKeys: "restrict," + lines.joined() + "\n")
            return machine
        }

        /// The attribute that says who holds an element, for all elements of the machine's own.
        private static func copies(_ machine: Machine) throws -> [String] {
            try Site.files(below: machine.storage).filter { $0.hasSuffix(".copies") }.map {
                String(decoding: try machine.directory.read("\(machine.name)/data/\($0)"), as: UTF8.self)
            }
        }

        @Test(arguments: [false, true]) func eachHasWhatTheOthersMade(release: Bool) throws {
            try withMachines { directory in
                let ssh = try SecureShell(in: directory)
                var keys: [String: String] = [:]
                for name in Self.names { keys[name] = try ssh.makeKey(of: name) }
                let machines = try Self.names.map {
                    try Self.equal($0, in: directory, ssh, keys: keys, release: release)
                }
                for machine in machines { try machine.good("config", "check") }
                var own: [[String: String]] = []
                for machine in machines {
                    // Each calls its backups by its own name, and knows the host keys of the others.
                    try machine.store("/\(machine.name)/root", [200_000, 1, 3000])
                    try machine.store("/\(machine.name)/db", [5000])
                    own.append(try machine.inventory())
                    for name in Self.names { _ = try ssh.connect(machine.name, "root@\(name).example.org") }
                }
                let all = own.reduce(into: [:]) { $0.merge($1) { one, _ in one } }
                #expect(all.count == 24)
                try withServices(machines[0], machines[1], machines[2]) {
                    for (index, machine) in machines.enumerated() {
                        let expected = release ? all.filter { own[index][$0.key] == nil } : all
                        #expect(
                            waitUntil(60, interval: 0.05) { (try? machine.inventory()) == expected },
                            "\(machine.name): \((try? machine.inventory())?.keys.sorted() ?? [])")
                    }
                    // What was made here is confirmed by both others, and says so.
                    for machine in machines {
                        let others = Self.names.filter { $0 != machine.name }
                        #expect(
                            waitUntil(30, interval: 0.05) {
                                guard let copies = try? Self.copies(machine) else { return false }
                                return copies.count == (release ? 0 : 4)
                                    && copies.allSatisfy { text in others.allSatisfy { text.contains("\"\($0)\": ") } }
                            }, "\(machine.name)")
                        try machine.good("transfer", "status")
                    }
                }
                // One more backup: a goes to b by hand. With one copy it is not freed, whatever is said of releasing.
                let a = machines[0]
                try a.store("/a/late", [70])
                let late = try a.inventory().filter { $0.key.contains("/late") || $0.key.contains("-late-") }
                #expect(late.count == 2)
                #expect(try a.counts("push", "b")["confirmed"] ?? 0 > 0)
                #expect(try a.inventory().filter { late[$0.key] != nil } == late)
                #expect(try machines[1].inventory().filter { late[$0.key] != nil } == late)
                // c comes to a.
                #expect(try machines[2].counts("pull", "a")["stored"] == 1)
                #expect(try a.inventory().filter { late[$0.key] != nil } == (release ? [:] : late))
                for machine in machines { try machine.expectSound() }
            }
        }
    }
}
