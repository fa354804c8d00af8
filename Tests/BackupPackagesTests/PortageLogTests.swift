import BackupModel
import Testing

@testable import BackupPackages

/// Whole stories of `emerge.log`.
@Suite struct PortageLogTests {
    private let reader = PortageReader()

    private func log(_ text: String) -> WholeLog { WholeLog(reader, text) }

    /// The lines of a job from source.
    private func merge(
        _ atom: String, _ stamp: Int, step: String = "1 of 1", slot: String = "0", old: String? = nil,
        root: String = "/",
        completes: Bool = true
    ) -> String {
        let parts = atom.split(separator: "/")
        let name = parts[1].prefix { $0 != "-" }
        let path = "\(atom)::/var/db/repos/gentoo/\(parts[0])/\(name)/\(parts[1]).ebuild"
        var text = """
            \(stamp):  >>> emerge (\(step)) \(atom) to \(root)
            \(stamp):  === (\(step)) Cleaning (\(path))
            \(stamp):  === (\(step)) Compiling/Merging (\(path))
            \(stamp + 10):  === (\(step)) Merging (\(path))
            \(stamp + 11):  >>> AUTOCLEAN: \(parts[0])/\(name):\(slot)

            """
        if let old {
            text += """
                \(stamp + 12):  === Unmerging... (\(old))
                \(stamp + 14):  >>> unmerge success: \(old)

                """
        }
        if completes {
            text += """
                \(stamp + 20):  === (\(step)) Post-Build Cleaning (\(path))
                \(stamp + 20):  ::: completed emerge (\(step)) \(atom) to \(root)

                """
        }
        return text
    }

    private func run(_ stamp: Int, _ arguments: String = "--ask @world") -> String {
        let time = Timestamp(Int64(stamp))
        let civil = CivilTime(time)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return """
            \(stamp): Started emerge on: \(months[civil.month - 1]) \(civil.day.padded(2)), \(civil.year) \
            \(civil.hour.padded(2)):\(civil.minute.padded(2)):\(civil.second.padded(2))
            \(stamp):  *** emerge \(arguments)

            """
    }

    private func end(_ stamp: Int) -> String { "\(stamp):  *** terminating.\n" }

    // MARK: - Merges

    @Test func anUpgradeRemovesTheOldVersionAndThenInstallsTheNew() throws {
        let text = run(1_648_204_000) + merge("dev-libs/a-2", 1_648_204_010, slot: "0/3", old: "dev-libs/a-1")
        let log = log(text + end(1_648_204_100))
        #expect(log.rejected.count == 0)
        #expect(log.changes == ["-dev-libs/a-1", "+dev-libs/a-2"])
        let removal = try #require(log.only(.uninstall).first)
        #expect(removal.cause == .replaced && removal.otherVersion == "2" && removal.slot == "0/3")
        #expect(removal.duration == 2)
        let install = try #require(log.only(.install).first)
        #expect(install.category == "dev-libs" && install.name == "a" && install.version == "2")
        #expect(install.installType == .source && install.repository == "gentoo" && install.slot == "0/3")
        #expect(install.started == Timestamp(1_648_204_010) && install.finished == Timestamp(1_648_204_030))
        #expect(install.duration == 20 && install.completeness == .complete && install.otherVersion == "1")
        #expect(install.recorded == "1648204030" && install.zoneOffset == 0 && install.root == "/")
        #expect(install.isExplicit == nil)
        let position = try #require(install.position)
        let line = try #require(Array(text.utf8)[Int(position.offset)...].split(separator: 0x0a).first)
        #expect(String(decoding: line, as: UTF8.self).hasSuffix("::: completed emerge (1 of 1) dev-libs/a-2 to /"))
        #expect(position.length == line.count)
        #expect(position.digest == Array(line).withByteText { $0.digest })
    }

    @Test func aRebuildRemovesAndInstallsTheSameVersion() {
        let log = log(run(100) + merge("dev-libs/a-1", 110, old: "dev-libs/a-1") + end(200))
        #expect(log.changes == ["-dev-libs/a-1", "+dev-libs/a-1"])
        #expect(PackageReplay(log.records).state.installed.count == 1)
    }

    @Test func theZoneIsThatOfTheRun() throws {
        let log = log(
            "1648204018: Started emerge on: Mar 25, 2022 11:26:57\n" + merge("a/b-1", 1_648_204_020)
                + "1648304018: Started emerge on: not a date\n" + merge("a/c-1", 1_648_304_020))
        #expect(log.only(.install).map(\.zoneOffset) == [3600, 3600])
        #expect(self.log(merge("a/b-1", 1_648_204_020)).only(.install).first?.zoneOffset == nil)
    }

