import BackupCrypto
import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupEngine

/// Signing that was asked for is done, or nothing is.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SigningTests {
    /// Makes a key for signing and gives its fingerprint.
    private func makeKey(_ site: Site, _ name: String, options: String = "", end: String = "never") throws -> String {
        try shell("\(Site.gpg) \(options) --quick-generate-key \(name) ed25519 sign \(end) 2>&1", in: site.place.path)
        let listing = try shell("\(Site.gpg) --with-colons --list-keys \(name)", in: site.place.path)
        let line = try #require(listing.split(separator: "\n").first { $0.hasPrefix("fpr:") })
        return String(line.split(separator: ":")[1])
    }

    /// Writes into the configuration that elements are to be signed.
    private func sign(_ site: Site, by key: String) throws { try site.configure(signing: "{ key: \(key) }") }

    private func check(_ site: Site) throws -> [ConfigurationCheck.Finding] {
        var check = ConfigurationCheck(try site.installation())
        return check.run().filter { $0.subject == "signing" }
    }

    private func refusal(_ site: Site, _ element: StoredElement, _ allowed: String...) throws -> BackupError {
        try #require(throws: BackupError.self) {
            try site.installation().signatureCheck(allowed: allowed).check(element)
        }
    }

    @Test func elementsAreSigned() async throws {
        try await withKeySite { site in
            let key = try makeKey(site, "sign@example.org")
            let other = try makeKey(site, "other@example.org")
            try site.tar()
            try site.place.write("root/a", "1")
            try sign(site, by: key)
            #expect(try await site.once().map(\.failure?.description) == [nil])
            site.clock.advance(by: TimeSpan(seconds: 86400))
            #expect(try await site.once().map(\.type) == [.inc])
            let elements = try site.elements("/h/root")
            try #require(elements.count == 2)
            let result = try await site.installation().signatureCheck(allowed: [other, key], jobs: 2)
                .check(try SourceURL("/h/root"))
            #expect(result.signed == elements.map(\.id) && result.refused.isEmpty)
            for element in elements {
                #expect(element.metadata.storageFileSignature == nil, "the SHA-512 is signed, and stands for the data")
                let found = try site.installation().signatureCheck(allowed: [key]).check(element)
                #expect(found.fingerprint == key)
                let error = try refusal(site, element, other)
                #expect(error.code == .untrusted)
                #expect(error.description.contains("\(element.id)") && error.description.contains(key))
            }
            #expect(try check(site).map(\.grade) == [.good])
            #expect(
                try check(site).allSatisfy { $0.message.contains(key) && $0.message.contains("sign@example.org") })
        }
    }

    /// The lines for people in `doc/restore-by-hand.md`.
    private static func byHand() throws -> String {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try shell("cat doc/restore-by-hand.md", in: root)
        let section = try #require(text.split(separator: "### Who made them").last?.split(separator: "\n## ").first)
        let lines = section.split(separator: "\n").filter { $0.hasPrefix("    ") }
        return lines.filter { !$0.hasPrefix("    f=") }.joined(separator: "\n")
    }

    @Test func theDocumentsSayHowToVerifyByHand() async throws {
        try await withKeySite { site in
            let key = try makeKey(site, "sign@example.org")
            try site.command([("/h/db", "echo dump")])
            try sign(site, by: key)
            #expect(try await site.once().map(\.failure?.description) == [nil])
            let id = try #require(try site.elements("/h/db").first?.id)
            let info = "store\(id).info"
            let lines = try Self.byHand()
            try #require(lines.contains("gpg --verify"))
            func verify() throws -> String {
                try shell(
                    "gpg() { command \(Site.gpg) --status-fd 1 \"$@\"; }; f=store\(id)\n\(lines) 2>&1 || true",
                    in: site.place.path)
            }
            #expect(try verify().contains("VALIDSIG \(key)"))
            // What other programs and holders add: keys that nobody knows, numbers of any form, facts of the transfer.
            let text = String(decoding: try site.place.read(info), as: UTF8.self)
            let moved = text.dropLast() + #", "TransferAttributes": {"At": [{"x": "}\""}], "Seen": {}}}"#
            site.place.remove(info)
            try site.place.write(info, String(moved))
            #expect(try verify().contains("VALIDSIG \(key)"))
            let element = try site.storage.element(id)
            #expect(element.metadata.object["TransferAttributes"] != nil)
            #expect(try site.installation().signatureCheck(allowed: [key]).check(element).fingerprint == key)

            let changed = String(moved).replacing(#""command""#, with: #""commanf""#)
            try #require(changed != String(moved))
            site.place.remove(info)
            try site.place.write(info, changed)
            #expect(try verify().contains("BADSIG"))
            let error = try refusal(site, try site.storage.element(id), key)
            #expect(error.code == .untrusted && error.description.contains("bad"))
        }
    }

    @Test(arguments: ["missing", "old", "locked"]) func signingThatIsNotPossibleStoresNothing(what: String) async throws
    {
        try await withKeySite { site in
            let key: String
            switch what {
            case "missing": key = String(repeating: "A", count: 40)
            case "old":
                key = try makeKey(site, "x@example.org", options: "--faked-system-time 20200101T000000", end: "1d")
            default: key = try makeKey(site, "x@example.org", options: "--passphrase secret")
            }
            let trap = site.place.path("trace/read")
            try site.tar(keys: ["pre_command: [touch, \(trap)]", "full_command: [touch, \(trap)]"])
            try site.command([("/h/db", "touch \(trap)")])
            try sign(site, by: key)
            let outcomes = try await site.once()
            #expect(outcomes.count == 2)
            for outcome in outcomes {
                let failure = try #require(outcome.failure)
                #expect(failure.code == .keyUnusable)
                #expect(failure.description.contains(key) && failure.description.contains("signed"), "\(failure)")
                #expect(!failure.firstRemedy.isEmpty)
            }
            try site.expectNothingStored("Root")
            try site.expectNothingStored("Dump")
            #expect(!site.place.exists("trace/read"), "nothing was read either")
            let findings = try check(site)
            #expect(findings.map(\.grade) == [.error])
            #expect(findings.allSatisfy { $0.message.contains(key) })
        }
    }

    /// A unit can have a key of its own, and can do without where the others sign.
    @Test func unitsSignAsTheyAreToldTo() async throws {
        try await withKeySite { site in
            let (main, own) = (try makeKey(site, "main@example.org"), try makeKey(site, "own@example.org"))
            try sign(site, by: main)
            for (name, signing) in [("Main", nil), ("Own", "{ key: \(own) }"), ("Bare", "none")] as [(String, String?)]
            {
                try site.command([("/h/\(name)", "echo dump")], as: name)
                guard let signing else { continue }
                let file = "etc/units/\(name).config"
                let sources = String(decoding: try site.place.read(file), as: UTF8.self)
                site.place.remove(file)
                try site.place.write(file, "pipeline: { signing: \(signing) }\n" + sources)
            }
            #expect(try await site.once().map(\.failure?.description) == [nil, nil, nil])
            let check = try site.installation().signatureCheck(allowed: [main, own])
            func signer(_ name: String) throws -> String {
                try check.check(try #require(try site.elements("/h/" + name).first)).fingerprint
            }
            #expect(try signer("Main") == main)
            #expect(try signer("Own") == own)
            #expect(try #require(try site.elements("/h/Bare").first).metadata.metaDataSignature == nil)
            let findings = try self.check(site)
            #expect(findings.map(\.grade) == [.good, .good])
            for key in [main, own] { #expect(findings.contains { $0.message.contains(key) }) }
        }
    }

    @Test func keyThatVanishesWhileDataIsRead() async throws {
        try await withKeySite { site in
            let key = try makeKey(site, "sign@example.org")
            try site.command([
                ("/h/db", "echo dump; cd \(site.place.path); \(Site.gpg) --yes --delete-secret-keys \(key)")
            ])
            try sign(site, by: key)
            let outcome = try #require(try await site.once().first)
            #expect(outcome.failure?.code == .keyUnusable, "\(String(describing: outcome.failure))")
            try site.expectNothingStored("Dump")
        }
    }

    @Test func unsignedDataIsNotTrustedForSignedMetadata() async throws {
        try await withKeySite { site in
            let key = try makeKey(site, "sign@example.org")
            try site.command([("/h/db", "echo dump")])
            #expect(try await site.once().map(\.failure?.description) == [nil])
            let element = try #require(try site.elements("/h/db").first)
            #expect(element.metadata.metaDataSignature == nil)
            #expect(try refusal(site, element, key).description.contains("no MetaDataSignature"))

            let builder = PipelineBuilder(keysDirectory: site.place.path("keys"), now: site.clock.now())
            let signer = try #require(try builder.signer(key))
            func signed(_ text: String, storageFile: [UInt8]?) throws -> StoredElement {
                let metadata = try ElementMetadata(parsing: Array(text.utf8)).signed(storageFile: storageFile) {
                    text throws(BackupError) in try signer.sign(Array(text.utf8))
                }
                return StoredElement(id: element.id, metadata: metadata, size: element.size)
            }
            let bare = #"{"BackupType": "full", "Timestamp": 1}"#
            let error = try refusal(site, try signed(bare, storageFile: nil), key)
            #expect(error.code == .untrusted && error.description.contains("nobody has signed the data"))
            let good = try signed(bare, storageFile: try signer.sign(Array("dump\n".utf8)))
            #expect(try site.installation().signatureCheck(allowed: [key]).check(good).fingerprint == key)
            let wrong = try signed(bare, storageFile: try signer.sign(Array("dumb\n".utf8)))
            #expect(try refusal(site, wrong, key).description.contains("bad"))
        }
    }
}
