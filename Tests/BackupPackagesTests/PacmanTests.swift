import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

@Suite struct PacmanTests {
    static let story = """
        [2022-06-22T13:14:00+0200] [PACMAN] Running 'pacman -Syu'
        [2022-06-22T13:14:01+0200] [PACMAN] synchronizing package lists
        [2022-06-22T13:14:02+0200] [PACMAN] starting full system upgrade
        [2022-06-22T13:14:10+0200] [ALPM] transaction started
        [2022-06-22T13:14:11+0200] [ALPM] upgraded openssl (1.1.1.o-1 -> 1.1.1.p-1)
        [2022-06-22T13:14:12+0200] [ALPM] installed foo (1:2.0-3)
        [2022-06-22T13:14:12+0200] [ALPM-SCRIPTLET] installed bar (1-1)
        [2022-06-22T13:14:13+0200] [ALPM] warning: /etc/x installed as /etc/x.pacnew
        [2022-06-22T13:14:13+0200] [ALPM] downgraded baz (2-1 -> 1-1)
        [2022-06-22T13:14:14+0200] [ALPM] reinstalled qux (1-1)
        [2022-06-22T13:14:15+0200] [ALPM] removed old (0.1-1)
        [2022-06-22T13:14:16+0200] [ALPM] transaction completed
        [2022-06-22T13:14:17+0200] [ALPM] running '30-systemd-update.hook'...
        [2022-06-23T09:00:00+0200] [ALPM] transaction started

        """

    private func log(_ text: String, zone: (@Sendable (Timestamp) -> Int64)? = nil) -> WholeLog {
        WholeLog(PacmanReader(), text, LogContext(machine: "m", zoneOffset: zone))
    }

    @Test func aStoryIsUnderstood() throws {
        let log = log(Self.story)
        #expect(log.rejected.count == 0)
        #expect(
            log.changes == [
                "-openssl-1.1.1.o-1", "+openssl-1.1.1.p-1", "+foo-1:2.0-3", "-baz-2-1", "+baz-1-1", "-qux-1-1",
                "+qux-1-1", "-old-0.1-1",
            ])
        let install = try #require(log.only(.install).first)
        #expect(install.started == utc(2022, 6, 22, 11, 14, 10))
        #expect(install.finished == utc(2022, 6, 22, 11, 14, 11))
        #expect(install.zoneOffset == 7200 && install.recorded == "2022-06-22T13:14:11+0200")
        #expect(install.duration == nil && install.otherVersion == "1.1.1.o-1")
        #expect(log.only(.uninstall).map(\.cause) == [.replaced, .replaced, .replaced, .manual])
        #expect(log.only(.run).map(\.detail) == ["pacman -Syu"])
        #expect(log.only(.sync).map(\.completeness) == [.inferred])
    }

    @Test func formsOfFormerYears() throws {
        let log = log(
            """
            [2019-01-02 03:04] [ALPM] installed a (1-1)
            [2012-01-02 03:04] upgraded b (1-1 -> 2-1)
            [05/17/07 13:24] removed c (1-1)
            [2012-01-02 03:04] ==> what a script printed
            [2012-01-02 03:04] [not an origin] installed d (1-1)

            """)
        #expect(log.changes == ["+a-1-1", "-b-1-1", "+b-2-1", "-c-1-1"])
        #expect(log.records.allSatisfy { $0.zoneOffset == nil })
        #expect(log.records.map(\.recorded).last == "05/17/07 13:24")
        #expect(log.records.last?.finished == utc(2007, 5, 17, 13, 24))
        let known = self.log("[2019-01-02 03:04] [ALPM] installed a (1-1)\n") { _ in -3600 }
        #expect(known.records.first?.finished == utc(2019, 1, 2, 4, 4))
        #expect(known.records.first?.zoneOffset == -3600)
    }

    @Test(arguments: [
        "installed a (1-1)", "[2019-01-02 03:04]", "[2019-13-02 03:04] x", "[yesterday] [ALPM] installed a (1-1)", "[",
        "[2022-06-22T13:14:11+9900] [ALPM] installed a (1-1)", "[13/40/07 13:24] removed c (1-1)",
    ])
    func whatDoesNotFitIsCounted(line: String) { #expect(log(line + "\n").rejected.count == 1) }

    @Test(arguments: [
        "installed a", "installed a (1-1", "installed (1-1)", "upgraded a (1-1)", "installed a b (1-1)",
        "installed a (1 1)",
    ])
    func textThatIsNoChangeMakesNone(text: String) {
        let log = log("[2022-06-22T13:14:11+0200] [ALPM] \(text)\n")
        #expect(log.records.isEmpty && log.rejected.count == 0)
    }

    @Test func theDatabaseIsReadAndAgreesWithTheLog() throws {
        try withTemporaryDirectory { directory in
            let local = "var/lib/pacman/local/"
            try directory.write(local + "ALPM_DB_VERSION", "9\n")
            func add(_ name: String, _ version: String, _ more: String = "") throws {
                try directory.write(
                    "\(local)\(name)-\(version)/desc",
                    "%NAME%\n\(name)\n\n%VERSION%\n\(version)\n\n%DESC%\n%NAME%\n\n%ARCH%\nx86_64\n\n" + more)
            }
            try add("openssl", "1.1.1.p-1", "%REASON%\n1\n\n%SIZE%\n4096\n\n%INSTALLDATE%\n1655896451\n\n")
            try add("foo", "1:2.0-3")
            try add("baz", "1-1")
            try add("qux", "1-1")
            try add("ancient", "1-1", "%INSTALLDATE%\n1000000000\n\n%BUILDDATE%\n999999999\n")
            try directory.makeDirectory(local + "broken-1-1")
            let snapshot = try PacmanReader().snapshot(PackageRoot(path: directory.path), machine: "m")
            #expect(snapshot.packages.map(\.name) == ["ancient", "baz", "foo", "openssl", "qux"])
            #expect(snapshot.complaints.count == 1 && snapshot.complaints.first?.contains("broken-1-1") == true)
            let openssl = snapshot.packages[3]
            #expect(openssl.isExplicit == false && openssl.size == 4096 && openssl.architecture == "x86_64")
            #expect(openssl.installed == Timestamp(1_655_896_451) && snapshot.packages[2].isExplicit == true)
            let comparison = PackageComparison(replay: PackageReplay(log(Self.story).records), snapshot: snapshot)
            #expect(comparison.agrees && comparison.agreeing == 4, "\(comparison.disagreements)")
            #expect(comparison.olderThanLog.map(\.name) == ["ancient"])
        }
    }
}
