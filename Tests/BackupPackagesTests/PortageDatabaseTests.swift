import BackupModel
import BackupTestKit
import Glibc
import Testing

@testable import BackupPackages

@Suite struct PortageDatabaseTests {
    /// Writes a package directory as portage does.
    private func add(
        _ directory: TemporaryDirectory, _ atom: String, slot: String = "0", below: String = "var/db/pkg",
        _ facts: [String: String] = [:]
    ) throws {
        let parts = atom.split(separator: "/")
        var all = [
            "CATEGORY": String(parts[0]), "PF": String(parts[1]), "SLOT": slot, "EAPI": "8", "repository": "gentoo",
            "USE": "amd64 ssl  threads", "CHOST": "x86_64-pc-linux-gnu", "SIZE": "1234",
        ]
        for (name, value) in facts { all[name] = value }
        for (name, value) in all { try directory.write("\(below)/\(atom)/\(name)", value + "\n") }
        try directory.write("\(below)/\(atom)/CONTENTS", "dir /usr\nobj /usr/bin/a b c 1\n")
    }

    private func snapshot(_ directory: TemporaryDirectory) throws -> PackageSnapshot {
        try PortageReader().snapshot(PackageRoot(path: directory.path), machine: "m")
    }

    @Test func factsAreRead() throws {
        try withTemporaryDirectory { directory in
            try add(
                directory, "dev-libs/openssl-3.0.9-r1", slot: "0/3",
                ["COUNTER": "17", "BUILD_TIME": "1648204000", "BINPKGMD5": "d41d8cd98f00b204e9800998ecf8427e"])
            try add(directory, "media-fonts/font-adobe-100dpi-1.0.3", ["COUNTER": "9"])
            try directory.write(
                "var/lib/portage/world", "dev-libs/openssl:0\n# comment\n\nmedia-fonts/other\n>=app-misc/x-1.2::guru\n")
            try directory.write("var/lib/portage/world_sets", "@kernel\n")
            let found = try snapshot(directory)
            #expect(found.header.root == "/" && found.header.highestSerial == 17 && found.header.isConsistent)
            #expect(
                found.header.world
                    == ["dev-libs/openssl:0", "media-fonts/other", ">=app-misc/x-1.2::guru", "@kernel"])
            #expect(found.header.packageCount == 2 && found.complaints.isEmpty)
            let openssl = try #require(found.packages.first)
            #expect(openssl.fullName == "dev-libs/openssl" && openssl.version == "3.0.9-r1" && openssl.slot == "0/3")
            #expect(openssl.repository == "gentoo" && openssl.serial == 17 && openssl.built == Timestamp(1_648_204_000))
            #expect(openssl.use == ["amd64", "ssl", "threads"] && openssl.size == 1234)
            #expect(openssl.architecture == "x86_64" && openssl.installType == .binary && openssl.isExplicit == true)
            let font = found.packages[1]
            #expect(font.name == "font-adobe-100dpi" && font.isExplicit == false && font.installType == nil)
        }
    }

    @Test func odditiesAreNotPackages() throws {
        try withTemporaryDirectory { directory in
            try add(directory, "a/b-1")
            try add(directory, "a/-MERGING-c-2", ["PF": "c-2"])
            try directory.makeDirectory("var/db/pkg/a/.hidden-1")
            try directory.makeDirectory("var/db/pkg/.locks/x-1")
            try directory.makeDirectory("var/db/pkg/a/CVS")
            try directory.makeDirectory("var/db/pkg/lost+found")
            try directory.makeDirectory("var/db/pkg/a/not-a-version")
            try directory.write("var/db/pkg/a/file-1", "")
            try directory.write("var/db/pkg/cache-1", "")
            try directory.link("var/db/pkg/a/link-1", to: "b-1")
            let found = try snapshot(directory)
            #expect(found.packages.map { $0.name + " " + $0.state } == ["b installed", "c merging"])
            #expect(found.packages.map(\.isInstalled) == [true, false])
            #expect(found.complaints.count == 1 && found.complaints.first?.contains("not-a-version") == true)
        }
    }

    @Test func whatContradictsItselfIsSaid() throws {
        try withTemporaryDirectory { directory in
            try add(directory, "a/b-1", ["PF": "b-2", "CATEGORY": "x", "COUNTER": "many", "SIZE": "-5"])
            try directory.makeDirectory("var/db/pkg/a/empty-1")
            let found = try snapshot(directory)
            #expect(found.packages.map(\.version) == ["1", "1"])
            #expect(found.packages[0].serial == nil && found.packages[0].size == nil)
            #expect(found.complaints.count == 3)
        }
    }

    @Test func oneFileWithAllFactsStandsInForMissingOnes() throws {
        try withTemporaryDirectory { directory in
            let metadata = "#format=1\nSLOT=2/4\nrepository=guru\nCOUNTER=5\nUSE=a b\n#dir_mtime=1\n"
            try directory.write("var/db/pkg/a/b-1/metadata", metadata)
            // Facts that have a file are taken from there; what is missing is not taken from an outdated one.
            try directory.write("var/db/pkg/a/c-1/SLOT", "0\n")
            try directory.write("var/db/pkg/a/c-1/metadata", metadata)
            try directory.write("var/db/pkg/a/d-1/SLOT", "0\n")
            try directory.write("var/db/pkg/a/d-1/metadata", metadata)
            var times = [timespec(tv_sec: 0, tv_nsec: 1), timespec(tv_sec: 0, tv_nsec: 1)]
            #expect(utimensat(AT_FDCWD, directory.path("var/db/pkg/a/d-1"), &times, 0) == 0)
            try directory.write("var/db/pkg/a/e-1/metadata", "#format=2\nSLOT=2\n")
            let packages = try snapshot(directory).packages
            #expect(packages.map(\.slot) == ["2/4", "0", "0", nil])
            #expect(packages.map(\.repository) == ["guru", nil, "guru", nil])
            #expect(packages.map(\.serial) == [5, nil, 5, nil])
            #expect(packages[0].use == ["a", "b"])
        }
    }

    @Test func aPrefixNamesItsRoot() throws {
        try withTemporaryDirectory { directory in
            try add(directory, "a/b-1", ["EPREFIX": "/home/core/gentoo"])
            #expect(try snapshot(directory).header.root == "/home/core/gentoo/")
        }
    }

    @Test func theDatabaseMayBeReachedOverLinksWithinTheRoot() throws {
        try withTemporaryDirectory { directory in
            try add(directory, "a/b-1", below: "srv/db/pkg")
            try directory.makeDirectory("var")
            try directory.makeDirectory("srv/x")
            try directory.link("var/db", to: "/srv/x/../db")
            #expect(try snapshot(directory).packages.count == 1)
            // Above the root there is the root.
            directory.remove("var/db")
            try directory.link("var/db", to: "../../../../srv/db")
            #expect(try snapshot(directory).packages.count == 1)
            directory.remove("var/db")
            try directory.link("var/db", to: "db2")
            try directory.link("var/db2", to: "db")
            let error = #expect(throws: BackupError.self) { try snapshot(directory) }
            #expect(error?.code == .untrusted)
            directory.remove("var/db")
            try directory.link("var/db", to: "nowhere")
            #expect(throws: BackupError.self) { try snapshot(directory) }
        }
    }

    @Test func aMissingDatabaseSaysWhereItWasLookedFor() throws {
        try withTemporaryDirectory { directory in
            let root = try PackageRoot(path: directory.path)
            let error = #expect(throws: BackupError.self) { try PortageReader().snapshot(root, machine: "m") }
            #expect(error?.code == .notFound && error?.remedy.contains("var/db/pkg") == true)
            #expect(throws: BackupError.self) { try PackageManagers.find(root) }
            try directory.write("var/lib/dpkg/status", "")
            #expect(try PackageManagers.find(root).manager == "dpkg")
            try directory.makeDirectory("var/db/pkg")
            #expect(try PackageManagers.find(root).manager == "portage")
            #expect(try PackageManagers.reader("apk").manager == "apk")
            #expect(throws: BackupError.self) { try PackageManagers.reader("rpm") }
        }
    }

    @Test func anUnreadableDatabaseIsAnErrorAndNoEmptySnapshot() throws {
        try withTemporaryDirectory { directory in
            try add(directory, "a/b-1")
            // Permissions mean nothing to root; a link in the place of a fact is refused for everybody.
            directory.remove("var/db/pkg/a/b-1/SLOT")
            try directory.link("var/db/pkg/a/b-1/SLOT", to: "/etc/passwd")
            let error = #expect(throws: BackupError.self) { try snapshot(directory) }
            #expect(error?.code == .untrusted)
            directory.remove("var/db/pkg/a/b-1/SLOT")
            try directory.makeFIFO("var/db/pkg/a/b-1/SLOT")
            #expect(throws: BackupError.self) { try snapshot(directory) }
        }
    }

    // MARK: - Log and database

    /// A log and the database that it leads to, with everything that happens on the way: upgrades, slots, rebuilds, failures,
    /// removals, an unfinished merge, one that is half written.
    private let log = """
        1648204000: Started emerge on: Mar 25, 2022 10:26:40
        1648204000:  *** emerge @world
        1648204001:  >>> emerge (1 of 6) a/b-2 to /
        1648204002:  === (1 of 6) Merging (a/b-2::/x)
        1648204003:  >>> AUTOCLEAN: a/b:0
        1648204004:  === Unmerging... (a/b-1)
        1648204005:  >>> unmerge success: a/b-1
        1648204006:  ::: completed emerge (1 of 6) a/b-2 to /
        1648204007:  >>> emerge (2 of 6) a/gcc-12 to /
        1648204008:  === (2 of 6) Merging (a/gcc-12::/x)
        1648204009:  >>> AUTOCLEAN: a/gcc:12
        1648204010:  ::: completed emerge (2 of 6) a/gcc-12 to /
        1648204011:  >>> emerge (3 of 6) a/rebuilt-1 to /
        1648204012:  === (3 of 6) Merging (a/rebuilt-1::/x)
        1648204013:  >>> AUTOCLEAN: a/rebuilt:0
        1648204014:  === Unmerging... (a/rebuilt-1)
        1648204015:  >>> unmerge success: a/rebuilt-1
        1648204016:  ::: completed emerge (3 of 6) a/rebuilt-1 to /
        1648204017:  >>> emerge (4 of 6) a/failed-1 to /
        1648204018: === Unmerging... (a/gone-1)
        1648204019:  >>> unmerge success: a/gone-1
        1648204020:  >>> emerge (5 of 6) a/final-1 to /
        1648204021:  === (5 of 6) Merging (a/final-1::/x)
        1648204022:  >>> AUTOCLEAN: a/final:0
        1648204023:  >>> emerge (6 of 6) a/half-1 to /
        1648204024:  === (6 of 6) Merging (a/half-1::/x)
        1648204025:  >>> AUTOCLEAN: a/half:0
        1648204026:  *** exiting unsuccessfully with status '1'.
        1648204026:  *** terminating.

        """

    private func build(_ directory: TemporaryDirectory) throws {
        for atom in ["a/b-2", "a/rebuilt-1", "a/final-1", "a/-MERGING-half-1"] { try add(directory, atom) }
        try add(directory, "a/gcc-12", slot: "12")
        // Installed before the log began, one of it in another slot.
        try add(directory, "a/gcc-11", slot: "11", ["BUILD_TIME": "1600000000"])
        try add(directory, "a/ancient-1", ["BUILD_TIME": "1500000000"])
    }

    @Test func theReplayOfTheLogIsTheDatabase() throws {
        try withTemporaryDirectory { directory in
            try build(directory)
            let whole = WholeLog(PortageReader(), log)
            let comparison = PackageComparison(
                replay: PackageReplay(whole.records), pending: whole.pending, snapshot: try snapshot(directory))
            #expect(comparison.agrees, "\(comparison.disagreements)")
            #expect(comparison.agreeing == 4)
            #expect(comparison.olderThanLog.map(\.version) == ["1", "11"])
            #expect(comparison.unfinished.map(\.name) == ["half"])
        }
    }

    @Test func eachDisagreementIsFound() throws {
        try withTemporaryDirectory { directory in
            try build(directory)
            directory.remove("var/db/pkg/a/rebuilt-1")
            directory.remove("var/db/pkg/a/b-2")
            try add(directory, "a/b-3")
            try add(directory, "a/gone-1")
            try add(directory, "a/silent-1", ["BUILD_TIME": "1648209999"])
            let found = try snapshot(directory)
            let comparison = PackageComparison(
                replay: PackageReplay(WholeLog(PortageReader(), log).records), snapshot: found)
            #expect(
                comparison.disagreements.map { "\($0.kind.rawValue) \($0.fullName)" } == [
                    "other_version a/b", "only_in_database a/gone", "only_in_log a/rebuilt", "missed_by_log a/silent",
                ])
            #expect(comparison.disagreements[0].logVersion == "2" && comparison.disagreements[0].databaseVersion == "3")
            // With the records that the check leaves behind, the replay is the database.
            let records = comparison.records(machine: "m", at: Timestamp(1_648_210_000))
            #expect(records.count { $0.event == .disagreement } == 4)
            #expect(records.allSatisfy { $0.completeness == .inferred && $0.position == nil })
            for record in records { #expect(try PackageRecord(parsing: record.canonicalBytes) == record) }
            let again = PackageComparison(
                replay: PackageReplay(WholeLog(PortageReader(), log).records + records), snapshot: found)
            #expect(again.agrees, "\(again.disagreements)")
        }
    }

    @Test func betweenTwoSnapshotsNothingIsOlderThanTheLog() throws {
        try withTemporaryDirectory { directory in
            try build(directory)
            let first = try snapshot(directory)
            try add(directory, "a/silent-1")
            directory.remove("var/db/pkg/a/ancient-1")
            try add(directory, "a/b-3")
            let text = """
                1648205000:  ::: completed emerge (1 of 1) a/b-3 to /mnt/

                """
            let changes = WholeLog(PortageReader(), text).records
            var replay = PackageReplay(first.packages, root: "/mnt/")
            for record in changes { replay.apply(record) }
            let comparison = PackageComparison(replay: replay, snapshot: try snapshot(directory))
            #expect(comparison.logRoot == "/mnt/")
            #expect(
                comparison.disagreements.map { "\($0.kind.rawValue) \($0.fullName)" } == [
                    "only_in_log a/ancient", "missed_by_log a/silent",
                ])
            #expect(comparison.olderThanLog.isEmpty && comparison.agreeing == 6)
        }
    }

    @Test func aLogSeesTheRootByAnotherName() throws {
        try withTemporaryDirectory { directory in
            try build(directory)
            let text = log.replacing(" to /", with: " to /home/core/gentoo/")
            let whole = WholeLog(PortageReader(), text)
            let comparison = PackageComparison(replay: PackageReplay(whole.records), snapshot: try snapshot(directory))
            #expect(comparison.agrees && comparison.agreeing == 4, "\(comparison.disagreements)")
        }
    }
}
