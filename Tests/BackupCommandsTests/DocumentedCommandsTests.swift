import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `doc/operation.md` and `doc/restore-by-hand.md`, typed from beginning to end.
    @Suite struct DocumentedCommandsTests {
        /// A machine as `make install` makes it, below a directory.
        private struct Installed {
            let directory: TemporaryDirectory
            var reader: DocumentReader

            var root: String { directory.path("root") }
            var storage: String { root + "/var/lib/guerillabackup/data" }

            init(_ directory: TemporaryDirectory) throws {
                self.directory = directory
                for name in ["home", "bin", "tree/etc", "tree/home/anna"] { try directory.makeDirectory(name) }
                try directory.write("tree/etc/fstab", "none\n")
                try directory.write("tree/home/anna/letter", "dear\n")
                reader = DocumentReader(
                    place: directory.path("home"), programs: [directory.path("bin")], home: directory.path("home"))
                let root = directory.path("root")
                reader.paths = ["/etc/guerillabackup", "/usr/lib/guerillabackup"].map { ($0, root + $0) }
                reader.paths.append(("/srv/restored", directory.path("restored")))
                try useConfiguration(root + "/etc/guerillabackup")
            }

            /// `gb` without `--config-dir` is one with this configuration from now on.
            func useConfiguration(_ path: String) throws {
                let file = try directory.write(
                    "bin/gb",
                    """
                    #!/bin/sh
                    if [ "$1" != help ]; then set -- "$@" --config-dir '\(path)'; fi
                    exec '\(GBProcess.gb)' "$@"

                    """)
                try #require(chmod(file, 0o755) == 0)
            }

            /// Changes the file `name` below the directory; what is to be changed must be there.
            func edit(_ name: String, _ changes: [(String, String)]) throws {
                var text = String(decoding: try directory.read(name), as: UTF8.self)
                for (old, new) in changes {
                    try #require(text.contains(old), "\(name): \(old)")
                    text = text.replacingOccurrences(of: old, with: new)
                }
                try directory.write(name, text)
            }

            /// The fingerprint in what `gpg --list-keys` prints.
            static func fingerprint(_ result: GBResult) throws -> String {
                let line = result.lines.map { $0.filter { $0 != " " } }.last {
                    $0.count == 40 && $0.allSatisfy { $0.isHexDigit }
                }
                return try #require(line, "\(result.testDescription)")
            }

            /// The tree came back; it is put away, so that the next can.
            func expectRestored(_ state: [String: String], location: SourceLocation = #_sourceLocation) throws {
                let found = try contentsOfTree(directory.path("restored"), aspects: [])
                #expect(treeDifferences(state, found) == [], sourceLocation: location)
                directory.remove("restored")
            }

            func state() throws -> [String: String] { try contentsOfTree(directory.path("tree"), aspects: []) }

            func forgetKeys() {
                for path in ["home/.gnupg", "root/etc/guerillabackup/keys", "elsewhere/keys"] {
                    _ = try? runTool("gpgconf", "--homedir", directory.path(path), "--kill", "all")
                }
            }
        }

        @Test func fromInstallationToRestoring() throws {
            try withTemporaryDirectory { directory in
                let machine = try Installed(directory)
                defer { machine.forgetKeys() }
                let states = try followOperation(machine)
                try followRestoreByHand(machine, states)
            }
        }

        /// Returns the states of the tree that are in the storage as a full and an increment.
        private func followOperation(_ machine: Installed) throws -> [[String: String]] {
            let (directory, reader) = (machine.directory, machine.reader)
            var document = try DocumentedCommands("doc/operation.md")
            // The tests have built it.
            _ = try document.next("make build")
            try reader.type(
                document.next("sudo make install"),
                [
                    "sudo make install":
                        "make --no-print-directory --directory '\(ShippedText.repository)' install"
                        + " GB='\(GBProcess.gb)' DESTDIR='\(machine.root)' PREFIX=/usr"
                ])
            let system = ["/etc/guerillabackup", "/var/lib/guerillabackup", "/run/guerillabackup"]
            try machine.edit("root/etc/guerillabackup/config", system.map { ($0, machine.root + $0) })

            try reader.type(document.next("gpg --quick-generate-key"))
            try reader.type(document.next("gpg --armor --export "))
            try reader.type(document.next("gpg --armor --export-secret-keys"))
            try reader.type(document.next("gpg --homedir"))
            let listed = try reader.type(document.next("gpg --homedir"))
            try machine.edit(
                "root/etc/guerillabackup/config", [(ShippedText.noFingerprint, try Installed.fingerprint(listed))])

            try reader.type(document.next("ln -s"))
            try reader.type(document.next("cp "))
            _ = try document.next("editor ")
            try machine.edit(
                "root/etc/guerillabackup/units/Root.config", [("root: /\n", "root: \(directory.path("tree"))\n")])
            try reader.type(document.next("gb config check"))
            let due = try reader.type(document.next("gb generator list"))
            #expect(due.output.contains("/host1/root"))
            try reader.type(document.next("gb machine register"))
            // There is no service manager for a test.
            _ = try document.next("systemctl enable --now guerillabackup-generator")

            try reader.type(document.next("gpg --homedir /etc/guerillabackup/keys --batch --passphrase ''"))
            let signers = try reader.type(
                "gpg --homedir /etc/guerillabackup/keys --list-secret-keys --with-fingerprint")
            let signer = try Installed.fingerprint(signers)
            try machine.edit("root/etc/guerillabackup/config", [("signing: none\n", "signing: { key: \(signer) }\n")])
            try reader.type("gb config check")
            let states = [try machine.state(), try changed(machine)]
            try reader.type(document.next("gb storage verify --signatures"), ["FINGERPRINT...": signer])
            try tryInlineCommands(machine, document, withSecretKey: false)

            // "Do it on another machine", or so.
            try directory.makeDirectory("elsewhere/keys")
            try reader.type(
                """
                gpg --homedir '\(directory.path("elsewhere/keys"))' --import secret-key.asc
                cp -r /etc/guerillabackup/config /etc/guerillabackup/units '\(directory.path("elsewhere"))'
                """)
            try machine.edit(
                "elsewhere/config", [(machine.root + "/etc/guerillabackup/keys", directory.path("elsewhere/keys"))])
            try machine.useConfiguration(directory.path("elsewhere"))
            try tryInlineCommands(machine, document, withSecretKey: true)

            #expect(try reader.type(document.next("gb restore list")).output.contains("/host1/root"))
            let soon = try runTool("date", "-u", "-d", "+1 minute", "+%Y-%m-%dT%H:%M").lines.joined()
            let time = ["2026-11-20T12:00": soon]
            try reader.type(document.next("gb restore plan"), time)
            try reader.type(document.next("gb restore extract"), time)
            try machine.expectRestored(states[1])
            let increment = try #require(
                try reader.type("gb storage list --json").jsonLines()
                    .compactMap { $0["id"] as? String }.first { $0.hasSuffix("-root-inc") })
            try reader.type(document.next("gb restore extract"), ["/host1/202611201200000-root-inc": increment])
            try machine.expectRestored(states[1])
            try reader.type(document.next("gb restore extract"))
            #expect(try directory.read("restored/etc/fstab") == Array("changed\n".utf8))
            #expect(try directory.read("restored/home/anna/letter") == Array("dear\n".utf8))
            #expect(!directory.exists("restored/etc/hosts"))
            directory.remove("restored")
            document.expectNoMore()
            return states
        }

        /// Makes a full, changes the tree, and makes an increment; returns the new state.
        private func changed(_ machine: Installed) throws -> [String: String] {
            try machine.reader.type("gb generator once --now")
            try machine.directory.write("tree/etc/fstab", "changed\n")
            try machine.directory.write("tree/etc/hosts", "new\n")
            try machine.reader.type("gb generator once --now")
            return try machine.state()
        }

        /// What the text names in passing: those commands that need the secret key, or those that do not.
        private func tryInlineCommands(
            _ machine: Installed, _ document: DocumentedCommands, withSecretKey: Bool
        ) throws {
            // What was made just now is not there yesterday.
            let places = [
                "SOURCE": "/host1/root", "COMMAND": "restore extract", "UNIT": "Root", " --at yesterday": "",
            ]
            let element = try #require(
                try machine.reader.type("gb storage list --json").jsonLines().first?["id"] as? String)
            // These would make more backups than the reader expects, and the last is only the name of a command.
            let elsewhere = [
                "gb generator once", "gb generator once --now", "gb generator once UNIT --full", "gb restore verify",
            ]
            let commands = document.inlineCommands.filter {
                !elsewhere.contains($0) && $0.hasPrefix("gb restore") == withSecretKey
            }
            #expect(commands.count >= 4, "\(commands)")
            for command in commands {
                var text = command.replacingOccurrences(of: "ELEMENT", with: element)
                for (old, new) in places { text = text.replacingOccurrences(of: old, with: new) }
                let shown = try machine.reader.type(text)
                #expect(!shown.output.isEmpty, "\(text)")
            }
        }

        /// What needs nothing of this program but what it has stored.
        private func followRestoreByHand(_ machine: Installed, _ states: [[String: String]]) throws {
            let directory = machine.directory
            var reader = machine.reader
            reader.place = machine.storage
            reader.home = try directory.makeDirectory("stranger")
            reader.programs = []
            var document = try DocumentedCommands("doc/restore-by-hand.md", isWhole: true)
            let listed = try reader.type(document.next("ls -1 host1")).lines.map { $0.dropLast(".info".count) }
            let elements = listed.map { "host1/" + $0 }
            try #require(elements.count == 2 && elements[0].hasSuffix("-full") && elements[1].hasSuffix("-inc"))
            let chain = try reader.type(document.next("for f in $(ls host1")).lines
            func values(_ key: String) -> [String] {
                chain.filter { $0.hasPrefix("\"\(key)\": ") }.map { String($0.dropFirst(key.count + 4)) }
            }
            #expect(values("DataUuid").count == 2)
            #expect(values("Predecessor").last == values("DataUuid").first)

            let names = ["host1/20261121001418-root-full": elements[0], "host1/20261121001420-root-inc": elements[1]]
            let full = names.filter { $0.key.hasSuffix("full") }
            let sums = try reader.type(document.next("f=host1/"), full).lines
            #expect(sums.count == 2)
            #expect(sums.last == "\"StorageFileChecksumSha512\": \"\(sums.first ?? "")\"")
            // The signature: in the tests of the engine, with keys of all sorts.
            #expect(try document.next("f=host1/").contains("gpg --verify"))
            let first = try reader.type("f='\(elements[0])'\n" + document.next("od ")).output
            #expect(first.hasPrefix(" 84") || first.hasPrefix(" 85"), "OpenPGP, encrypted: \(first)")

            // The key first, though the document has it last.
            let unpack = try document.next("mkdir /srv/restored")
            try reader.type(
                document.next("gpg --import"), ["secret-key.asc": "'\(directory.path("home"))/secret-key.asc'"])
            document.expectNoMore()
            defer { _ = try? runTool("gpgconf", "--homedir", directory.path("stranger/.gnupg"), "--kill", "all") }
            let owner = geteuid() == 0 ? [:] : ["--same-owner": ""]
            try reader.type(unpack, names.merging(owner) { one, _ in one })
            try machine.expectRestored(states[1])
        }

        @Test func blocksAndSettingsAreFound() throws {
            let document = try DocumentedCommands("doc/transfer.md")
            #expect(document.settings.count >= 3)
            #expect(document.settings.allSatisfy { $0.hasSuffix("\n") && !$0.contains("`") })
            #expect(document.blocks.allSatisfy { !$0.hasPrefix(" ") || $0.contains("sender policy") })
        }
    }
}