    @Test func aBinaryPackageIsKnownByItsLine() throws {
        let log = log(
            """
            10:  >>> emerge (1 of 1) a/b-1 to /
            10:  --- (1 of 1) Fetching Binary (a/b-1::/var/cache/binpkgs/a/b/b-1-1.gpkg.tar)
            15:  === (1 of 1) Merging Binary (a/b-1::/var/cache/binpkgs/a/b/b-1-1.gpkg.tar)
            16:  >>> AUTOCLEAN: a/b:0
            17:  === (1 of 1) Post-Build Cleaning (a/b-1::/var/cache/binpkgs/a/b/b-1-1.gpkg.tar)
            17:  ::: completed emerge (1 of 1) a/b-1 to /

            """)
        let install = try #require(log.only(.install).first)
        #expect(install.installType == .binary && install.repository == nil && install.duration == 7)
    }

    @Test func theWorldFileTellsWhatSomebodyWanted() {
        let log = log(
            """
            10:  >>> emerge (1 of 1) a/b-1 to /
            12:  === (1 of 1) Merging (a/b-1::/x)
            12:  >>> AUTOCLEAN: a/b:0
            13:  === (1 of 1) Updating world file (a/b-1)
            14:  ::: completed emerge (1 of 1) a/b-1 to /

            """)
        #expect(log.only(.install).first?.isExplicit == true)
    }

    @Test func parallelJobsAreToldApart() {
        let log = log(
            run(100) + """
                110:  >>> emerge (1 of 3) a/b-2 to /
                111:  >>> emerge (2 of 3) a/bc-2 to /
                112:  >>> emerge (3 of 3) a/d-2 to /
                120:  === (2 of 3) Merging (a/bc-2::/x)
                121:  === (1 of 3) Merging (a/b-2::/x)
                106:  === (3 of 3) Merging (a/d-2::/x)
                122:  >>> AUTOCLEAN: a/b:0
                122:  >>> AUTOCLEAN: a/bc:1
                123:  === Unmerging... (a/bc-1)
                123:  === Unmerging... (a/b-1)
                123:  >>> AUTOCLEAN: a/d:0
                124:  >>> unmerge success: a/b-1
                126:  >>> unmerge success: a/bc-1
                130:  ::: completed emerge (3 of 3) a/d-2 to /
                131:  ::: completed emerge (1 of 3) a/b-2 to /
                132:  ::: completed emerge (2 of 3) a/bc-2 to /

                """ + end(140))
        #expect(log.changes == ["-a/b-1", "-a/bc-1", "+a/d-2", "+a/b-2", "+a/bc-2"])
        #expect(log.records.compactMap { $0.name == nil ? nil : $0.duration } == [1, 3, 18, 21, 21])
        #expect(log.only(.install).map(\.slot) == ["0", "0", "1"])
    }

    @Test func rootsAreKeptApart() {
        let log = log(
            """
            10:  >>> emerge (1 of 1) a/b-1 to /
            11:  >>> emerge (1 of 1) a/b-1 to /usr/armv7a/
            20:  ::: completed emerge (1 of 1) a/b-1 to /usr/armv7a/
            30:  ::: completed emerge (1 of 1) a/b-1 to /

            """)
        #expect(log.only(.install).map(\.root) == ["/usr/armv7a/", "/"])
        #expect(log.only(.install).map(\.duration) == [9, 20])
        #expect(PackageReplay(log.records).state.installed.count == 2)
    }

    @Test func aRemovalBelongsToTheOnlyRootThereIs() {
        let prefix = "/home/core/gentoo/"
        let log = log(
            merge("a/b-1", 10, root: prefix) + """
                50: === Unmerging... (a/b-1)
                51:  >>> unmerge success: a/b-1

                """)
        #expect(log.only(.uninstall).map(\.root) == [prefix])
        #expect(log.only(.uninstall).first?.isRootKnown == true)
    }

