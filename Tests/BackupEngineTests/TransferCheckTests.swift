import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupEngine

/// What `gb config check` finds in the settings of transfers.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TransferCheckTests {
    private typealias Finding = ConfigurationCheck.Finding

    /// The findings whose subject begins with one of these words, in a configuration with this section.
    private func findings(_ site: Site, _ transfer: String, _ subjects: String...) throws -> [Finding] {
        try site.configure(other: "transfer:\n" + transfer)
        var check = ConfigurationCheck(try site.installation())
        return check.run().filter { finding in subjects.contains { finding.subject.hasPrefix($0) } }
    }

    /// One listener with more keys, and what is found out about it.
    private func listener(_ site: Site, _ keys: String) throws -> [Finding] {
        try findings(site, "  listeners: [{ agent: a, sender: { policy: keep }, \(keys) }]", "listener a")
    }

    private func peer(_ site: Site, _ keys: String) throws -> [Finding] {
        try findings(site, "  peers: [{ agent: p, sender: { policy: keep }, \(keys) }]", "peer p")
    }

    private func expectError(
        _ findings: [Finding], _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let errors = findings.filter { $0.grade == .error }
        #expect(errors.count == 1, "\(findings)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                errors.first?.message.contains(word) == true, "missing: \(word) in \(findings)",
                sourceLocation: sourceLocation)
        }
    }

    // MARK: - Listeners

    @Test func socketsThatCanBeMadeAreGood() throws {
        try withKeySite { site in
            let place = site.place
            try place.makeDirectory("sockets")
            for keys in [
                "path: \(place.path("sockets/a"))", "path: \(place.path("run/a"))", "path: none",
                "path: \(place.path("sockets/a")), owner: root, group: root, mode: 660, allowed_uids: [0]",
                "path: \(place.path("sockets/a")), mode: 666, allowed_uids: [0]",
            ] {
                #expect(try listener(site, keys).map(\.grade) == [.good], "\(keys)")
            }
            #expect(!place.exists("run") && place.names("sockets").isEmpty, "nothing is made")
        }
    }

    @Test func socketsThatCannotBeMadeAreErrors() throws {
        try withKeySite { site in
            let place = site.place
            try place.write("file", "")
            expectError(
                try listener(site, "path: \(place.path("a")), owner: gb-no-such-user"), "no user", "gb-no-such-user")
            expectError(
                try listener(site, "path: \(place.path("a")), group: gb-no-such-group"), "no group", "gb-no-such-group")
            expectError(try listener(site, "path: \(place.path("none/a"))"), place.path("none"), "does not exist")
            expectError(try listener(site, "path: \(place.path("file/a"))"), place.path("file"))
            expectError(try listener(site, "path: \(place.path("file"))"), place.path("file"), "no socket")
        }
    }

    @Test func aSocketForEverybodyIsWarnedOf() throws {
        try withKeySite { site in
            try #require(chmod(site.place.path, 0o755) == 0)
            let findings = try listener(site, "path: \(site.place.path("a")), mode: 666")
            #expect(findings.map(\.grade) == [.good, .warning])
            #expect(findings.last?.message.contains("allowed_uids") == true)
        }
    }

    @Test func aDirectoryThatKeepsOutWhomTheSocketLetsInIsWarnedOf() throws {
        try withKeySite { site in
            let place = site.place
            try place.makeDirectory("above/sockets")
            try place.link("link", to: "above/sockets")
            for path in [place.path, place.path("above"), place.path("above/sockets")] {
                try #require(chmod(path, 0o755) == 0)
            }
            // Numbers that are nobody's here.
            let visitors = [
                "mode: 660, group: 54321", "mode: 666", "mode: 666, allowed_uids: [0, 54321]", "owner: 54321",
            ]
            func warnings(_ keys: String, _ path: String = "link/a") throws -> [String] {
                let found = try listener(site, "path: \(place.path(path)), \(keys)")
                #expect(found.first?.grade == .good, "\(found)")
                return found.dropFirst().map(\.message).filter { !$0.contains("every user") }
            }
            for keys in visitors { #expect(try warnings(keys) == [], "\(keys)") }
            for closed in ["above", "above/sockets"] {
                try #require(chmod(place.path(closed), 0o700) == 0)
                for keys in visitors {
                    let found = try warnings(keys)
                    #expect(found.count == 1, "\(keys): \(found)")
                    #expect(found.first?.contains("the directory \(place.path(closed)) does not") == true, "\(found)")
                }
                // The runtime directory is made for all of them, in a directory that has them pass.
                for keys in visitors { #expect(try warnings(keys, "run/a") == [], "\(keys)") }
                for keys in ["mode: 600", "allowed_uids: [0]", "owner: root, mode: 600"] {
                    #expect(try warnings(keys) == [], "\(keys)")
                }
                try #require(chmod(place.path(closed), 0o755) == 0)
            }
            // Members of its own group a directory lets through, and others need not pass.
            try #require(chmod(place.path("above"), 0o710) == 0)
            #expect(try warnings("mode: 660, group: 54321").count == 1)
            var status = stat()
            try #require(stat(place.path("above"), &status) == 0)
            #expect(try warnings("mode: 660, group: \(status.st_gid)") == [])
        }
    }

    // MARK: - Peers

    @Test func programsOfPeersAreLookedFor() throws {
        try withKeySite { site in
            #expect(try peer(site, "command: [sh, -c, exit]").map(\.grade) == [.good])
            expectError(try peer(site, "command: [gb-no-such-program, -T]"), "gb-no-such-program")
        }
    }

    @Test func whatLeadsBackToThisMachineIsAnError() throws {
        try withKeySite { site in
            let place = site.place
            try place.makeDirectory("stick")
            try place.makeDirectory("store/h")
            try place.link("link", to: place.path("store"))
            try place.link("above", to: place.path)
            #expect(try peer(site, "directory: \(place.path("stick"))").map(\.grade) == [.good])
            #expect(try peer(site, "directory: \(place.path("not/mounted"))").map(\.grade) == [.good])
            for name in ["link", "link/h", "link/new", "above"] {
                expectError(try peer(site, "directory: \(place.path(name))"), place.path(name), "the storage of this")
            }
            let listener = "  listeners: [{ agent: a, path: \(place.path("run/a")), sender: { policy: keep } }]\n"
            func socket(_ name: String) throws -> [Finding] {
                try findings(
                    site,
                    listener + "  peers: [{ agent: p, socket: \(place.path(name)), sender: { policy: keep } }]",
                    "peer p")
            }
            try place.makeDirectory("run")
            try place.link("sockets", to: place.path("run"))
            #expect(try socket("run/b").map(\.grade) == [.good])
            expectError(try socket("sockets/a"), "itself listens", "the agent a")
            expectError(try socket("sockets/control.socket"), "own service")
        }
    }

    @Test func aMirrorOfEverythingIsAnError() throws {
        try withKeySite { site in
            func mirror(_ keys: String) throws -> [Finding] {
                try findings(
                    site,
                    "  peers: [{ agent: p, command: [sh], receiver: { policy: mirror, delete_after: 1d\(keys) } }]",
                    "peer p")
            }
            expectError(try mirror(""), "prefix", "attic")
            for keys in [", prefix: /p", ", sources: [/p]", ", sources: [\"/**\"]"] {
                #expect(try mirror(keys).map(\.grade) == [.good], "\(keys)")
            }
        }
    }

    // MARK: - Keys

    /// Makes a key for signing and gives its fingerprint.
    private func makeKey(_ site: Site, _ name: String, options: String = "", end: String = "never") throws -> String {
        try shell("\(Site.gpg) \(options) --quick-generate-key \(name) ed25519 sign \(end) 2>&1", in: site.place.path)
        let listing = try shell("\(Site.gpg) --with-colons --list-keys \(name)", in: site.place.path)
        let line = try #require(listing.split(separator: "\n").first { $0.hasPrefix("fpr:") })
        return String(line.split(separator: ":")[1])
    }

    private static let nobody = String(repeating: "A", count: 40)

    @Test func keysWhoseSignaturesAreDemandedAreInTheRing() throws {
        try withKeySite { site in
            let good = try makeKey(site, "good@example.org")
            let old = try makeKey(
                site, "old@example.org", options: "--faked-system-time 20200101T000000", end: "1d")
            func demanded(_ keys: String...) throws -> [Finding] {
                let list = keys.joined(separator: ", ")
                return try findings(
                    site,
                    """
                      listeners:
                        - { agent: a, sender: { policy: keep, require_receipts: [\(list)] } }
                        - { agent: b, receiver: { policy: store, require_signature: [\(list)] } }
                    """, "listener", "key"
                ).filter { $0.message.contains("require_") }
            }
            let both = try demanded(good)
            #expect(both.map(\.grade) == [.good, .good])
            #expect(both.map(\.subject) == ["listener a", "listener b"])
            #expect(both.allSatisfy { $0.message.contains(good) })
            let missing = try demanded(good, Self.nobody).filter { $0.grade == .error }
            #expect(missing.count == 2 && missing.allSatisfy { $0.message.contains(Self.nobody) }, "\(missing)")
            // An old key beside its successor does no harm; alone it lets nothing through.
            #expect(Set(try demanded(good, old).map(\.grade)) == [.good, .warning])
            #expect(try demanded(old).map(\.grade) == [.error, .error])
            site.place.remove("keys")
            try site.configure(
                other: "transfer: { listeners: [{ agent: a, sender: { policy: keep, require_receipts: [\(good)] } }] }")
            var check = ConfigurationCheck(try site.installation())
            #expect(check.run().contains { $0.grade == .error && $0.subject == "keys" })
        }
    }

    @Test func keysForReceiptsCanSign() throws {
        try withKeySite { site in
            let good = try makeKey(site, "good@example.org")
            func signed(_ key: String) throws -> [Finding] {
                let receiver = "receiver: { policy: store, sign_receipts: \(key) }"
                return try findings(
                    site,
                    "  peers: [{ agent: p, command: [sh], \(receiver) }, { agent: q, command: [sh], \(receiver) }]",
                    "receipts")
            }
            let found = try signed(good)
            #expect(found.map(\.grade) == [.good])
            #expect(found.first?.message.contains("peer p, peer q") == true, "\(found)")
            expectError(try signed(Self.nobody), Self.nobody, "peer p, peer q")
            try shell("\(Site.gpg) --yes --delete-secret-keys \(good) 2>&1", in: site.place.path)
            expectError(try signed(good), good, "secret half")
        }
    }
}
