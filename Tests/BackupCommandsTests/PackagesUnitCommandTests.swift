import BackupTestKit
import Foundation
import Glibc
import Testing

extension CommandTests {
    /// The unit `packages` as an administrator sees it: `gb generator`, the storage, the journal.
    @Suite struct PackagesUnitTests {
        private func site(_ system: PackageSystem, _ more: String = "") throws {
            let place = system.directory
            for name in ["conf/units", "store"] { try place.makeDirectory(name) }
            try place.write(
                "conf/config",
                """
                general:
                  state_directory: \(place.path("state"))
                  runtime_directory: \(place.path("run"))
                  keys_directory: \(place.path("keys"))
                storage: { directory: \(place.path("store")) }
                pipeline: { encryption: none }
                """)
            let definitions = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/units/"
            try place.link("conf/units/Packages", to: definitions + "packages")
            try place.write("conf/units/Packages.config", "base: /h/packages\nroot: \(system.root)\n\(more)\n")
        }

        private func gb(_ system: PackageSystem, _ words: String...) throws -> GBResult {
            try GBProcess.start(words + ["--config-dir", system.directory.path("conf")]).wait()
        }

        private func lines(_ text: String) throws -> [[String: Any]] {
            try text.split(separator: "\n").map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
        }

        private func text(_ system: PackageSystem, _ name: String) throws -> String {
            try String(contentsOfFile: system.directory.path(name), encoding: .utf8)
        }

        @Test func gentooIsFollowed() throws {
            try withPackageSystem { system in
                try site(system)
                try system.makeGentoo()
                #expect(try gb(system, "machine", "register").status == 0)
                let machine = try gb(system, "machine", "show").output.split(separator: "\n").joined()
                let first = try gb(system, "generator", "once")
                #expect(first.status == 0 && first.errors == "", "\(first.testDescription)")
                // Two days later: openssl is updated, and something changes that no line of the log speaks of.
                let update = PackageSystem.emerge(
                    "dev-libs/openssl-3.1.0", replacing: "dev-libs/openssl-3.0.9", at: PackageSystem.begin + 4 * 86400)
                system.directory.remove("root/var/db/pkg/dev-libs/openssl-3.0.9")
                try system.addToDatabase("dev-libs/openssl-3.1.0", built: PackageSystem.begin + 4 * 86400 + 50)
                system.directory.remove("root/var/db/pkg/sys-apps/old-1.0")
                try system.write("var/log/emerge.log", PackageSystem.days.joined() + update)
                let second = try gb(system, "generator", "once", "--now")
                #expect(second.status == 0, "\(second.testDescription)")

                let log = try gb(system, "restore", "cat", "/h/packages/log")
                #expect(log.status == 0 && log.output == PackageSystem.days.joined() + update)
                let state = try lines(try gb(system, "restore", "cat", "/h/packages/state").output)
                #expect(
                    state.allSatisfy { $0["Machine"] as? String == machine && $0["Manager"] as? String == "portage" })
                let names = state.map { line in
                    let event = line["Event"] as? String ?? line["Kind"] as? String ?? ""
                    return event + " " + (line["Name"] as? String ?? "") + " " + (line["Version"] as? String ?? "")
                }
                #expect(names.contains("install openssl 3.0.8") && names.contains("package old 1.0"))
                #expect(Array(names.suffix(2)) == ["disagreement old 1.0", "uninstall old 1.0"])
                #expect(names.contains("uninstall openssl 3.0.9") && names.contains("install openssl 3.1.0"))

                let journal = try lines(text(system, "state/journal.jsonl"))
                let found = journal.filter { $0["event"] as? String == "package_disagreement" }
                #expect(found.count == 1 && found.first?["package"] as? String == "sys-apps/old")
                #expect(found.first?["source"] as? String == "/h/packages/state")
                let information = try gb(system, "storage", "list", "--json").output
                #expect(information.split(separator: "\n").count == 4)
                #expect(information.split(separator: "\n").allSatisfy { $0.contains("\"Machine\":\"\(machine)\"") })
                #expect(try gb(system, "storage", "verify").status == 0)
                #expect(try gb(system, "restore", "verify", "/h/packages/log").status == 0)
            }
        }

        @Test func catOfASourceIsItsChainUpToATime() throws {
            try withPackageSystem { system in
                try site(system)
                try system.makeDebian()
                for _ in 0..<2 { #expect(try gb(system, "generator", "once", "--now").status == 0) }
                let whole = try gb(system, "restore", "cat", "/h/packages/log", "--at", "now")
                let log = try text(system, "root/var/log/dpkg.log")
                #expect(whole.status == 0 && whole.output == log)
                let early = try gb(system, "restore", "cat", "/h/packages/log", "--at", "2020-01-01")
                #expect(early.status == 66 && early.output == "")
                let unknown = try gb(system, "restore", "cat", "/h/packages/logg")
                #expect(unknown.status == 66 && unknown.errors.contains("/h/packages/logg"))
                let element = try gb(system, "restore", "cat", "/h/packages/20260101000000-log-full", "--at", "now")
                #expect(element.status == 64 && element.errors.contains("leave `--at` out"))
            }
        }

        @Test func catOfIncrementsOfTarIsRefused() throws {
            try withPackageSystem { system in
                try site(system)
                try system.makeDebian()
                let place = system.directory
                let definitions = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/units/"
                try place.link("conf/units/Root", to: definitions + "tar")
                try place.write(
                    "conf/units/Root.config",
                    """
                    sources:
                      /h/root:
                        root: \(system.root)
                        full_timing: { min: 6d, max: 7d }
                        inc_timing: { min: 20h, max: 28h }
                    """)
                #expect(try gb(system, "generator", "once", "Root").status == 0)
                #expect(try gb(system, "restore", "cat", "/h/root").status == 0)
                #expect(try gb(system, "generator", "once", "--now", "Root").status == 0)
                let result = try gb(system, "restore", "cat", "/h/root")
                #expect(result.status == 64 && result.output == "" && result.errors.contains("gb restore extract"))
            }
        }

        /// What `doc/package-state.md` says of a generator that is not root.
        @Test func withoutRootItWorks() throws {
            try withPackageSystem { system in
                try site(system)
                try system.makeGentoo()
                let place = system.directory
                var words = [GBProcess.gb, "generator", "once", "--config-dir", place.path("conf")]
                if geteuid() == 0 {
                    let changes = """
                        chmod 755 '\(place.path)'; chmod -R go+rX '\(place.path("conf"))' '\(system.root)'; mkdir -p '\(place.path("state"))' '\(place.path("run"))'
                        chown -R 65534:65534 '\(place.path("state"))' '\(place.path("run"))' '\(place.path("store"))'
                        chgrp 65533 '\(system.root)/var/log/emerge.log'; chmod 640 '\(system.root)/var/log/emerge.log'
                        """
                    let made = try GBProcess(["sh", "-e", "-c", changes]).wait()
                    try #require(made.status == 0, "\(made.testDescription)")
                    let who = ["--reuid=65534", "--regid=65534"]
                    // As a stranger to the group it may not read the log, and says who may.
                    let stranger = try GBProcess(["setpriv"] + who + ["--clear-groups"] + words).wait()
                    #expect(
                        stranger.status != 0 && stranger.errors.contains("emerge.log"), "\(stranger.testDescription)")
                    words = ["setpriv"] + who + ["--groups=65533"] + words
                }
                let result = try GBProcess(words).wait()
                #expect(result.status == 0, "\(result.testDescription)")
                #expect(try gb(system, "storage", "list", "--json").output.split(separator: "\n").count == 2)
            }
        }
    }
}
