import BackupModel
import Testing

@testable import BackupPackages

@Suite struct DpkgLogTests {
    /// An upgrade, an installation, a removal, and a trigger that is still to come.
    static let story = """
        2025-06-24 14:36:25 startup archives unpack
        2025-06-24 14:36:25 upgrade libssl3:amd64 3.0.9-1 3.0.16-1
        2025-06-24 14:36:25 status triggers-pending libc-bin:amd64 2.36-9
        2025-06-24 14:36:25 status half-configured libssl3:amd64 3.0.9-1
        2025-06-24 14:36:25 status unpacked libssl3:amd64 3.0.9-1
        2025-06-24 14:36:25 status half-installed libssl3:amd64 3.0.9-1
        2025-06-24 14:36:26 status unpacked libssl3:amd64 3.0.16-1
        2025-06-24 14:36:26 install vim:amd64 <none> 2:9.0-1
        2025-06-24 14:36:26 status half-installed vim:amd64 2:9.0-1
        2025-06-24 14:36:27 status unpacked vim:amd64 2:9.0-1
        2025-06-24 14:36:27 startup packages configure
        2025-06-24 14:36:28 configure libssl3:amd64 3.0.16-1 <none>
        2025-06-24 14:36:28 status unpacked libssl3:amd64 3.0.16-1
        2025-06-24 14:36:28 conffile /etc/a file with blanks install
        2025-06-24 14:36:28 status half-configured libssl3:amd64 3.0.16-1
        2025-06-24 14:36:29 status installed libssl3:amd64 3.0.16-1
        2025-06-24 14:36:30 configure vim:amd64 2:9.0-1 <none>
        2025-06-24 14:36:30 status unpacked vim:amd64 2:9.0-1
        2025-06-24 14:36:30 status half-configured vim:amd64 2:9.0-1
        2025-06-24 14:36:31 status installed vim:amd64 2:9.0-1
        2025-06-24 14:36:31 trigproc libc-bin:amd64 2.36-9 <none>
        2025-06-24 14:36:31 status half-configured libc-bin:amd64 2.36-9
        2025-06-24 14:36:32 status installed libc-bin:amd64 2.36-9
        2025-06-25 10:00:00 startup packages remove
        2025-06-25 10:00:00 remove nano:amd64 7.2-1 <none>
        2025-06-25 10:00:00 status half-configured nano:amd64 7.2-1
        2025-06-25 10:00:00 status half-installed nano:amd64 7.2-1
        2025-06-25 10:00:02 status config-files nano:amd64 7.2-1
        2025-06-25 10:00:02 status config-files nano:amd64 7.2-1
        2025-06-25 10:00:03 purge nano:amd64 7.2-1 <none>
        2025-06-25 10:00:03 status config-files nano:amd64 7.2-1
        2025-06-25 10:00:03 status not-installed nano:amd64 <none>
        2025-06-25 10:00:04 status triggers-awaited man-db:amd64 2.11

        """

    private func log(_ text: String, zone: (@Sendable (Timestamp) -> Int64)? = nil) -> WholeLog {
        WholeLog(DpkgReader(), text, LogContext(machine: "m", zoneOffset: zone))
    }

