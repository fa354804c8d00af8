import BackupTestKit
import Foundation
import Testing

/// The program as a person and a script meet it: all tests run `gb` as a process.
@Suite(.sharedKeys) struct CommandTests {}

extension CommandTests {
    /// Help, mistakes on the command line, and what every command has in common.
    @Suite struct UsageTests {
        static let groups = ["generator", "transfer", "storage", "restore", "config", "packages"]
        static let commands = [
            "generator once", "generator run", "generator list", "generator status", "transfer serve", "transfer pull",
            "transfer push", "transfer status", "storage list", "storage show", "storage verify", "restore list",
            "restore plan", "restore extract", "restore cat", "restore verify",
            "config check", "config show",
        ]

        /// These need no configuration.
        static let questions = [
            "packages log", "packages at", "packages diff", "packages which", "packages snapshot",
        ]

        @Test(arguments: [""] + groups + commands + questions)
        func helpIsShown(command: String) throws {
            let words = command.split(separator: " ").map(String.init)
            let result = try GBProcess.start(words + ["--help"]).wait()
            #expect(result.status == 0)
            #expect(result.errors == "")
            #expect(result.output.contains("USAGE: gb \(command)"), "\(result.testDescription)")
            #expect(result.output.contains("OVERVIEW: "))
            if Self.commands.contains(command) { #expect(result.output.contains("--config-dir <DIR>")) }
        }

        @Test func exitCodesAreInTheHelp() throws {
            let help = try GBProcess.start(["--help"]).wait().output.replacingOccurrences(of: "\n", with: " ")
            for text in ["0 good", "1 failed", "2 policy", "3 partly", "4 damaged", "64 usage", "66 no such"] {
                #expect(help.contains(text))
            }
            for text in ["75 temporarily", "78 configuration", "128+N"] { #expect(help.contains(text)) }
        }

        @Test func versionIsShown() throws {
            let result = try GBProcess.start(["--version"]).wait()
            #expect(result.status == 0)
            #expect(result.output.split(separator: ".").count == 3)
        }

        /// A script with an empty variable must not take the help for success.
        @Test(arguments: [""] + groups)
        func noCommandIsWrongUsage(group: String) throws {
            let result = try GBProcess.start(group.isEmpty ? [] : [group]).wait()
            expectRefusal(result, 64, "USAGE: gb", "SUBCOMMANDS")
            #expect(result.output == "")
        }

        @Test(arguments: [
            (["stroage"], "`gb storage`"), (["storage", "lits"], "`gb storage list`"),
            (["packages", "snapshto"], "did you mean `gb packages snapshot`"),
            (["storage", "lst", "--config-dir", "/x"], "\"lst\" of `gb storage`; did you mean `gb storage list`"),
            (["storage", "frobnicate"], "list, show, verify"),
            (["storage", "list", "--sorce", "/x"], "--source"),
            (["generator", "once", "--nwo"], "--now"), (["restore", "extract", "/host/home"], "--to"),
            (["restore", "plan"], "SOURCE"), (["storage", "show"], "ELEMENT"),
            (["storage", "verify", "--jobs", "0"], "1 to 64"), (["storage", "verify", "--jobs", "many"], "--jobs"),
            (["storage", "list", "--config-dir"], "--config-dir"), (["storage", "list", "extra"], "extra"),
        ])
        func mistakesAreNamed(words: [String], said: String) throws {
            expectRefusal(try GBProcess.start(words).wait(), 64, said)
        }

        @Test func mistakesAreJSONIfAskedFor() throws {
            let result = try GBProcess.start(["storage", "list", "--json", "--sorce", "/x"]).wait()
            #expect(result.status == 64)
            let error = try result.jsonError()
            #expect(error.code == "usage")
            #expect(error.exit == 64)
            #expect(error.message.contains("--source"))
        }

        @Test(arguments: commands.filter { !["storage show", "restore cat"].contains($0) })
        func aMissingConfigurationIsNamed(command: String) throws {
            var words = command.split(separator: " ").map(String.init)
            if ["plan", "extract", "verify"].contains(words[1]), words[0] == "restore" { words.append("/host/home") }
            if ["pull", "push"].contains(words[1]) { words.append("agent") }
            if words[1] == "extract" { words += ["--to", "/nonexistent/target"] }
            let result = try GBProcess.start(words + ["--config-dir", "/nonexistent"]).wait()
            expectRefusal(result, 78, "/nonexistent/config", "does not exist", "--config-dir")
        }

        /// The option may stand where other programs take it.
        @Test(arguments: [
            ["--config-dir", "/nonexistent", "storage", "list"], ["--config-dir=/nonexistent", "storage", "list"],
            ["storage", "--config-dir", "/nonexistent", "list"], ["--json", "storage", "list"],
        ])
        func optionsMayStandBeforeTheSubcommand(words: [String]) throws {
            let isJSON = words.contains("--json")
            let result = try GBProcess.start(words + (isJSON ? ["--config-dir", "/nonexistent"] : [])).wait()
            #expect(result.status == 78, "\(result.testDescription)")
            #expect((isJSON ? result.output : result.errors).contains("/nonexistent"))
        }

        @Test func aMissingConfigurationIsJSONIfAskedFor() throws {
            let result = try GBProcess.start(["storage", "list", "--json", "--config-dir", "/nonexistent"]).wait()
            #expect(result.status == 78)
            #expect(try result.jsonError().exit == 78)
            #expect(result.errors == "")
        }
    }
}
