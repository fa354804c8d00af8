import BackupTestKit
import Foundation
import Testing

extension CommandTests {
    /// What the unit `packages` has stored, asked: it must be what the machine itself says.
    @Suite struct StoredPackagesUnitTests {
        private let words = [
            ["log", "--csv"], ["log", "libx", "*/openssl", "--csv"], ["at", "@1700005000", "--csv"],
            ["at", "2026-03-01T13:00", "--csv"], ["at", "now", "--csv"], ["diff", "@1700005000", "now", "--csv"],
            ["which", "*", "--csv"], ["which", "*/*", "--csv"],
        ]

        /// A site with the unit for a system below it, encrypted.
        private func withUnit(_ body: (Site, PackageSystem) throws -> Void) throws {
            let keys = try #require(Keys.current)
            try withSite(encryption: "{ recipients: [\(keys.good)] }", keys: keys.ring) { site in
                let system = try PackageSystem(site.directory)
                let definitions = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/units/"
                try site.directory.link("conf/units/Packages", to: definitions + "packages")
                try site.directory.write("conf/units/Packages.config", "base: /h/packages\nroot: \(system.root)\n")
                try body(site, system)
            }
        }

        /// Asks both, and compares what they print.
        private func expectSame(_ site: Site, _ system: PackageSystem, location: SourceLocation = #_sourceLocation)
            throws
        {
            for words in words {
                let own = try GBProcess.start(["packages"] + words + ["--root", system.root]).wait()
                let stored = try site.start(["packages"] + words + ["--from-storage"]).wait()
                #expect(
                    own.status == stored.status && own.output == stored.output,
                    "\(words)\n\(own.testDescription)\n\(stored.testDescription)", sourceLocation: location)
            }
            // Since the last full the log has told more, and the database was not asked.
            func packages(_ result: GBResult) throws -> [String] {
                try result.jsonLines().dropFirst().map {
                    "\($0["Name"] ?? "") \($0["Version"] ?? "") \($0["State"] ?? "")"
                }
            }
            let own = try GBProcess.start(["packages", "snapshot", "--json", "--root", system.root]).wait()
            let stored = try site.good("packages", "snapshot", "--json", "--from-storage")
            #expect(try packages(own) == packages(stored), sourceLocation: location)
            let check = try site.gb("packages", "snapshot", "--check", "--from-storage")
            #expect(check.status == 0, "\(check.testDescription)", sourceLocation: location)
        }

        @Test func gentooIsToldAsItIs() throws {
            try withUnit { site, system in
                try system.write("var/log/emerge.log", PackageSystem.days[0])
                for atom in ["dev-libs/openssl-3.0.8", "sys-libs/zlib-1.2.13"] {
                    try system.addToDatabase(atom, built: PackageSystem.begin + 80)
                }
                try system.addToDatabase("sys-apps/old-1.0", built: PackageSystem.begin - 5000)
                try site.backUp()
                try expectSame(site, system)
                system.directory.remove("root/var/db/pkg/dev-libs/openssl-3.0.8")
                try system.makeGentoo(log: false)
                try system.write("var/log/emerge.log", PackageSystem.days[..<2].joined())
                try site.backUp()
                try expectSame(site, system)
                system.directory.remove("root/var/db/pkg/sys-libs/zlib-1.2.13")
                try system.makeGentoo()
                try site.backUp("--full")
                try expectSame(site, system)
                try site.backUp()
                try expectSame(site, system)
            }
        }

        @Test func debianIsToldAsItIs() throws {
            try withUnit { site, system in
                try system.makeDebianBeforeUpgrade()
                try site.backUp()
                try expectSame(site, system)
                try system.makeDebian()
                try site.backUp()
                try expectSame(site, system)
                try site.backUp("--full")
                try expectSame(site, system)
            }
        }

