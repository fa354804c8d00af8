import BackupModel
import BackupPackages
import BackupPipeline
import BackupRestore
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupEngine

/// The history of packages that a storage has.
@Suite struct StoredHistoryTests {
    private let source = "/h/packages/state"

    private func record(_ number: Int, _ time: Int64) -> PackageRecord {
        var record = PackageRecord(
            machine: "m", manager: "dpkg", root: "/", event: .install, name: "p\(number)", version: "1")
        record.started = Timestamp(time)
        record.finished = Timestamp(time)
        return record
    }

    /// A full and two increments with 100 changes each.
    private func makeElements(_ storage: DefaultFileStorage) throws -> [PackageRecord] {
        let stage = StageRecord(stage: "packages", restore: nil, other: ["Product": .string("state")])
        var last: StoredElement?
        var all: [PackageRecord] = []
        for number in 0..<3 {
            let records = (0..<100).map { record(number * 100 + $0, Int64(number * 1000 + $0)) }
            all += records
            var data = Array(records.map { $0.canonicalText + "\n" }.joined().utf8)
            if number == 0 {
                let snapshot = PackageSnapshot(
                    header: SnapshotHeader(machine: "m", manager: "dpkg", root: "/"),
                    packages: records.map {
                        InstalledPackage(
                            machine: "m", manager: "dpkg", root: "/", name: $0.name ?? "", version: "1")
                    })
                try snapshot.forEachLine { data += $0 }
            }
            last = try storage.store(
                SourceURL(source), number == 0 ? .full : .inc, at: Timestamp(Int64(number * 1000 + 500)), data: data,
                after: last, pipeline: [stage])
        }
        return all
    }

    /// However many of them are kept in memory.
    @Test(arguments: [0, 40_000, 16 << 20])
    func allPassesGiveTheSameChanges(room: Int) throws {
        try withTemporaryDirectory { directory in
            let site = try Site(directory)
            let installation = try Installation(configurationPath: site.configuration)
            let all = try makeElements(try installation.storage())
            let session = try installation.restoreSession(mayAsk: false, progress: PipelineProgress())
            let state = try PackageStateSource.choose(in: session.storage, source: nil, machine: nil)
            #expect(state.source.description == source && state.machine == nil)
            let history = StoredPackages(state, session, room: room)
            #expect(try history.present()?.packages.count == 300)
            for _ in 0..<2 {
                var records: [PackageRecord] = []
                let end = try history.forEachRecord { records.append($0) }
                #expect(records == all && end.knownSince == Timestamp(0))
            }
            // Whoever has had enough gets no more.
            var count = 0
            let error = #expect(throws: BackupError.self) {
                _ = try history.forEachRecord { _ throws(BackupError) in
                    count += 1
                    if count == 150 { throw BackupError(.failed, "enough") }
                }
            }
            #expect(error?.message == "enough" && count == 150)
        }
    }
}