    @Test func aStoryIsUnderstood() throws {
        let log = log(Self.story)
        #expect(log.rejected.count == 0)
        #expect(
            log.changes == [
                "-libssl3:amd64-3.0.9-1", "+libssl3:amd64-3.0.16-1", "+vim:amd64-2:9.0-1", "-nano:amd64-7.2-1",
                "--nano:amd64-7.2-1",
            ])
        let (removal, install) = (log.records[0], log.records[1])
        #expect(removal.cause == .replaced && removal.otherVersion == "3.0.16-1" && removal.duration == 1)
        #expect(install.otherVersion == "3.0.9-1" && install.duration == 4 && install.installType == .binary)
        #expect(install.recorded == "2025-06-24 14:36:29" && install.zoneOffset == nil)
        #expect(install.finished == utc(2025, 6, 24, 14, 36, 29) && install.category == nil)
        #expect(install.state == "installed" && install.completeness == .complete)
        #expect(log.records[3].cause == .manual && log.records[3].state == "config-files")
        #expect(log.records[4].state == "not-installed")
        #expect(log.pending.map(\.short) == ["+man-db:amd64-2.11?"])
        #expect(log.pending.first?.state == "triggers-awaited")
    }

    @Test func withTheZoneOfTheMachineTimesAreExact() throws {
        // Local time is two hours ahead, from 2025-06-24T12:36:28Z on three.
        let change = utc(2025, 6, 24, 12, 36, 28)
        let log = log(Self.story) { $0 < change ? 7200 : 10800 }
        let install = log.records[1]
        #expect(install.zoneOffset == 7200 && install.recorded == "2025-06-24 14:36:29")
        #expect(install.finished == utc(2025, 6, 24, 12, 36, 29))
        let removal = log.records[3]
        #expect(removal.zoneOffset == 10800 && removal.finished == utc(2025, 6, 25, 7, 0, 2))
    }

    @Test func aReinstallationIsARemovalAndAnInstallation() {
        let log = log(
            """
            2025-06-24 14:36:25 upgrade a:amd64 1 1
            2025-06-24 14:36:25 status half-configured a:amd64 1
            2025-06-24 14:36:25 status unpacked a:amd64 1
            2025-06-24 14:36:25 status half-installed a:amd64 1
            2025-06-24 14:36:27 status unpacked a:amd64 1
            2025-06-24 14:36:28 configure a:amd64 1 <none>
            2025-06-24 14:36:28 status unpacked a:amd64 1
            2025-06-24 14:36:28 status half-configured a:amd64 1
            2025-06-24 14:36:29 status installed a:amd64 1

            """)
        #expect(log.changes == ["-a:amd64-1", "+a:amd64-1"])
        #expect(log.records.first?.duration == 2)
    }

    @Test func whatIsUnpackedAndNotConfiguredIsPending() {
        let log = log(
            """
            2025-06-24 14:36:25 upgrade a:amd64 1 2
            2025-06-24 14:36:25 status half-installed a:amd64 1
            2025-06-24 14:36:27 status unpacked a:amd64 2

            """)
        #expect(log.changes.isEmpty)
        #expect(log.pending.map(\.short) == ["+a:amd64-2?"] && log.pending.first?.state == "unpacked")
    }

    @Test func whatAnotherAttemptSupersedesIsRecorded() {
        let log = log(
            """
            2025-06-24 14:36:25 upgrade a:amd64 1 2
            2025-06-24 14:36:25 status half-installed a:amd64 1
            2025-06-24 14:36:27 status unpacked a:amd64 2
            2025-06-24 14:36:30 upgrade a:amd64 2 3
            2025-06-24 14:36:30 status half-installed a:amd64 2
            2025-06-24 14:36:31 status unpacked a:amd64 3
            2025-06-24 14:36:32 status half-configured a:amd64 3
            2025-06-24 14:36:33 status installed a:amd64 3
            2025-06-24 14:36:40 install b:amd64 <none> 1
            2025-06-24 14:36:40 status half-installed b:amd64 1
            2025-06-24 14:36:41 status not-installed b:amd64 <none>
            2025-06-24 14:36:42 upgrade c:amd64 1 2
            2025-06-24 14:36:42 status half-configured c:amd64 1
            2025-06-24 14:36:43 status installed c:amd64 1
            2025-06-24 14:36:44 install d:amd64 <none> 1
            2025-06-24 14:36:45 install d:amd64 <none> 1

            """)
        #expect(
            log.changes == [
                "-a:amd64-1", "+a:amd64-2?", "-a:amd64-2", "+a:amd64-3", "!+b:amd64-1", "!+c:amd64-2", "!+d:amd64-1",
            ])
        #expect(log.only(.installFailed).map(\.completeness) == [.complete, .complete, .inferred])
        #expect(log.only(.installFailed)[1].otherVersion == "1")
    }

    @Test func packagesThatDisappearChangeArchitectureOrHaveNone() {
        let log = log(
            """
            2025-06-24 14:36:25 disappear a:all 1 <none>
            2025-06-24 14:36:25 status not-installed a:all <none>
            2025-06-24 14:36:26 upgrade b:all 1 2
            2025-06-24 14:36:26 status half-configured b:all 1
            2025-06-24 14:36:26 status unpacked b:all 1
            2025-06-24 14:36:26 status half-installed b:all 1
            2025-06-24 14:36:27 status unpacked b:amd64 2
            2025-06-24 14:36:28 configure b:amd64 2 <none>
            2025-06-24 14:36:28 status half-configured b:amd64 2
            2025-06-24 14:36:29 status installed b:amd64 2
            2009-06-24 14:36:29 install c <none> 1:1.0
            2009-06-24 14:36:29 status unpacked c 1:1.0
            2009-06-24 14:36:29 status installed c 1:1.0

            """)
        #expect(log.changes == ["-a:all-1", "-b:all-1", "+b:amd64-2", "+c-1:1.0"])
        #expect(log.records.first?.cause == .disappeared)
        #expect(log.pending.isEmpty)
    }

    @Test func theRestOfSomethingThatBeganBeforeTheLog() {
        let log = log(
            """
            2025-06-24 14:36:28 configure a:amd64 1 <none>
            2025-06-24 14:36:29 status installed a:amd64 1
            2025-06-24 14:36:29 status half-installed b:amd64 1
            2025-06-24 14:36:29 status config-files b:amd64 1
            2025-06-24 14:36:30 status installed c:amd64 1
            2025-06-24 14:36:31 status not-installed d:amd64 <none>
            2025-06-24 14:36:32 status triggers-pending e:amd64 1
            2025-06-24 14:36:33 status installed e:amd64 1

            """)
        #expect(log.changes == ["+a:amd64-1", "-b:amd64-1", "+c:amd64-1", "--d:amd64"])
        #expect(log.records.map(\.completeness) == [.complete, .complete, .inferred, .complete])
        #expect(log.records.allSatisfy { $0.duration == nil })
    }

    @Test func whatIsFoundBeforeARemovalIsNoInstallation() {
        let lines = """
            2026-11-25 14:15:16 startup packages remove
            2026-11-25 14:15:16 status installed a:amd64 1
            2026-11-25 14:15:16 remove a:amd64 1 <none>
            2026-11-25 14:15:16 status half-configured a:amd64 1
            2026-11-25 14:15:16 status half-installed a:amd64 1
            2026-11-25 14:15:16 status config-files a:amd64 1
            2026-11-25 14:15:16 status installed b:amd64 1
            2026-11-25 14:15:16 remove b:amd64 1 <none>
            2026-11-25 14:15:16 status half-installed b:amd64 1
            2026-11-25 14:15:17 status config-files b:amd64 1
            2026-11-25 14:15:17 status not-installed b:amd64 <none>
            2026-11-25 14:15:18 status installed c:amd64 1
            2026-11-25 14:15:18 upgrade c:amd64 2 3

            """
        let log = log(lines)
        #expect(log.changes == ["-a:amd64-1", "-b:amd64-1", "--b:amd64", "+c:amd64-1"])
    }

    @Test(arguments: [
        "2025-06-24 14:36:28", "2025-06-24 14:36:28 ", "2025-06-24T14:36:2x status installed a:amd64 1",
        "2025-13-24 14:36:28 startup archives unpack", "2025-02-30 14:36:28 startup archives unpack",
        "2025-06-24 25:36:28 startup archives unpack", "status installed a:amd64 1", "2025-06-24 14:36:28 status",
        "2025-06-24 14:36:28 status broken a:amd64 1", "2025-06-24 14:36:28 status installed a:amd64",
        "2025-06-24 14:36:28 status installed a:amd64 1 2",
        "2025-06-24 14:36:28 status installed a:amd64 <none>", "2025-06-24 14:36:28 status installed A/b 1",
        "2025-06-24 14:36:28 upgrade a:amd64 1", "2025-06-24 14:36:28 explode a:amd64 1 2",
        "2025-06-24 14:36:28 startup engines", "2025-06-24 14:36:28 conffile /etc/x", "\u{0}\u{0}",
    ])
    func whatDoesNotFitIsCounted(line: String) {
        let log = log(line + "\n")
        #expect(log.rejected.count == 1 && log.records.isEmpty && log.pending.isEmpty)
    }

    @Test func manyOpenPackagesAreBounded() {
        var text = ""
        for number in 0..<40_000 { text += "2025-06-24 14:36:28 install p\(number):amd64 <none> 1\n" }
        for number in 0..<40_000 { text += "2025-06-24 14:36:29 status unpacked p\(number):amd64 1\n" }
        let log = log(text)
        #expect(log.pending.count <= DpkgLogParser.maximumJobs + 1)
        #expect(log.only(.installFailed).count >= 40_000 - DpkgLogParser.maximumJobs)
    }
}
