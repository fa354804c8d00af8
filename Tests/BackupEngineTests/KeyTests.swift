import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupEngine

/// Encryption that was asked for is done, or nothing is.
@Suite(.serialized, .timeLimit(.minutes(10))) struct KeyTests {
    @Test func encrypted() async throws {
        try await withKeySite { site in
            let place = site.place
            try shell(
                "\(Site.gpg) --quick-generate-key a@example.org future-default default never 2>&1", in: place.path)
            try site.configure(compression: "{ zstd: { level: 1 } }", encryption: "{ recipients: [a@example.org] }")
            try site.tar()
            try place.write("root/a", "secret words")
            #expect(try await site.once().map(\.failure?.description) == [nil])
            let element = try #require(try site.elements("/h/root").first)
            #expect(element.metadata.pipeline?.map(\.stage) == ["tar", "zstd", "gpg"])
            let path = try #require(try site.storage.localPath(of: element.id))
            try place.makeDirectory("t")
            try shell("\(Site.gpg) --decrypt '\(path)' | zstd -dcq | tar -x -C t", in: place.path)
            #expect(try place.read("t/a") == Array("secret words".utf8))
            let findings = try check(site)
            #expect(findings.contains { $0.grade == .good && $0.message.contains("a@example.org") })
            #expect(findings.contains { $0.grade == .warning && $0.message.contains("secret half") })
        }
    }

    @Test(arguments: ["missing@example.org", "old@example.org"]) func unusable(recipient: String) async throws {
        try await withKeySite { site in
            let place = site.place
            try shell(
                "\(Site.gpg) --faked-system-time 20200101T000000 --quick-generate-key old@example.org future-default default 1d 2>&1",
                in: place.path)
            let trap = place.path("trace/read")
            try site.configure(encryption: "{ recipients: [\(recipient)] }")
            try site.tar(keys: [
                "pre_command: [touch, \(trap)]", "full_command: [touch, \(trap)]", "post_command: [touch, \(trap)]",
            ])
            try site.command([("/h/db", "touch \(trap)")])
            let outcomes = try await site.once()
            #expect(outcomes.count == 2)
            for outcome in outcomes {
                let failure = try #require(outcome.failure)
                #expect(failure.description.contains(recipient), "\(failure)")
            }
            try site.expectNothingStored("Root")
            try site.expectNothingStored("Dump")
            #expect(!place.exists("trace/read"), "nothing was read either")
            #expect(try check(site).contains { $0.grade == .error && $0.message.contains(recipient) })
        }
    }

    @Test func noGpg() async throws {
        try await withKeySite { site in
            try site.configure(encryption: "{ recipients: [a@example.org] }")
            site.place.remove("keys")
            try site.tar()
            #expect(try await site.once().allSatisfy { $0.failure != nil })
            try site.expectNothingStored("Root")
        }
    }

    private func check(_ site: Site) throws -> [ConfigurationCheck.Finding] {
        var check = ConfigurationCheck(try site.installation())
        return check.run()
    }
}
