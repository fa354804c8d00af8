import BackupModel
import BackupSystem
import BackupTestKit
import Testing

@testable import BackupPackages

@Suite struct DpkgDatabaseTests {
    private func write(_ directory: TemporaryDirectory) throws {
        try directory.write(
            "var/lib/dpkg/status",
            """
            Package: libssl3
            Status: install ok installed
            Installed-Size: 6026
            Multi-Arch: same
            architecture: amd64
            Version: 3.0.16-1
            Description: Secure Sockets Layer
             Version: this is no field
            \tStatus: nor is this

            Package: vim
            Status: hold ok installed
            Architecture: amd64
            Version: 2:9.0-1

            Package: man-db
            Status: install ok triggers-awaited
            Architecture: amd64
            Version: 2.11

            Package: libc-bin
            Status: install ok installed
            Architecture: amd64
            Version: 2.36-9

            Package: left
            Status: deinstall ok config-files
            Architecture: all
            Version: 1

            Package: selected
            Status: install ok not-installed
            Architecture: amd64

            Package: broken


            """)
        try directory.write(
            "var/lib/dpkg/updates/0000",
            "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0-2\n")
        try directory.write("var/lib/dpkg/updates/tmp.i", "Package: never\nStatus: install ok installed\nVersion: 1\n")
        try directory.write(
            "var/lib/apt/extended_states",
            "Package: libssl3\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: vim\nArchitecture: amd64\nAuto-Installed: 0\n"
        )
    }

    @Test func stanzasAreRead() throws {
        try withTemporaryDirectory { directory in
            try write(directory)
            let snapshot = try DpkgReader().snapshot(PackageRoot(path: directory.path), machine: "m")
            #expect(
                snapshot.packages.map { "\($0.name) \($0.version) \($0.state)" } == [
                    "left 1 config-files", "libc-bin 2.36-9 installed", "libssl3 3.0.16-1 installed",
                    "man-db 2.11 triggers-awaited", "vim 2:9.0-2 installed",
                ])
            let libssl = snapshot.packages[2]
            #expect(libssl.architecture == "amd64" && libssl.size == 6026 << 10 && libssl.isExplicit == false)
            #expect(snapshot.packages[4].isExplicit == true && snapshot.packages[0].isExplicit == nil)
            #expect(snapshot.packages[0].isInstalled == false && snapshot.packages[3].isInstalled)
            #expect(snapshot.complaints.count == 1)
        }
    }

    @Test func theReplayOfTheLogIsTheDatabase() throws {
        try withTemporaryDirectory { directory in
            try write(directory)
            directory.remove("var/lib/dpkg/updates")
            let log = WholeLog(DpkgReader(), DpkgLogTests.story)
            let snapshot = try DpkgReader().snapshot(PackageRoot(path: directory.path), machine: "m")
            let comparison = PackageComparison(
                replay: PackageReplay(log.records), pending: log.pending, snapshot: snapshot)
            #expect(comparison.agrees && comparison.agreeing == 3, "\(comparison.disagreements)")
            // A trigger is no change of the package, so the log has nothing to say of libc-bin.
            #expect(comparison.olderThanLog.map(\.name) == ["left", "libc-bin"])
        }
    }

    /// The machine that runs the tests, where it is one with dpkg: the state in which the log leaves each package is the one
    /// of the status file, but for packages that were installed before the log began.
    @Test func theLogOfThisMachineLeadsToItsDatabase() throws {
        let root = try PackageRoot(path: "/")
        guard try DpkgReader().isPresent(root), let first = try root.file("var/log/dpkg.log", limit: 1 << 30) else {
            // No failure: other systems have no such files. It is said, so that nobody takes it for a proof.
            Issue.record("this machine has no dpkg log and database; nothing was compared", severity: .warning)
            return
        }
        // What was rotated away and not packed comes first; with a gap in between the log would begin later.
        let bytes = (try root.file("var/log/dpkg.log.1", limit: 1 << 30) ?? []) + first
        let log = WholeLog(DpkgReader(), bytes)
        #expect(log.rejected.count == 0, "\(log.rejected.quotes)")
        let snapshot = try DpkgReader().snapshot(root, machine: "m")
        let replay = PackageReplay(log.records)
        let comparison = PackageComparison(replay: replay, pending: log.pending, snapshot: snapshot)
        #expect(comparison.disagreements == [])
        #expect(comparison.agreeing + comparison.olderThanLog.count == snapshot.packages.count)
        if bytes.count > 100_000 { #expect(comparison.agreeing > 0) }

        // And without this module's idea of what is open: the last status line of each package.
        var last: [String: String] = [:]
        for line in bytes.split(separator: 0x0a) {
            let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            if words.count == 6, words[2] == "status" { last[words[4]] = words[3] + " " + words[5] }
        }
        for package in snapshot.packages {
            let name = package.name + ":" + (package.architecture ?? "")
            guard let line = last[name] else { continue }
            #expect(line == package.state + " " + package.version, "\(name)")
        }
    }
}
