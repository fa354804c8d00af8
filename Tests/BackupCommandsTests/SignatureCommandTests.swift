import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Elements with signatures, made by another program and by `gb`.
    @Suite struct SignatureCommandTests {
        private let keys: Keys

        init() throws { keys = try #require(Keys.current) }

        /// A storage with one element; verifying knows the public keys alone.
        private func withElement(_ body: (Site, _ id: String) throws -> Void) throws {
            try withSite(keys: keys.publicRing) { site in
                try site.addCommand(script: "echo dump")
                try body(site, try #require(try site.backUp().first))
            }
        }

        /// Signs the metadata of an element as `doc/element-format.md` says, with `gpg` and nothing of this program.
        private func sign(_ site: Site, _ id: String, by key: String) throws {
            let script = """
                set -e; cd "$1"; f="$2"
                perl -0pe 's/"Origin": /"MetaDataSignature": null, "Origin": /' "$f" >text
                SIGNATURE=$(gpg --homedir "$3" --batch --no-tty --local-user "$4" --detach-sign <text | base64 -w0)
                export SIGNATURE
                perl -0pe 's/null, "Origin": /"$ENV{SIGNATURE}", "Origin": /' text >"$f"
                """
            try runTool("sh", "-c", script, "sh", site.directory.path, "storage\(id).info", keys.ring, key)
        }

        private func change(_ site: Site, _ id: String, _ from: String, _ to: String) throws {
            let name = "storage\(id).info"
            let text = String(decoding: try site.directory.read(name), as: UTF8.self)
            try #require(text.contains(from), "\(text)")
            site.directory.remove(name)
            try site.directory.write(name, text.replacingOccurrences(of: from, with: to))
        }

        @Test func signedElementsAreVerifiedAndShown() throws {
            try withElement { site, id in
                let plain = try site.good("storage", "show", id)
                #expect(plain.output.contains("signature    none"), "\(plain.testDescription)")
                try sign(site, id, by: keys.good)
                let verified = try site.good(
                    "storage", "verify", "--signatures", keys.expired, keys.good, "--jobs", "1")
                #expect(
                    verified.output.contains(
                        "1 element sound, 0 damaged, 0 without checksum, 0 not signed as demanded"),
                    "\(verified.testDescription)")
                let object = try #require(
                    try site.good("storage", "verify", "--json", "--require-signature", keys.good).jsonLines().first)
                #expect(object["signed"] as? Int == 1 && (object["untrusted"] as? [Any])?.isEmpty == true)
                let shown = try site.good("storage", "show", id)
                #expect(shown.output.contains("signature    good, by the key \(keys.good)"), "\(shown.testDescription)")
                let json = try #require(try site.good("storage", "show", id, "--json").jsonLines().first)
                let signature = try #require(json["signature"] as? [String: Any])
                #expect(signature["good"] as? Bool == true && signature["fingerprint"] as? String == keys.good)
            }
        }

        @Test func whatIsConfiguredToBeSignedIsSigned() throws {
            try withSite(signing: "{ key: \(keys.good) }", keys: keys.ring) { site in
                try site.addTar()
                try site.fillTree()
                let check = try site.good("config", "check")
                #expect(check.output.contains("good: signing: \(keys.good)"), "\(check.testDescription)")
                let id = try #require(try site.backUp().first)
                let verified = try site.good("storage", "verify", "--signatures", keys.good)
                #expect(
                    verified.output.contains(
                        "1 element sound, 0 damaged, 0 without checksum, 0 not signed as demanded"),
                    "\(verified.testDescription)")
                let shown = try site.good("storage", "show", id)
                #expect(shown.output.contains("signature    good, by the key \(keys.good)"), "\(shown.testDescription)")
            }
        }

        @Test func whatCannotBeSignedIsNotStored() throws {
            try withSite(signing: "{ key: \(keys.expired) }", keys: keys.ring) { site in
                try site.addTar()
                let check = try site.gb("config", "check")
                #expect(check.status == 78 && check.output.contains("ERROR: signing: "), "\(check.testDescription)")
                let once = try site.gb("generator", "once")
                expectRefusal(once, 1, keys.expired, "expired")
                #expect(try site.storedFiles() == [])
            }
        }

        @Test func whatIsNotSignedAsDemandedIsNamed() throws {
            try withElement { site, id in
                func refused(_ words: String..., location: SourceLocation = #_sourceLocation) throws {
                    let result = try site.gb("storage", "verify", "--signatures", keys.good)
                    #expect(result.status == 4, "\(result.testDescription)", sourceLocation: location)
                    for word in ["UNTRUSTED: ", id] + words {
                        #expect(
                            result.output.contains(word), "missing: \(word)\n\(result.testDescription)",
                            sourceLocation: location)
                    }
                    let json = try site.gb("storage", "verify", "--signatures", keys.good, "--json")
                    #expect(json.status == 4, sourceLocation: location)
                    let object = try #require(try json.jsonLines().first, sourceLocation: location)
                    let untrusted = object["untrusted"] as? [[String: Any]]
                    #expect(untrusted?.first?["element"] as? String == id, sourceLocation: location)
                    // Who does not ask for signatures is not bothered.
                    try site.good("storage", "verify", location: location)
                }
                try refused("no MetaDataSignature")
                try sign(site, id, by: keys.good)
                try site.good("storage", "verify", "--signatures", keys.good)
                try change(site, id, #""Software": ""#, #""Software": "x"#)
                try refused("bad", keys.good)
                #expect(try site.good("storage", "show", id).output.contains("NOT GOOD"))
                try change(site, id, #""Software": "x"#, #""Software": ""#)
                let other = try site.gb("storage", "verify", "--signatures", keys.expired)
                #expect(other.status == 4 && other.output.contains("not among"), "\(other.testDescription)")
            }
        }

        @Test func holdersWithoutTheKeySaySo() throws {
            try withSite { site in
                try site.addCommand(script: "echo dump")
                let id = try #require(try site.backUp().first)
                try sign(site, id, by: keys.good)
                let result = try site.gb("storage", "verify", "--signatures", keys.good)
                #expect(result.status == 4 && result.output.contains("--import"), "\(result.testDescription)")
                #expect(try site.good("storage", "show", id).output.contains("NOT GOOD"))
            }
        }

        @Test(arguments: [["DEADBEEF"], ["good@example.org"], ["0123456789ABCDEF"], []])
        func onlyFingerprintsAreTaken(names: [String]) throws {
            try withElement { site, _ in
                let result = try site.start(["storage", "verify", "--signatures"] + names).wait()
                expectRefusal(result, 64, names.first ?? "--signatures")
                #expect(result.output == "")
            }
        }
    }
}