        /// The state of the unit is an older copy, and later is lost; the clock was ahead for a line, and then went back.
        @Test func whateverBecomesOfItsStateNothingIsToldTwice() throws {
            try withUnit { site, system in
                let packages = [
                    ("a", "2026-02-20 10:00:0"), ("b", "2036-01-01 10:00:0"), ("c", "2026-02-20 11:00:0"),
                    ("d", "2026-02-20 09:00:0"), ("e", "2026-02-20 12:00:0"),
                ]
                func make(_ count: Int) throws {
                    let known = packages.prefix(count)
                    try system.write(
                        "var/log/dpkg.log",
                        known.map { name, time in
                            """
                            \(time)0 install \(name):amd64 <none> 1.0
                            \(time)0 status unpacked \(name):amd64 1.0
                            \(time)1 status installed \(name):amd64 1.0

                            """
                        }.joined())
                    try system.write(
                        "var/lib/dpkg/status",
                        known.map { name, _ in
                            "Package: \(name)\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n"
                        }.joined())
                }
                let (state, copy) = (site.directory.path("state"), site.directory.path("copy"))
                try make(1)
                try site.backUp()
                try runTool("cp", "-a", state, copy)
                try make(3)
                try site.backUp()
                try expectSame(site, system)
                try runTool("rm", "-r", state)
                try runTool("cp", "-a", copy, state)
                try make(4)
                try site.backUp()
                try expectSame(site, system)
                try site.backUp("--full")
                try expectSame(site, system)
                try runTool("rm", "-r", state)
                try site.backUp()
                try expectSame(site, system)
                try make(5)
                try site.backUp("--full")
                try expectSame(site, system)
            }
        }

        /// Somebody has removed a package behind dpkg's back, and the state of the unit was lost: the log is read once more, and
        /// the database shows the same again.
        @Test func whatNoLineSaysIsToldOnce() throws {
            try withUnit { site, system in
                try system.write(
                    "var/log/dpkg.log",
                    ["here", "gone"].map { name in
                        """
                        2026-02-20 10:00:00 install \(name):amd64 <none> 1.0
                        2026-02-20 10:00:00 status unpacked \(name):amd64 1.0
                        2026-02-20 10:00:01 status installed \(name):amd64 1.0

                        """
                    }.joined())
                try system.write(
                    "var/lib/dpkg/status",
                    "Package: here\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n")
                try site.backUp()
                try runTool("rm", "-r", site.directory.path("state"))
                try site.backUp()
                let records = try site.good("packages", "log", "--from-storage", "--json").jsonLines()
                let told = records.map { "\($0["Event"] ?? "") \($0["Name"] ?? "")" }
                #expect(told == ["install here", "install gone", "disagreement gone", "uninstall gone"])
            }
        }

        /// dpkg was at work when the full was made: that contradicts nothing.
        @Test func aManagerAtWorkIsNoContradiction() throws {
            try withUnit { site, system in
                let (lines, status) = try system.makeDebianBeforeUpgrade()
                try site.backUp()
                // Unpacked, and not yet configured.
                try system.write("var/log/dpkg.log", lines.dropLast().joined())
                try system.write(
                    "var/lib/dpkg/status", status.replacingOccurrences(of: "ok installed", with: "ok unpacked"))
                try site.backUp("--full")
                let meanwhile = try site.gb("packages", "snapshot", "--from-storage", "--csv")
                #expect(meanwhile.output.contains("unpacked"), "\(meanwhile.testDescription)")
                // Nobody knows yet.
                #expect(try site.gb("packages", "snapshot", "--check", "--from-storage").status == 4)
                try system.makeDebian()
                try site.backUp()
                try site.backUp("--full")
                let check = try site.gb("packages", "snapshot", "--check", "--from-storage")
                #expect(check.status == 0 && !check.errors.contains("lead to"), "\(check.testDescription)")
                let now = try site.gb("packages", "at", "now", "--from-storage", "--csv")
                #expect(now.output.contains(",libx,1.0-2,,amd64,,binary,,installed,"), "\(now.testDescription)")
            }
        }
    }
}

extension PackageSystem {
    /// Debian before its log had said that libx is upgraded, from 1.0-1 to 1.0-2.
    ///
    /// - Returns: the lines of the log, and the database, as ``makeDebian()`` has them: after the upgrade.
    @discardableResult
    fileprivate func makeDebianBeforeUpgrade() throws -> (lines: [String], status: String) {
        try makeDebian()
        let log = String(decoding: try directory.read("root/var/log/dpkg.log"), as: UTF8.self)
        let lines = log.split(separator: "\n").map { String($0) + "\n" }
        let status = String(decoding: try directory.read("root/var/lib/dpkg/status"), as: UTF8.self)
        try write("var/log/dpkg.log", lines[..<5].joined())
        try write("var/lib/dpkg/status", status.replacingOccurrences(of: "1.0-2", with: "1.0-1"))
        return (lines, status)
    }
}
