import BackupModel
import BackupTestKit
import Testing

@testable import BackupPackages

@Suite struct ApkTests {
    static let story = """

        Running `apk add vim` at 2021-02-03 04:05:06
        fetch https://example.org/alpine/v3.13/main/x86_64/APKINDEX.tar.gz
        (1/3) Installing lua5.3-libs (5.3.6-r0)
        (2/3) Installing vim (8.2.2320-r0)
        Executing busybox-1.32.1-r2.trigger
        (3/3) Upgrading busybox@edge (1.32.1-r2 -> 1.32.1-r3)
        OK: 36 MiB in 17 packages

        Running `apk upgrade --simulate` at 2021-02-04 00:00:00
        (1/1) Upgrading vim (8.2.2320-r0 -> 9.0-r0)
        OK: 36 MiB in 17 packages

        Running `apk del nano foo` at 2021-02-05 00:00:00
        ( 1/12) Purging nano (5.4-r1)
        (2/12) Reinstalling musl (1.2.2-r0)
        ERROR: musl-1.2.2-r0: IO ERROR
        (3/12) Downgrading zlib (1.2.12-r0 -> 1.2.11-r3)
        (4/12) Replacing x (1-r0 -> 1-r0)
        1 error; 30 MiB in 16 packages

        Running `apk add y` at 2021-02-06 00:00:00
        (1/1) Installing y (1-r0)

        """

    private func log(_ text: String) -> WholeLog { WholeLog(ApkReader(), text) }

    @Test func aStoryIsUnderstood() throws {
        let log = log(Self.story)
        #expect(log.rejected.count == 0)
        #expect(
            log.changes == [
                "+lua5.3-libs-5.3.6-r0", "+vim-8.2.2320-r0", "-busybox-1.32.1-r2", "+busybox-1.32.1-r3",
                "-nano-5.4-r1", "-musl-1.2.2-r0?", "+musl-1.2.2-r0?", "-zlib-1.2.12-r0", "+zlib-1.2.11-r3",
                "-x-1-r0", "+x-1-r0",
            ])
        #expect(log.pending.map(\.short) == ["+y-1-r0?"])
        let vim = log.only(.install)[1]
        #expect(vim.finished == utc(2021, 2, 3, 4, 5, 6) && vim.zoneOffset == 0)
        #expect(vim.recorded == "2021-02-03 04:05:06" && vim.duration == nil)
        #expect(log.only(.install)[2].repository == "edge")
        #expect(
            log.only(.run).map(\.detail) == ["apk add vim", "apk upgrade --simulate", "apk del nano foo", "apk add y"])
    }

    @Test func aRunThatWasCutOffLeavesItsLastStepUnfinished() {
        let log = log(Self.story + "Running `apk fix` at 2021-02-07 00:00:00\n")
        #expect(log.changes.last == "+y-1-r0?" && log.pending.isEmpty)
    }

    @Test func linesOfNoRunAreCounted() {
        let log = log("(1/1) Installing y (1-r0)\nOK: 1\nRunning `x` at noon\n")
        #expect(log.rejected.count == 3 && log.records.isEmpty)
    }

    @Test func theDatabaseIsReadThroughALinkAndAgreesWithTheLog() throws {
        try withTemporaryDirectory { directory in
            // As on systems that have moved everything below /usr.
            try directory.makeDirectory("usr")
            try directory.link("lib", to: "usr/lib")
            try directory.write(
                "usr/lib/apk/db/installed",
                """
                C:Q1abc=
                P:vim
                V:8.2.2320-r0
                A:x86_64
                S:1000
                I:4096
                T:Improved vi
                t:1610000000
                D:lua5.3-libs
                F:usr/bin
                R:vim
                a:0:0:755
                Z:Q1def=
                P:not a package

                P:busybox
                V:1.32.1-r3
                A:x86_64
                s:edge

                P:lua5.3-libs
                V:5.3.6-r0

                P:musl
                V:1.2.2-r0

                P:zlib
                V:1.2.11-r3

                P:x
                V:1-r0

                P:alpine-base
                V:3.13-r0

                V:1

                """)
            try directory.write("etc/apk/world", "alpine-base vim>=8\nbusybox@edge !nano\n")
            let snapshot = try ApkReader().snapshot(PackageRoot(path: directory.path), machine: "m")
            #expect(
                snapshot.packages.map(\.name) == ["alpine-base", "busybox", "lua5.3-libs", "musl", "vim", "x", "zlib"])
            #expect(
                snapshot.packages.filter { $0.isExplicit == true }.map(\.name) == ["alpine-base", "busybox", "vim"])
            #expect(snapshot.complaints.count == 1)
            #expect(snapshot.packages[1].repository == "edge")
            #expect(snapshot.packages[4].size == 4096 && snapshot.packages[4].built == Timestamp(1_610_000_000))
            let log = log(Self.story)
            let comparison = PackageComparison(
                replay: PackageReplay(log.records), pending: log.pending, snapshot: snapshot)
            #expect(comparison.agrees && comparison.agreeing == 6, "\(comparison.disagreements)")
            #expect(comparison.unfinished.map(\.name) == ["y"])
            #expect(comparison.olderThanLog.map(\.name) == ["alpine-base"])
        }
    }
}