    @Test func aRemovalOfWhichNobodyKnowsTheRootIsFoundByThePackage() {
        let log = log(
            merge("a/b-1", 10, root: "/") + merge("a/c-1", 10, root: "/x/") + """
                50: === Unmerging... (a/c-1)
                51:  >>> unmerge success: a/c-1

                """)
        #expect(log.only(.uninstall).first?.isRootKnown == false)
        #expect(PackageReplay(log.records).state.installed.map(\.identity.fullName) == ["a/b"])
        let named = self.log(run(40, "--root=/x --unmerge a/c") + "51:  >>> unmerge success: a/c-1\n")
        #expect(named.only(.uninstall).map(\.root) == ["/x/"])
    }

    // MARK: - What does not end

    @Test func aMergeThatReachedTheTreeIsUnfinishedWhenTheRunEnds() throws {
        let log = log(run(100) + merge("a/b-2", 110, old: "a/b-1", completes: false) + end(200))
        #expect(log.changes == ["-a/b-1", "+a/b-2?"])
        let install = try #require(log.only(.install).first)
        #expect(install.finished == Timestamp(121) && install.duration == nil && install.otherVersion == "1")
        #expect(log.pending.isEmpty)
    }

    @Test func whileTheRunGoesOnItIsPending() {
        let log = log(run(100) + merge("a/b-2", 110, completes: false))
        #expect(log.changes.isEmpty)
        #expect(log.pending.compactMap(\.short) == ["+a/b-2?"])
    }

    @Test func anUnfinishedRebuildIsStillThere() {
        let log = log(run(100) + merge("a/b-1", 110, old: "a/b-1", completes: false) + end(200))
        #expect(log.changes == ["-a/b-1", "+a/b-1?"])
        #expect(PackageReplay(log.records).state.installed.count == 1)
    }

    @Test func theNextRunShowsThatAKilledOneLeftItUnfinished() {
        let log = log(run(100) + merge("a/b-1", 110, completes: false) + run(500))
        #expect(log.changes == ["+a/b-1?"])
    }

    /// A signal ends emerge, and the process that copies files goes on.
    @Test func aMergeThatOutlivesItsRunIsSeen() {
        let log = log(
            run(100) + """
                110:  >>> emerge (1 of 1) a/b-1 to /
                120:  === (1 of 1) Merging (a/b-1::/x)
                121:  *** exiting unsuccessfully with status '130'.
                121:  *** terminating.
                122:  >>> AUTOCLEAN: a/b:0

                """)
        #expect(log.changes == ["!+a/b-1", "+a/b-1?"])
        let late = self.log(
            run(100) + merge("a/b-1", 110, completes: false) + end(130)
                + "140:  ::: completed emerge (1 of 1) a/b-1 to /\n")
        #expect(late.changes == ["+a/b-1?", "+a/b-1"])
        #expect(late.only(.install).last?.duration == 30)
    }

    /// Between the file copy and the end another emerge begins, for example one that only fetches lists.
    @Test func aRunThatBeginsMeanwhileTakesNothingAway() {
        let log = log(
            run(100) + """
                110:  >>> emerge (1 of 1) a/b-1 to /
                120:  === (1 of 1) Merging (a/b-1::/x)
                121:  >>> AUTOCLEAN: a/b:0

                """ + run(122, "--sync") + """
                    123:  === Unmerging... (a/b-1)
                    124:  >>> unmerge success: a/b-1
                    125:  *** terminating.
                    130:  ::: completed emerge (1 of 1) a/b-1 to /
                    131:  *** terminating.

                    """)
        #expect(PackageReplay(log.records).state.installed.count == 1)
        #expect(log.records.last { $0.event == .install }?.completeness == .complete)
        #expect(log.only(.installFailed).isEmpty)
        // And if it never ends, what was removed was the old instance.
        let cut = self.log(
            run(100) + """
                110:  >>> emerge (1 of 1) a/b-1 to /
                120:  === (1 of 1) Merging (a/b-1::/x)
                121:  >>> AUTOCLEAN: a/b:0

                """ + run(122, "--sync") + """
                    123:  === Unmerging... (a/b-1)
                    124:  >>> unmerge success: a/b-1

                    """)
        #expect(PackageReplay(cut.records).state.installed.count == 1)
    }

    @Test func aFailedBuildIsInferred() throws {
        let log = log(
            run(100) + """
                110:  >>> emerge (1 of 2) a/b-1 to /
                110:  === (1 of 2) Cleaning (a/b-1::/var/db/repos/gentoo/a/b/b-1.ebuild)
                150:  *** Finished. Cleaning up...
                150:  *** exiting unsuccessfully with status '1'.
                150:  *** terminating.

                """)
        let failure = try #require(log.only(.installFailed).first)
        #expect(log.changes == ["!+a/b-1"])
        #expect(failure.completeness == .inferred && failure.finished == nil && failure.duration == nil)
        #expect(failure.started == Timestamp(110) && failure.repository == "gentoo")
        #expect(!PackageReplay(log.records).state.installed.contains { $0.identity.name == "b" })
    }

