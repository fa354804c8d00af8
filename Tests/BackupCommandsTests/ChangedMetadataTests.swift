import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Metadata that can be read, but is not what an element was made with.
    @Suite struct ChangedMetadataTests {
        private enum Change: String, CaseIterable {
            case timestamp = "Timestamp"
            case predecessor = "Predecessor"
            case uuid = "DataUuid"
        }

        /// Gives a key of the element's metadata another value; `nil` takes it away.
        private func change(_ key: String, of id: String, to value: Any?, _ site: Site) throws {
            let name = "storage\(id).info"
            let data = try #require(FileManager.default.contents(atPath: site.directory.path(name)))
            var info = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            info[key] = value
            let bytes = try JSONSerialization.data(
                withJSONObject: info, options: [.sortedKeys, .withoutEscapingSlashes])
            try site.directory.write(name, Array(bytes))
        }

        private func expectFound(_ id: String, _ site: Site, location: SourceLocation = #_sourceLocation) throws {
            let verify = try site.gb("storage", "verify")
            #expect(verify.status == 4, "\(verify.testDescription)", sourceLocation: location)
            let named = verify.lines.filter { $0.hasPrefix("DAMAGED: ") }
            #expect(named.count == 1, "\(verify.testDescription)", sourceLocation: location)
            for word in [id, "not what it was made with", "another copy"] {
                #expect(named.first?.contains(word) == true, "\(verify.testDescription)", sourceLocation: location)
            }
            let json = try site.gb("storage", "verify", "--json")
            #expect(json.status == 4, sourceLocation: location)
            let damaged = try json.jsonLines().compactMap { $0["damaged"] as? [[String: Any]] }.flatMap { $0 }
            #expect(damaged.compactMap { $0["element"] as? String } == [id], sourceLocation: location)
        }

        @Test(arguments: Change.allCases) private func aChangedIncrementIsDamage(key: Change) throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                try site.directory.write("tree/more", "1")
                let id = try #require(try site.backUp().first)
                try site.good("storage", "verify")
                let uuid = Data(repeating: 7, count: 64).base64EncodedString()
                try change(key.rawValue, of: id, to: key == .timestamp ? 1_795_220_058 : uuid, site)
                try expectFound(id, site)
                expectRefusal(try site.gb("restore", "verify", "/host/home"), 4, id)
            }
        }

        @Test func aChangedDumpIsDamage() throws {
            try withSite(compression: "none") { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                try site.good("storage", "verify")
                try change("Timestamp", of: id, to: 5, site)
                try expectFound(id, site)
                let rehearsed = try site.gb("restore", "verify", "/host/dump")
                expectRefusal(rehearsed, 4, id, "not what it was made with")
            }
        }

        @Test func aUUIDThatWasTakenAwayIsDamage() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                try change("DataUuid", of: id, to: nil, site)
                try expectFound(id, site)
            }
        }

        /// An element that does not say how it was made was made by another program, by rules of its own.
        @Test func anElementWithoutPipelineIsNotJudged() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                try change("Timestamp", of: id, to: 5, site)
                try change("Pipeline", of: id, to: nil, site)
                try site.good("storage", "verify")
            }
        }
    }
}
