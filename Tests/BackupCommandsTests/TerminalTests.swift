import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What a person sees.
    @Suite struct TerminalTests {
        @Test func theProgressLineComesAndGoes() throws {
            try withSite { site in
                try site.addCommand(script: "for i in 1 2 3 4 5 6; do seq 1 5000; sleep 0.3; done")
                let terminal = try Terminal(
                    [GBProcess.gb, "generator", "once", "--config-dir", site.configuration], columns: 60)
                #expect(terminal.expect("\r\u{1b}[K/host/dump full"))
                #expect(terminal.wait() == 0, "\(terminal.shown)")
                let lines = terminal.screen.filter { !$0.isEmpty }
                #expect(lines.count == 1, "\(terminal.shown.debugDescription)")
                #expect(lines.first?.hasPrefix("/host/dump full: ") == true)
                // Nothing wraps: a line that does cannot be taken away.
                let progress = terminal.shown.components(separatedBy: "\r\u{1b}[K").dropFirst().dropLast()
                #expect(progress.allSatisfy { $0.count < 60 })
            }
        }

        @Test func inAPipeThereIsNoProgressLine() throws {
            try withSite { site in
                try site.addCommand(script: "sleep 0.8; echo done")
                let result = try site.good("generator", "once")
                #expect(result.errors == "")
                #expect(!result.output.contains("\u{1b}"))
            }
        }

        @Test func dataAreNotPouredOverATerminal() throws {
            try withSite { site in
                try site.addCommand(script: "echo secret")
                let id = try #require(try site.backUp().first)
                let terminal = try Terminal(
                    [GBProcess.gb, "restore", "cat", id, "--config-dir", site.configuration])
                #expect(terminal.wait() == 64)
                #expect(terminal.shown.contains("terminal"))
                #expect(!terminal.shown.contains("secret"))
            }
        }

        private static let pinentry = ["/usr/bin/pinentry-tty", "/usr/bin/pinentry-curses"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }

        /// A ring with the locked key and a pinentry for terminals.
        private func withLockedSite(_ body: (Site) throws -> Void) throws {
            let keys = try #require(Keys.current)
            let pinentry = try #require(Self.pinentry)
            try withTemporaryDirectory { directory in
                let ring = try directory.makeDirectory("ring")
                try runTool("cp", "-r", keys.ring + "/.", ring)
                try runTool(
                    "sh", "-c", "rm -f S.* ./*.lock; echo pinentry-program \(pinentry) > gpg-agent.conf",
                    directory: ring)
                defer { _ = try? runTool("gpgconf", "--homedir", ring, "--kill", "all") }
                try withSite(encryption: "{ recipients: [\(keys.locked)] }", keys: ring, body)
            }
        }

        /// The program asks for the passphrase of a key where the person sits, and restores.
        @Test(.enabled(if: pinentry != nil, "no pinentry for terminals is installed"))
        func thePassphraseIsAskedFor() throws {
            try withLockedSite { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                let terminal = try Terminal([
                    GBProcess.gb, "restore", "extract", "/host/home", "--to", site.directory.path("out"),
                    "--config-dir", site.configuration,
                ])
                #expect(terminal.expect("assphrase"), "\(terminal.shown)")
                // The program that asks forgets what was typed before it is ready.
                // Meanwhile nothing may paint over what it shows.
                #expect(!terminal.expect("restore /host/home", limit: 1), "\(terminal.shown)")
                terminal.type(Keys.passphrase + "\r")
                #expect(terminal.wait() == 0, "\(terminal.shown)")
                #expect(try site.restoredEquals("out") == [])
            }
        }

        /// Nobody is asked where nobody is.
        @Test(.enabled(if: pinentry != nil, "no pinentry for terminals is installed"))
        func withoutATerminalNobodyIsAsked() throws {
            try withLockedSite { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                let result = try site.start(["restore", "cat", id]).wait(limit: 30)
                expectRefusal(result, 78, "needs a passphrase", "no terminal", "gpg-preset-passphrase")
                #expect(!result.errors.contains("scdaemon"))
                #expect(result.output == "")
            }
        }
    }
}
