import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `doc/transfer.md`: its commands, with the configurations that stand beside them.
    @Suite struct TransferDocumentTests {
        /// The machine `name` with the programs of its reader; `ssh` runs its words on the machine that it names, or what
        /// the line for `authorized_keys` ties the key to.
        private static func reader(_ machine: Machine) throws -> DocumentReader {
            let directory = machine.directory
            _ = try machine.program()
            let ssh = try directory.write(
                "bin/ssh",
                """
                #!/bin/sh
                while :; do
                    case $1 in -T) shift ;; -o) shift 2 ;; *) break ;; esac
                done
                host=${1#*@}
                shift
                PATH='\(directory.path)'/$host/bin:$PATH exec sh -c "${*:-gb transfer serve --stdio --agent holder}"

                """)
            try #require(chmod(ssh, 0o755) == 0)
            return DocumentReader(
                place: directory.path, programs: [machine.path("bin"), directory.path("bin")], home: directory.path)
        }

        /// The settings of a document that begin with `transfer:`, as ``Machine/configure(_:durability:)`` takes them.
        private static func transfer(_ settings: String, agent: String, _ changes: [(String, String)] = []) throws
            -> String
        {
            var lines = settings.components(separatedBy: "\n").filter { !$0.isEmpty }
            try #require(lines.first == "transfer:")
            lines.removeFirst()
            let own = "  agent: \(agent)"
            try #require(lines.first == own)
            lines.removeFirst()
            var text = lines.map { String($0.dropFirst(2)) }.joined(separator: "\n")
            for (old, new) in changes {
                try #require(text.contains(old), "\(old)")
                text = text.replacingOccurrences(of: old, with: new)
            }
            return text
        }

        @Test func whatItTellsToTypeWorks() throws {
            try withMachines { directory in
                var document = try DocumentedCommands("doc/transfer.md")
                let web = try Machine("web01", in: directory)
                let holder = try Machine("holder", in: directory)
                let runtime = [("/run/guerillabackup", web.path("run"))]
                try web.configure(try Self.transfer(document.settings[0], agent: "web01", runtime))
                try web.store("/root", [200_000, 10])
                try web.store("/db", [3000])
                let before = try web.inventory()
                let (atWeb, atHolder) = (try Self.reader(web), try Self.reader(holder))

                // First transfer by hand, twice.
                let pull = try document.next("gb transfer pull --command")
                #expect(try atHolder.type(pull).output.hasPrefix("3 elements fetched "))
                #expect(try atHolder.type(pull).output.hasPrefix("0 elements fetched (0 B), 3 here already"))
                #expect(try holder.inventory(below: "/web01") == before)
                try atHolder.type("gb storage verify")

                // Pulling over ssh: the line is that of the example, and the service goes there too.
                let line = try #require(document.blocks.first { $0.hasPrefix("restrict,") })
                let example = try ShippedText("etc/examples/pulled-over-ssh/authorized_keys").lines(after: "restrict,")
                #expect(example.map { "restrict," + $0 } == [line.replacingOccurrences(of: "AAAA...", with: "AAAA")])
                let peers = try Self.transfer(document.settings[1], agent: "holder")
                try web.store("/ssh", [77])
                try holder.configure(peers)
                #expect(document.inlineCommands.contains("gb transfer pull web01"))
                let pulled = try atHolder.type("gb transfer pull web01").output
                #expect(pulled.hasPrefix("1 element"), "\(pulled)")
                try atHolder.type("gb transfer status")

                // Two services that only listen.
                try web.store("/socat", [78])
                try holder.configure(
                    "listeners: [{ agent: web01, path: \(holder.socket("web01")), "
                        + "receiver: { policy: store, prefix: /web01 } }]")
                try withServices(web, holder) {
                    try atWeb.type(
                        document.next("socat "),
                        [
                            "/run/guerillabackup/holder.socket": web.socket("holder"),
                            "/run/guerillabackup/web01.socket": holder.socket("web01"),
                        ])
                }
                let now = try web.inventory()
                #expect(now.count == 10)
                #expect(try holder.inventory(below: "/web01") == now)

                try followTheStick(&document, web, atWeb)
                document.expectNoMore()
            }
        }

        /// A stick in the post, with the bandwidth of the chapter before it, which must not be in its way.
        private func followTheStick(
            _ document: inout DocumentedCommands, _ web: Machine, _ atWeb: DocumentReader
        ) throws {
            let directory = web.directory
            let push = try document.next("gb transfer push --to-directory")
            let stick = ["/media/": directory.path("media/")]
            for place in document.document.text.components(separatedBy: "/media/").dropFirst() {
                try directory.makeDirectory("media/" + place.prefix { $0.isLetter || $0 == "/" })
            }
            let offsite = try Machine("offsite", in: directory)
            let bandwidth = try #require(document.settings.first { $0.hasPrefix("bandwidth:") })
                .components(separatedBy: "\n").filter { !$0.isEmpty }.map { "    " + $0 }.joined(separator: "\n")
            try web.configure("listeners:\n  - agent: offsite\n    sender: { policy: move }\n" + bandwidth)
            let before = try web.inventory()
            try atWeb.type(push, stick)
            #expect(try web.inventory() == before, "that the stick has it confirms nothing")
            try Self.reader(offsite).type(document.next("gb transfer pull --from-directory"), stick)
            #expect(try offsite.inventory() == before)
            // When it is back.
            try atWeb.type(document.nextIfThere("gb transfer push --to-directory") ?? push, stick)
            #expect(try web.elementCount() == 0, "freed by the receipts")
        }
    }
}
