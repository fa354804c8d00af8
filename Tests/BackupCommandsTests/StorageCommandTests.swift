import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    @Suite struct StorageCommandTests {
        @Test func listShowAndVerifyTellTheSame() throws {
            try withSite { site in
                try site.addTar()
                try site.addCommand(script: "echo dump")
                try site.fillTree()
                try site.backUp()
                let ids = try site.backUp("Home")
                let list = try site.good("storage", "list")
                #expect(list.lines.count == 3)
                let home = try site.good("storage", "list", "--source", "/host/home", "--json").jsonLines()
                #expect(home.compactMap { $0["type"] as? String } == ["full", "inc"])
                let id = try #require(ids.first)
                #expect(home.last?["id"] as? String == id)

                let shown = try site.good("storage", "show", id)
                for text in ["element      \(id)", "source       /host/home", "type         inc", "sha512", "zstd"] {
                    #expect(shown.output.contains(text), "\(shown.testDescription)")
                }
                let object = try #require(try site.good("storage", "show", id, "--json").jsonLines().first)
                #expect(object["id"] as? String == id)
                #expect((object["info"] as? [String: Any])?["Predecessor"] is String)

                #expect(try site.good("storage", "verify").output.hasPrefix("2 sources, 3 elements sound, 0 damaged"))
                let verified = try site.good("storage", "verify", "--json", "--source", "/host/*").jsonLines()
                #expect(verified.compactMap { $0["sound"] as? Int } == [1, 2])
            }
        }

        @Test func anEmptyStorageIsNoError() throws {
            try withSite { site in
                let list = try site.good("storage", "list")
                #expect(list.output == "")
                #expect(try site.good("storage", "list", "--json").output == "")
                #expect(try site.good("storage", "verify").output.hasPrefix("0 sources, 0 elements"))
                #expect(try site.good("restore", "list").output == "")
            }
        }

        @Test func aSourceThatMatchesNothingIsNoSuccess() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                try site.backUp()
                for command in ["list", "verify"] {
                    expectRefusal(try site.gb("storage", command, "--source", "/host/dmup"), 66, "/host/dmup")
                    #expect(try site.gb("storage", command, "--source", "/host/dmup", "--json").jsonError().exit == 66)
                }
            }
        }

        @Test func anElementThatIsNotThereIsNamed() throws {
            try withSite { site in
                let id = "/host/20260101000000-home-full"
                expectRefusal(try site.gb("storage", "show", id), 66, id, "gb storage list")
                expectRefusal(try site.gb("storage", "show", "/host/home"), 64, "/host/home", "element ID")
                #expect(try site.gb("storage", "show", id, "--json").jsonError().code == "not_found")
            }
        }

        @Test func aStorageThatIsNotThereIsNotMade() throws {
            try withSite(storage: "/nonexistent/storage") { site in
                try site.addTar()
                for words in [["storage", "list"], ["generator", "once"], ["restore", "list"], ["config", "check"]] {
                    let result = try site.start(words).wait()
                    #expect(result.status == 78, "\(result.testDescription)")
                    #expect((result.errors + result.output).contains("/nonexistent/storage"))
                    #expect((result.errors + result.output).contains("mounted"))
                }
            }
        }
    }
}
