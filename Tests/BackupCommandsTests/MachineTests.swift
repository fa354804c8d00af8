import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// The identity of a machine is made once, by a person, and then stands in all that the machine makes.
    @Suite struct MachineTests {
        @Test func registeredOnceAndInEveryElement() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                expectRefusal(try site.gb("machine", "show"), 66, "gb machine register")
                let before = try #require(try site.backUp().first)
                #expect(try machine(of: before, site) == nil)

                let id = try #require(try site.good("machine", "register").lines.first)
                #expect(id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
                #expect(try site.good("machine", "show").lines == [id])
                let after = try #require(try site.backUp().first)
                #expect(try machine(of: after, site) == id)
                #expect(try site.good("storage", "show", after).output.contains("machine \(id)"))

                expectRefusal(try site.gb("machine", "register"), 1, id, "--replace")
                #expect(try site.good("machine", "show").lines == [id])
                let other = try #require(
                    try site.good("machine", "register", "--replace", "--json").jsonLines().first?["machine"] as? String
                )
                #expect(other != id)
                #expect(try site.good("machine", "show").lines == [other])
                let journal = String(decoding: try site.directory.read("state/journal.jsonl"), as: UTF8.self)
                #expect(journal.contains(#""previous":"\#(id)""#))
            }
        }

        @Test func anUnreadableIdentityIsNamedAndStopsNoBackup() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                _ = try site.good("machine", "register")
                _ = try site.directory.write("state/machine", "what is this\n")
                expectRefusal(try site.gb("machine", "show"), 4, "state/machine", "--replace")
                expectRefusal(try site.gb("machine", "register"), 4, "state/machine", "--replace")
                let run = try site.good("generator", "once", "--now")
                #expect((run.output + run.errors).contains("state/machine"), "\(run.testDescription)")
                #expect(try site.good("storage", "list").lines.count == 1)
                _ = try site.good("machine", "register", "--replace")
                #expect(try site.good("machine", "show").lines.count == 1)
            }
        }

        private func machine(of element: String, _ site: Site) throws -> String? {
            let object = try #require(try site.good("storage", "show", element, "--json").jsonLines().first)
            let origin = (object["info"] as? [String: Any])?["Origin"] as? [String: Any]
            return origin?["Machine"] as? String
        }
    }
}