    @Test func theSamePackageAgainEndsTheFormerAttempt() {
        let log = log(
            run(100) + """
                110:  >>> emerge (1 of 2) a/b-1 to /
                120:  >>> emerge (1 of 1) a/b-1 to /
                130:  ::: completed emerge (1 of 1) a/b-1 to /

                """)
        #expect(log.changes == ["!+a/b-1", "+a/b-1"])
    }

    @Test func aKilledRunDoesNotKeepLaterOnesOpen() {
        let log = log(
            run(100) + "110:  >>> emerge (1 of 9) a/killed-1 to /\n" + run(1000)
                + "1010:  >>> emerge (1 of 1) a/failed-1 to /\n" + end(1020))
        #expect(log.changes == ["!+a/failed-1"])
        let week = self.log(
            run(100) + "110:  >>> emerge (1 of 9) a/killed-1 to /\n" + run(1000) + end(1020) + run(900_000))
        #expect(week.changes == ["!+a/killed-1"])
    }

    @Test func aLongBuildBesideAnotherRunIsNotHeldForDead() {
        let log = log(
            run(100) + "110:  >>> emerge (1 of 1) a/long-1 to /\n" + run(200, "--sync") + end(300) + run(400)
                + merge("a/b-1", 410) + end(500)
                    + """
                    9000:  === (1 of 1) Merging (a/long-1::/x)
                    9001:  >>> AUTOCLEAN: a/long:0
                    9005:  ::: completed emerge (1 of 1) a/long-1 to /
                    9006:  *** terminating.

                    """)
        #expect(log.changes == ["+a/b-1", "+a/long-1"])
        #expect(log.only(.install).last?.duration == 8895)
    }

    @Test(arguments: ["--buildpkgonly a/b", "--fetchonly --quiet a/b", "--fetch-all-uri a/b"])
    func runsThatInstallNothingDoNotFailToInstall(arguments: String) {
        let log = log(
            run(100, arguments) + """
                110:  >>> emerge (1 of 1) a/b-1 to /
                110:  === (1 of 1) Compiling/Packaging (a/b-1::/x)
                120:  *** exiting successfully.
                120:  *** terminating.

                """)
        #expect(log.changes.isEmpty)
        #expect(log.only(.run).map(\.detail) == [arguments])
    }

    // MARK: - Edges of the log

    @Test func aCompletionWithoutAStartHasNoDuration() throws {
        let log = log("500:  ::: completed emerge (3 of 9) a/b-1 to /\n")
        let install = try #require(log.only(.install).first)
        #expect(install.duration == nil && install.started == nil && install.installType == nil)
        // The steps that are left tell the rest.
        let half = self.log(
            """
            490:  === (3 of 9) Merging (a/b-1::/var/db/repos/gentoo/a/b/b-1.ebuild)
            491:  >>> AUTOCLEAN: a/b:2
            500:  ::: completed emerge (3 of 9) a/b-1 to /

            """)
        let rest = try #require(half.only(.install).first)
        #expect(rest.slot == "2" && rest.installType == .source && rest.repository == "gentoo" && rest.duration == nil)
    }

    @Test func whatNeverBeganInTheLogDoesNotFail() {
        #expect(log("490:  === (3 of 9) Merging (a/b-1::/x)\n" + end(500)).changes.isEmpty)
    }

    @Test func aClockThatGoesBackGivesNoDuration() throws {
        let log = log(
            """
            60000:  >>> emerge (1 of 1) a/b-1 to /
            2544:  ::: completed emerge (1 of 1) a/b-1 to /

            """)
        let install = try #require(log.only(.install).first)
        #expect(install.duration == nil)
        #expect(install.started == Timestamp(60000) && install.finished == Timestamp(2544))
    }

    @Test func aRestartOfEmergeDoesNotInstallTwice() {
        let text =
            run(100) + merge("sys-apps/portage-2", 110)
            + "131:  *** RESTARTING emerge via exec() after change of portage version.\n" + run(132)
        let twice = text + "133:  ::: completed emerge (1 of 1) sys-apps/portage-2 to /\n" + end(140)
        #expect(log(twice).changes == ["+sys-apps/portage-2"])
        // But when it is built once more, it is.
        #expect(log(text + merge("sys-apps/portage-2", 200)).changes.count == 2)
    }

