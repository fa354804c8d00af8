import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// A directory of the storage was moved away, and a symbolic link stands in its place.
    @Suite struct LinkedSourceTests {
        /// The sources `/host/home` behind a link and `/other/dump`, with the path of the link.
        private func withLink(_ body: (Site, _ link: String) throws -> Void) throws {
            try withSite { site in
                try site.addTar()
                try site.addCommand(source: "/other/dump", script: "echo dump")
                try site.fillTree()
                try site.backUp()
                try site.directory.makeDirectory("elsewhere")
                try runTool("mv", site.storage + "/host", site.directory.path("elsewhere/host"))
                try site.directory.link("storage/host", to: site.directory.path("elsewhere/host"))
                try body(site, site.storage + "/host")
            }
        }

        private func expectWarning(_ result: GBResult, _ link: String, location: SourceLocation = #_sourceLocation) {
            let warnings = result.errors.split(separator: "\n").filter { $0.hasPrefix("gb: warning: ") }
            #expect(warnings.count == 1, "\(result.testDescription)", sourceLocation: location)
            for word in [link + " ", "symbolic link", "not followed", "storage.directory"] {
                #expect(
                    warnings.first?.contains(word) == true, "missing: \(word)\n\(result.testDescription)",
                    sourceLocation: location)
            }
        }

        @Test(arguments: ["storage", "restore"]) func listingsWarnAndGoOn(group: String) throws {
            try withLink { site, link in
                let list = try site.good(group, "list")
                expectWarning(list, link)
                #expect(list.output.contains("/other/"))
                #expect(!list.output.contains("/host/"))
                let json = try site.good(group, "list", "--json")
                expectWarning(json, link)
                #expect(try json.jsonLines().count == 1)
            }
        }

        @Test func aLinkThatHidesNothingThatWasAskedForIsNotNamed() throws {
            try withLink { site, link in
                #expect(try site.good("storage", "list", "--source", "/other").errors == "")
                let hidden = try site.gb("storage", "list", "--source", "/host/home")
                expectWarning(hidden, link)
                expectRefusal(hidden, 66, "no source")
                expectRefusal(try site.gb("restore", "list", "/host/home"), 4, link, "symbolic link")
            }
        }

        @Test func verifyOfSomeSourcesNamesTheLink() throws {
            try withLink { site, link in
                for pattern in ["/host/home", "/**"] {
                    let verify = try site.gb("storage", "verify", "--source", pattern)
                    #expect(verify.status == 4, "\(verify.testDescription)")
                    #expect(verify.output.contains("STRAY: \(link) "), "\(verify.testDescription)")
                }
                try site.good("storage", "verify", "--source", "/other/dump")
            }
        }
    }
}
