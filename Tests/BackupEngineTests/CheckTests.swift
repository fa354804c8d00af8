import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupEngine

/// What `gb config check` finds.
@Suite struct CheckTests {
    private func findings(_ site: Site) throws -> [ConfigurationCheck.Finding] {
        var check = ConfigurationCheck(try site.installation())
        return check.run()
    }

    private func withSite(_ body: (Site) throws -> Void) throws {
        try withTemporaryDirectory { try body(Site($0)) }
    }

    @Test func good() throws {
        try withSite { site in
            try site.tar()
            try site.command([("/h/db", "true")])
            let findings = try findings(site)
            // Storing without encryption is said, and is no error.
            #expect(findings.filter { $0.grade == .error }.isEmpty, "\(findings)")
            #expect(findings.count { $0.grade == .warning && $0.message.contains("without encryption") } == 2)
            #expect(
                findings.filter { $0.grade == .good }.map(\.subject) == ["storage", "state", "unit Dump", "unit Root"])
            #expect(!site.place.exists("state"), "nothing is made")
            #expect(site.place.names("store").isEmpty)
        }
    }

    @Test func everythingWrong() throws {
        try withSite { site in
            let place = site.place
            try site.tar(root: place.path("nowhere"), keys: ["pre_command: [gb-no-such-program]"])
            try place.write("etc/units/Broken.config", "sources: [1]\n")
            try place.link("etc/units/Broken", to: place.path("etc/config"))
            try place.link("etc/units/Dangling", to: place.path("none"))
            try place.write("etc/units/with-dash", "")
            place.remove("store")
            let findings = try findings(site)
            func has(_ grade: ConfigurationCheck.Finding.Grade, _ text: String) -> Bool {
                findings.contains { $0.grade == grade && ($0.subject + ": " + $0.message).contains(text) }
            }
            #expect(has(.error, place.path("store")))
            #expect(has(.error, place.path("nowhere")))
            #expect(has(.error, "gb-no-such-program"))
            #expect(has(.error, "Broken"))
            #expect(has(.warning, "Dangling"))
            #expect(has(.warning, "with-dash"))
        }
    }

    @Test func noUnits() throws {
        try withSite { site in
            let findings = try findings(site)
            #expect(findings.contains { $0.grade == .warning && $0.message.contains("no unit") })
        }
    }

    @Test func testModeIsSaid() throws {
        try withTemporaryDirectory { place in
            let site = try Site(place, general: "test_mode: true")
            #expect(try findings(site).contains { $0.grade == .warning && $0.message.contains("test_mode") })
        }
    }

    @Test func partialFilesLieOnTheFileSystemOfTheStorage() throws {
        try withSite { site in
            func storage(_ partialDirectory: String) throws -> [ConfigurationCheck.Finding] {
                let file = "etc/config"
                try site.configure()
                let text = String(decoding: try site.place.read(file), as: UTF8.self)
                let changed = text.replacing("durability: none", with: "partial_directory: \(partialDirectory)")
                try #require(changed != text)
                try site.place.write(file, changed)
                return try findings(site).filter { $0.subject == "storage" }
            }
            try site.place.makeDirectory("partial")
            for name in ["partial", "not/yet"] {
                #expect(try storage(site.place.path(name)).map(\.grade) == [.good], "\(name)")
            }
            #expect(!site.place.exists("not") && site.place.names("partial").isEmpty, "nothing is made")
            // A file system of its own on every machine.
            for path in ["/proc", "/proc/partial"] {
                let findings = try storage(path)
                #expect(findings.map(\.grade) == [.error])
                #expect(findings.first?.message.contains("partial_directory") == true, "\(findings)")
            }
            try site.place.write("file", "")
            #expect(try storage(site.place.path("file")).map(\.grade) == [.error])
        }
    }

    @Test func keysDirectoryMissing() throws {
        try withSite { site in
            try site.configure(encryption: "{ recipients: [a@example.org] }")
            try site.tar()
            site.place.remove("keys")
            #expect(try findings(site).contains { $0.grade == .error && ($0.subject == "keys" || $0.subject == "key") })
        }
    }
}