    @Test func logsOfOldVersionsAreUnderstood() throws {
        let log = log(
            """
            1100000000: Started emerge on: Nov 09, 2004 11:33:20
            1100000000:  *** emerge  sync
            1100000000:  === sync
            1100000001: >>> starting rsync with rsync://1.2.3.4/gentoo-portage
            1100000050: === Sync completed with rsync://1.2.3.4/gentoo-portage
            1100000050:  *** terminating.
            1100000100: Started emerge on: Nov 09, 2004 11:35:00
            1100000100:  *** emerge a/b
            1100000100:  >>> emerge (1 of 1) a/b-2 to /
            1100000100:  === (1 of 1) Cleaning (a/b-2::/usr/portage/a/b/b-2.ebuild)
            1100000101:  === (1 of 1) Compiling/Merging (a/b-2::/usr/portage/a/b/b-2.ebuild)
            1100000140:  === (1 of 1) Merging (a/b-2::/usr/portage/a/b/b-2.ebuild)
            1100000141:  === (1 of 1) Post-Build Cleaning (a/b-2::/usr/portage/a/b/b-2.ebuild)
            1100000142:  >>> AUTOCLEAN: a/b
            1100000142: === Unmerging... (a/b-1)
            1100000143:  >>> unmerge success: a/b-1
            1100000144:  ::: completed emerge (1 of 1) a/b-2 to /
            1100000144:  >>> emerge (2 of 2) a/c-1 to /
            1100000150:  === (2 of 2) Merging (a/c-1::/usr/portage/a/c/c-1.ebuild)
            1100000151:  >>> AUTOCLEAN: a/c
            1100000151:  --- AUTOCLEAN: Nothing unmerged.
            1100000152:  ::: completed emerge (2 of 2) a/c-1 to /
            1100000152:  *** terminating.

            """)
        #expect(log.rejected.count == 0)
        #expect(log.changes == ["-a/b-1", "+a/b-2", "+a/c-1"])
        // One blank, and yet nobody asked for it.
        #expect(log.only(.uninstall).first?.cause == .replaced)
        #expect(log.only(.install).first?.repository == "gentoo" && log.only(.install).first?.slot == nil)
        let sync = try #require(log.only(.sync).first)
        #expect(sync.duration == 49 && sync.repository == nil && sync.detail?.hasPrefix("rsync://") == true)
    }

    // MARK: - Removals and lists

    @Test func manualRemovalsAndFailedOnes() throws {
        let log = log(
            run(100, "--depclean") + """
                101:  >>> depclean
                110: === Unmerging... (a/b-1)
                113:  >>> unmerge success: a/b-1
                114: === Unmerging... (a/c-1)
                115:  !!! unmerge FAILURE: a/c-1
                116:  >>> unmerge success: a/d-1

                """ + end(120))
        #expect(log.changes == ["-a/b-1", "!-a/c-1", "-a/d-1"])
        #expect(log.records.compactMap(\.cause) == [.manual])
        #expect(log.only(.uninstall).map(\.duration) == [3, nil])
        #expect(log.only(.uninstallFailed).first?.duration == 1)
    }

    @Test func aManualRemovalOfWhatWasUnfinishedRemovesIt() {
        let log = log(
            run(100) + merge("a/b-1", 110, completes: false) + run(200, "--unmerge a/b") + """
                210: === Unmerging... (a/b-1)
                211:  >>> unmerge success: a/b-1

                """ + end(220) + end(221))
        #expect(log.changes == ["+a/b-1?", "-a/b-1"])
        #expect(log.only(.uninstall).first?.cause == .manual)
        #expect(PackageReplay(log.records).state.installed.isEmpty)
    }

    @Test func listsOfPackagesAreFetched() {
        let log = log(
            run(100, "--sync") + """
                100:  === sync
                101: >>> Syncing repository 'gentoo' into '/var/db/repos/gentoo'...
                102: >>> Starting rsync with rsync://1.2.3.4/gentoo-portage
                103: >>> Syncing repository 'guru' into '/var/db/repos/guru'...
                110: === Sync completed for gentoo
                111: !!! git fetch error in /var/db/repos/guru

                """ + end(120) + "130: >>> Git pull in /var/lib/layman/x successful\n")
        #expect(log.only(.sync).map(\.repository) == ["gentoo", nil])
        #expect(log.only(.sync).first?.duration == 9)
        #expect(log.only(.sync).last?.detail == "/var/lib/layman/x")
        #expect(log.only(.syncFailed).map(\.repository) == ["guru"])
        #expect(log.only(.syncFailed).first?.detail == "git fetch error in /var/db/repos/guru")
        #expect(log.only(.syncFailed).first?.completeness == .inferred)
    }

