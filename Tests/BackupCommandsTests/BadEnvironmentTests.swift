import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// Keys, programs, disks and permissions that are not as they should be.
    @Suite struct BadEnvironmentTests {
        // MARK: - Keys

        enum BadKey: String, CaseIterable {
            case missing, expired, revoked, noRing
        }

        @Test(arguments: BadKey.allCases) func badKeysStopBeforeTheFirstByte(kind: BadKey) throws {
            let keys = try #require(Keys.current)
            let (name, word) =
                switch kind {
                case .missing: ("0123456789ABCDEF0123456789ABCDEF01234567", "is not in the keys directory")
                case .expired: (keys.expired, "expired")
                case .revoked: (keys.revoked, "revoked")
                case .noRing: (keys.good, "nonexistent")
                }
            let ring = kind == .noRing ? "/nonexistent/ring" : keys.publicRing
            try withSite(encryption: "{ recipients: [\(keys.good), \(name)] }", keys: ring) { site in
                // The command would leave a trace if it were started.
                try site.addCommand(script: "touch \(site.directory.path("read")); echo secret")
                let check = try site.gb("config", "check")
                #expect(check.status == 78)
                #expect(check.output.contains("ERROR: key"), "\(check.testDescription)")
                let once = try site.gb("generator", "once")
                expectRefusal(once, 1, "/host/dump was not backed up", word)
                if kind != .noRing { #expect(once.errors.contains(name), "\(once.testDescription)") }
                #expect(!site.directory.exists("read"))
                #expect(try site.storedFiles() == [])
                let json = try site.gb("generator", "once", "--json").jsonLines()
                #expect((json.first?["error"] as? [String: Any])?["exit"] as? Int == 78)
            }
        }

        @Test func withoutTheSecretKeyNothingIsRestored() throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", keys: keys.publicRing) { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                let plan = try site.gb("restore", "plan", "/host/home")
                #expect(plan.status == 78, "\(plan.testDescription)")
                #expect(plan.output.contains("no: "))
                #expect(plan.output.contains("No secret key is here"))
                let extract = try site.gb("restore", "extract", "/host/home", "--to", site.directory.path("out"))
                expectRefusal(extract, 78, "is encrypted for is not in the keys directory", keys.publicRing, "--import")
                expectRefusal(try site.gb("restore", "verify", "/host/home"), 78, "is encrypted for")
                #expect(!site.directory.exists("out"), "made for nothing, and removed again")
                // What is stored can be checked without any key.
                try site.good("storage", "verify")
            }
        }

        @Test func whatIsStoredIsEncrypted() throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", compression: "none", keys: keys.ring) { site in
                try site.directory.write("secret", "what must not be readable")
                try site.addCommand(script: "cat \(site.directory.path("secret"))")
                try site.backUp()
                let found = try GBProcess(["grep", "-r", "readable", site.storage]).wait()
                #expect(found.status == 1, "\(found.testDescription)")
            }
        }

        // MARK: - Programs

        /// A directory with links to these programs of the system, to be the whole of PATH.
        private func path(_ site: Site, _ programs: String...) throws -> String {
            try site.directory.makeDirectory("bin")
            for program in programs {
                let place = try runTool("sh", "-c", "command -v \(program)").output
                try site.directory.link(
                    "bin/\(program)", to: place.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            return site.directory.path("bin")
        }

        @Test func withoutTarTheReasonIsSaid() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                let environment = ["PATH": try path(site, "sh")]
                let check = try site.gb("config", "check", environment: environment)
                #expect(check.status == 78)
                #expect(check.output.contains("ERROR: unit Home"), "\(check.testDescription)")
                expectRefusal(
                    try site.gb("generator", "once", environment: environment), 1, "/host/home was not backed up",
                    "no program tar")
                #expect(try site.storedFiles() == [])
                try site.good("generator", "once")
                let extract = try site.start(
                    ["restore", "extract", "/host/home", "--to", site.directory.path("out")], environment: environment)
                expectRefusal(extract.wait(), 78, "no program tar")
            }
        }

        @Test func withoutGpgTheReasonIsSaid() throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site in
                try site.addTar()
                try site.fillTree()
                let environment = ["PATH": try path(site, "sh", "tar")]
                let check = try site.gb("config", "check", environment: environment)
                #expect(check.status == 78)
                #expect(check.output.contains("gpg"), "\(check.testDescription)")
                expectRefusal(try site.gb("generator", "once", environment: environment), 1, "gpg")
                #expect(try site.storedFiles() == [])
            }
        }

        // MARK: - Disks

        @Test func aFullDiskLeavesNothing() throws {
            try withMountedFileSystem("size=1m") { mounted in
                try withSite(compression: "none", storage: mounted) { site in
                    try site.addCommand("Small", source: "/host/small", script: "echo small")
                    try site.addCommand("Large", source: "/host/large", script: "head -c 4000000 /dev/zero")
                    let once = try site.gb("generator", "once")
                    expectRefusal(once, 3, "/host/large was not backed up", "space")
                    let files = try Site.files(below: mounted)
                    #expect(
                        files.count == 2 && files.allSatisfy { $0.hasPrefix("host/") && $0.contains("-small-full.") })
                    let json = try site.gb("generator", "once", "--now", "--json", "Large").jsonLines()
                    let error = json.first?["error"] as? [String: Any]
                    #expect(error?["code"] as? String == "no_space")
                    #expect(error?["exit"] as? Int == 75)
                    try site.good("storage", "verify")
                }
            }
        }

        @Test func aDiskWithoutInodesLeavesNothing() throws {
            try withMountedFileSystem("size=4m,nr_inodes=4") { mounted in
                try withSite(compression: "none", storage: mounted) { site in
                    try site.addCommand(script: "echo small")
                    try FileManager.default.createDirectory(
                        atPath: mounted + "/host", withIntermediateDirectories: false)
                    for number in 0..<2
                    where !FileManager.default.createFile(
                        atPath: mounted + "/host/other\(number)", contents: nil)
                    {
                        Issue.record("the file system is full too early")
                    }
                    expectRefusal(try site.gb("generator", "once"), 1, "/host/dump was not backed up", "inodes")
                    #expect(try Site.files(below: mounted) == ["host/other0", "host/other1"])
                }
            }
        }

        @Test(arguments: [("size=1m", "no space left"), ("size=16m,nr_inodes=20", "no inodes left")])
        func aFullTargetIsNamed(options: String, said: String) throws {
            try withMountedFileSystem(options) { mounted in
                try withSite { site in
                    try site.addTar()
                    try runTool(
                        "sh", "-c", "for i in $(seq 100); do head -c 30000 /dev/zero | tr '\\0' x > $i; done",
                        directory: site.tree)
                    try site.backUp()
                    let result = try site.gb("restore", "extract", "/host/home", "--to", mounted)
                    expectRefusal(result, 75, "the target \(mounted) is full", said, "--to")
                }
            }
        }

        /// Elements of the original have no checksum: then gpg and zstd are the ones who see it.
        @Test(arguments: [true, false]) func damageWithoutAChecksumIsDamage(encrypted: Bool) throws {
            let keys = try #require(Keys.current)
            let encryption = encrypted ? "{ recipients: [\(keys.good)] }" : "none"
            try withSite(encryption: encryption, keys: keys.ring) { site in
                try site.addCommand(script: "head -c 300000 /dev/urandom")
                let id = try #require(try site.backUp().first)
                let name = try #require(id.split(separator: "/").last)
                let place = site.storage + "/host/"
                try runTool(
                    "sed", "-i", "-E", "s/\"StorageFileChecksumSha512\": *(\"[^\"]*\"|null),?//", place + "\(name).info"
                )
                for offset in [1, 200, 150_000, 299_990] {
                    let data = place + "\(name).data"
                    let bytes = try Data(contentsOf: URL(fileURLWithPath: data))
                    var bad = bytes
                    bad[offset] ^= 0x55
                    try bad.write(to: URL(fileURLWithPath: data))
                    let result = try site.gb("restore", "cat", id)
                    expectRefusal(result, 4, encrypted ? "gpg" : "zstd")
                    try bytes.write(to: URL(fileURLWithPath: data))
                }
                try site.good("restore", "cat", id)
            }
        }

        @Test func aReadOnlyStorageIsNamed() throws {
            try withMountedFileSystem("size=4m") { mounted in
                try withSite(storage: mounted) { site in
                    try site.addCommand(script: "echo small")
                    let id = try #require(try site.backUp().first)
                    try remountReadOnly(mounted)
                    let check = try site.gb("config", "check")
                    #expect(check.status == 78)
                    #expect(check.output.lowercased().contains("read-only"), "\(check.testDescription)")
                    let once = try site.gb("generator", "once", "--now")
                    #expect(once.status == 1, "\(once.testDescription)")
                    #expect(once.errors.lowercased().contains("read-only"))
                    // Reading needs no writing.
                    #expect(try site.good("restore", "cat", id).output == "small\n")
                    try site.good("storage", "verify")
                }
            }
        }

        // MARK: - Permissions

        /// Root may read everything, so the program is run as somebody else.
        @Test func anUnreadableFileFailsTheRun() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                try site.directory.write("tree/private", "x")
                // The tests may lie where only root can go.
                try runTool("cp", GBProcess.gb, site.directory.path("gb"))
                var words = [site.directory.path("gb"), "generator", "once", "--config-dir", site.configuration]
                if getuid() == 0 {
                    try runTool("chown", "-R", "65534:65534", site.directory.path)
                    try runTool("chown", "0:0", site.tree + "/private")
                    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + words
                } else {
                    try runTool("chmod", "0", site.tree + "/private")
                }
                let result = try GBProcess(words, environment: ["HOME": site.directory.path]).wait()
                expectRefusal(result, 1, "/host/home was not backed up", "private", "Permission denied")
                #expect(try site.storedFiles() == [])
                try runTool("rm", "-f", site.tree + "/private")
                let again = try GBProcess(words, environment: ["HOME": site.directory.path]).wait()
                #expect(again.status == 0, "\(again.testDescription)")
            }
        }

        // MARK: - Time

        @Test func aClockThatWasSetBackMakesAFull() throws {
            try withSite { site in
                try site.addTar()
                try site.fillTree()
                try site.backUp()
                let path = "state/generators/Home/state.current"
                let text = String(decoding: try site.directory.read(path), as: UTF8.self)
                let now = Int(Date().timeIntervalSince1970)
                // As if the last run had been made in three hours.
                let changed = text.replacing(try Regex("[0-9]{10}")) { _ in "\(now + 3 * 3600)" }
                try #require(changed != text)
                try site.directory.write(path, changed)
                let list = try site.good("generator", "list")
                #expect(list.output.contains("clock was set back"), "\(list.testDescription)")
                let again = try site.good("generator", "once", "--now", "--json").jsonLines()
                #expect(again.first?["type"] as? String == "full")
                try site.good("restore", "extract", "/host/home", "--to", site.directory.path("out"))
                #expect(try site.restoredEquals("out") == [])
            }
        }
    }
}
