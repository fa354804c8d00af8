import BackupModel
import Testing

@testable import BackupPackages

/// A real log of a Gentoo system: some days of 2022 with many runs broken off. Counted independently with grep:
///
///     grep -c '>>> emerge ('           191
///     grep -c '::: completed emerge'   166   each with its start
///     grep -c '>>> AUTOCLEAN'          166
///     grep -c 'unmerge success'        145   of these 30 with one blank before '=== Unmerging'
///     grep -c '\*\*\* emerge'          126   as many as 'Started emerge on' and '\*\*\* terminating'
@Suite struct SampleLogTests {
    private func sample() throws -> WholeLog {
        WholeLog(PortageReader(), try fixture("emerge-2022.log"))
    }

    @Test func allOfItFits() throws {
        let log = try sample()
        #expect(log.position == 183_916)
        #expect(log.rejected.count == 0 && log.rejected.emptyCount == 0)
        #expect(log.pending.isEmpty)
        #expect(log.state["Parser"]?.objectValue?["Runs"] == nil)
    }

    @Test func theCountsAreThoseOfTheLines() throws {
        let log = try sample()
        let installs = log.only(.install)
        #expect(installs.count == 166)
        #expect(installs.allSatisfy { $0.completeness == .complete && $0.installType == .source })
        #expect(installs.allSatisfy { $0.duration != nil && $0.slot != nil && $0.repository == "gentoo" })
        #expect(installs.count { $0.isExplicit == true } == 10)
        #expect(log.only(.installFailed).count == 191 - 166)
        let removals = log.only(.uninstall)
        #expect(removals.count == 145)
        #expect(removals.count { $0.cause == .manual } == 30)
        #expect(removals.count { $0.cause == .replaced } == 115)
        #expect(removals.allSatisfy { ($0.duration ?? -1) >= 0 && ($0.cause == .manual) == ($0.otherVersion == nil) })
        #expect(log.only(.run).count == 126)
        #expect(log.only(.syncFailed).map(\.repository) == ["gentoo"])
        #expect(log.records.allSatisfy { $0.root == "/" })
        // On its last day the machine moved from UTC to six hours behind it: the dates of the runs say so.
        #expect(log.records.count { $0.zoneOffset == 0 } == 445)
        #expect(log.records.count { $0.zoneOffset == -21600 } == 18)
        #expect(log.records.count == 166 + 25 + 145 + 126 + 1)
    }

    @Test func theFirstMergeIsReadInFull() throws {
        let log = try sample()
        let first = try #require(log.only(.install).first)
        #expect(first.fullName == "virtual/libcrypt" && first.version == "2" && first.slot == "0")
        #expect(first.started == Timestamp(1_648_204_085) && first.finished == Timestamp(1_648_204_088))
        #expect(first.duration == 3 && first.otherVersion == "2")
    }

    @Test func eachRecordPointsToItsLine() throws {
        let bytes = try fixture("emerge-2022.log")
        for record in try sample().records {
            let position = try #require(record.position)
            let line = bytes[Int(position.offset)..<Int(position.offset) + position.length]
            #expect(bytes[Int(position.offset) + position.length] == 0x0a)
            #expect(Array(line).withByteText { $0.digest } == position.digest)
            if let name = record.fullName { #expect(String(decoding: line, as: UTF8.self).contains(name)) }
        }
    }
}
