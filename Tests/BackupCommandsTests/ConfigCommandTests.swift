import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// `gb config`, and what bad configuration gets.
    @Suite struct ConfigCommandTests {
        @Test func checkNamesWhatIsGoodAndWarns() throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site in
                try site.addTar()
                let text = try site.good("config", "check")
                #expect(text.output.contains("good: unit Home: "))
                #expect(text.output.contains("good: key: \(keys.good)"))
                #expect(text.output.contains("WARNING: key: the secret half"))
                let findings = try site.good("config", "check", "--json").jsonLines()
                #expect(Set(findings.compactMap { $0["grade"] as? String }) == ["good", "warning"])
                #expect(!site.directory.exists("state"))
            }
        }

        @Test func showPrintsWhatIsInForceAndWhere() throws {
            try withSite { site in
                try site.addTar()
                #expect(try site.good("config", "show").output.contains("encryption: none"))
                let explained = try site.good("config", "show", "--explain").output
                #expect(explained.contains("# default"))
                #expect(explained.contains("conf/config:"))
                let unit = try site.good("config", "show", "--unit", "Home", "--explain").output
                #expect(unit.contains("units/Home.config:"))
                expectRefusal(try site.gb("config", "show", "--unit", "Hme"), 66, "Hme", "Home")
                // What is shown is a configuration.
                let shown = try site.good("config", "show").output
                try site.directory.write("conf/config", shown)
                try site.good("config", "check")
            }
        }

        struct Mistake: Sendable, CustomTestStringConvertible {
            let file, text: String
            let words: [String]
            var testDescription: String { text.debugDescription }
        }

        static let mistakes = [
            Mistake(
                file: "config", text: "pipeline: { encryption: none, encyption: none }",
                words: ["config:1:31", "encyption", "encryption"]),
            Mistake(file: "config", text: "pipeline: {}", words: ["pipeline.encryption", "mandatory"]),
            Mistake(file: "config", text: "pipeline: { encryption: 7 }", words: ["config:1:", "pipeline.encryption"]),
            Mistake(
                file: "config", text: "pipeline:\n\tencryption: none", words: ["config:2", "tab", "blanks"]),
            Mistake(
                file: "config", text: "pipeline: { encryption: none }\npipeline: { encryption: none }",
                words: ["config:1", "pipeline", "more than once"]),
            Mistake(
                file: "config", text: "pipeline: { encryption: none }\n---\ngeneral: {}",
                words: ["second YAML document", "remove"]),
            Mistake(file: "config", text: "", words: ["no settings"]),
            Mistake(file: "config", text: "pipeline: { encryption: none ", words: ["config:", "not valid YAML"]),
            Mistake(
                file: "config", text: "pipeline: { encryption: none }\nstorage: { directory: relative }",
                words: ["storage.directory", "relative"]),
            Mistake(
                file: "config", text: "pipeline: { encryption: none, stall_timeout: 5 parsecs }",
                words: ["stall_timeout", "5 parsecs"]),
        ]

        @Test(arguments: mistakes) func mistakesStopEverything(mistake: Mistake) throws {
            try withSite { site in
                try site.addTar()
                try site.directory.write("conf/" + mistake.file, mistake.text + "\n")
                for words in [["config", "check"], ["generator", "once"], ["storage", "list"]] {
                    let result = try site.start(words).wait()
                    #expect(result.status == 78, "\(result.testDescription)")
                    for word in mistake.words {
                        #expect(result.errors.contains(word), "missing: \(word)\n\(result.testDescription)")
                    }
                }
                #expect(try site.storedFiles() == [])
                #expect(!site.directory.exists("state"))
            }
        }

        @Test(arguments: [
            ("/host/../etc", "'..'"), ("/host//etc", "//"), ("/host/my files", "' '"), ("host/home", "/"),
            ("/host/home/", "/"),
        ])
        func sourceURLsAreChecked(url: String, said: String) throws {
            try withSite { site in
                try site.addTar("Bad", source: "\"\(url)\"")
                try site.addCommand(script: "echo dump")
                let check = try site.gb("config", "check")
                #expect(check.status == 78)
                #expect(check.output.contains("ERROR: "), "\(check.testDescription)")
                #expect(check.output.contains("Bad.config:2"), "\(check.testDescription)")
                #expect(check.output.contains(said) || check.output.contains("slash"), "\(check.testDescription)")
                // The other unit is backed up all the same.
                let once = try site.gb("generator", "once")
                #expect(once.status == 3, "\(once.testDescription)")
                #expect(once.errors.contains("Bad.config"))
                #expect(try site.elements().count == 1)
                expectRefusal(try site.gb("restore", "plan", url), 64, "source URL")
            }
        }

        @Test func mistakesInAUnitStopThatUnitOnly() throws {
            try withSite { site in
                try site.addTar("Bad", keys: "exclud: [x]")
                try site.addCommand(script: "echo dump")
                let check = try site.gb("config", "check", "--json")
                #expect(check.status == 78)
                let error = try #require(try check.jsonLines().first { $0["grade"] as? String == "error" })
                #expect((error["message"] as? String ?? "").contains("exclude"))
                let once = try site.gb("generator", "once")
                expectRefusal(once, 3, "Bad.config", "exclud")
                #expect(try site.elements().count == 1)
            }
        }

        @Test func stagesWithoutAnInverseAreRefused() throws {
            try withSite(compression: "{ command: [gzip] }") { site in
                expectRefusal(try site.gb("config", "check"), 78, "restore", "mandatory")
            }
        }

        /// Names with a dash, dangling links and plain files are named, and the rest runs.
        @Test func whatIsNoUnitIsNamed() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                try site.directory.link("conf/units/My-Unit", to: site.directory.path("definitions/tar"))
                try site.directory.link("conf/units/Dangling", to: site.directory.path("definitions/nothing"))
                try site.directory.write("conf/units/Plain", "unit: tar\n")
                let check = try site.gb("config", "check")
                for name in ["My-Unit", "Dangling", "Plain"] {
                    #expect(check.output.contains(name), "\(check.testDescription)")
                }
                #expect(check.output.contains("letters"))
                let once = try site.good("generator", "once")
                for name in ["My-Unit", "Dangling", "Plain"] {
                    #expect(once.errors.contains(name), "\(once.testDescription)")
                }
                #expect(try site.elements().count == 1)
            }
        }

        @Test func aRootThatIsNotThereIsNamed() throws {
            try withSite { site in
                try site.addTar(root: "/nonexistent/root")
                let check = try site.gb("config", "check")
                #expect(check.status == 78)
                #expect(check.output.contains("/nonexistent/root"))
                expectRefusal(try site.gb("generator", "once"), 1, "/nonexistent/root", "root")
            }
        }
    }
}