    // MARK: - Damage

    @Test func damagedLinesAreCountedAndQuoted() {
        let good = "20:  ::: completed emerge (1 of 1) a/b-1 to /\n"
        let log = log(
            """
            1327867778l:  *** terminating.
            1327867778
            1327867778:
            not a line at all
            10:  >>> emerge (1 of 1) media-libs/libpng to /
            10:  ::: XXX completed


            """ + good)
        #expect(log.rejected.count == 6)
        #expect(log.rejected.emptyCount == 1)
        #expect(log.rejected.quotes.map(\.text).prefix(2) == ["1327867778l:  *** terminating.", "1327867778"])
        #expect(log.rejected.quotes[1].offset == 31)
        #expect(log.changes == ["+a/b-1"])
    }

    @Test func zerosOfACrashHideOnlyWhatTheyReplaced() {
        var bytes = Array("10:  >>> emerge (1 of 1) a/b-1 to /\n15:  === (1 of".utf8)
        bytes += [UInt8](repeating: 0, count: 3000)
        bytes += Array("20:  ::: completed emerge (1 of 1) a/b-1 to /\n".utf8)
        bytes += [UInt8](repeating: 0, count: 100) + [0x0a]
        let log = WholeLog(reader, bytes)
        #expect(log.changes == ["+a/b-1"] && log.rejected.count == 2)
        #expect(log.rejected.quotes.first?.text.contains("\\u{0}") == true)
    }

    @Test func aLostNewlineLosesNoLine() {
        let log = log(
            """
            1648204080:  >>> emerge (1 of 1) a/b-1 to /1648204090:  === (1 of 1) Merging (a/b-1::/x)
            1648204091:  >>> unmerge success: a/b-01648204091:  ::: completed emerge (1 of 1) a/b-1 to /

            """)
        #expect(log.rejected.count == 2)
        #expect(log.changes == ["-a/b-0", "+a/b-1"])
        #expect(log.only(.install).first?.duration == 11)
    }

    @Test func bytesThatAreNoTextDoNoHarm() {
        var bytes = Array("10:  >>> emerge (1 of 1) a/b-1 to /caf".utf8) + [0xe9] + Array("/\n".utf8)
        bytes += Array("20:  ::: completed emerge (1 of 1) a/b-1 to /caf".utf8) + [0xe9] + Array("/\n".utf8)
        bytes += Array("30:  >>> emerge (1 of 1) a/".utf8) + [0xff] + Array("-1 to /\n".utf8)
        let log = WholeLog(reader, bytes)
        #expect(log.rejected.count == 1 && log.rejected.quotes.first?.text.contains("\\377") == true)
        #expect(log.only(.install).first?.root == "/caf\u{fffd}/" && log.only(.install).first?.duration == 10)
        // The state keeps the bytes.
        let half = bytes[...(bytes.firstIndex(of: 0x0a) ?? 0)]
        var reading = PackageLogReading(reader, LogContext(machine: "m"))
        reading.take(Array(half))
        #expect(JSONValue.object(reading.state).canonicalText.contains("Base64"))
    }

    @Test func whatIsCarriedStaysSmall() {
        var text = ""
        for number in 0..<5000 {
            text += "\(number): Started emerge on: x\n"
            text += "\(number):  >>> emerge (\(number) of 5000) a/b\(number)-1 to /r\(number)/\n"
            text += "\(number):  === (\(number) of 5000) Merging (a/b\(number)-1::/x)\n"
            text += "\(number): === Unmerging... (a/b\(number)-1)\n"
            text += "\(number): >>> Syncing repository 'r\(number)' into '/x'...\n"
        }
        let log = log(text)
        #expect(JSONValue.object(log.state).canonicalBytes.count < 200_000)
        #expect(log.only(.installFailed).count > 4500)
    }
}

extension PackageReplay {
    init(_ records: [PackageRecord]) {
        self.init()
        for record in records { apply(record) }
    }
}
