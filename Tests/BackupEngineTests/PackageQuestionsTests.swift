import BackupModel
import BackupPackages
import Testing

@testable import BackupEngine

/// Questions do not care where the records come from.
@Suite struct PackageQuestionsTests {
    private struct RecordedHistory: PackageHistory {
        var machine = "m"
        var records: [PackageRecord] = []
        var end = PackageHistoryEnd()
        var snapshot: PackageSnapshot?

        func forEachRecord(
            _ body: (PackageRecord) throws(BackupError) -> Void
        ) throws(BackupError) -> PackageHistoryEnd {
            for record in records { try body(record) }
            return end
        }

        func present() throws(BackupError) -> PackageSnapshot? { snapshot }
    }

    private func record(
        _ event: PackageEvent, _ name: String, _ version: String, _ time: Int64, root: String = "/"
    ) -> PackageRecord {
        var record = PackageRecord(
            machine: "m", manager: "portage", root: root, event: event, category: "a", name: name, version: version)
        record.started = Timestamp(time)
        record.finished = Timestamp(time)
        return record
    }

    private func snapshot(_ names: [(String, String)], built: Int64? = nil) -> PackageSnapshot {
        var snapshot = PackageSnapshot(
            header: SnapshotHeader(machine: "m", manager: "portage", root: "/"),
            packages: names.map { name, version in
                var package = InstalledPackage(
                    machine: "m", manager: "portage", root: "/", category: "a", name: name, version: version)
                package.built = built.map { Timestamp($0) }
                return package
            })
        snapshot.header.taken = Timestamp(1000)
        return snapshot
    }

    private func installed(_ history: RecordedHistory, at time: Int64) async throws -> [String] {
        try await PackageQuestions(history).packages(at: Timestamp(time), []).packages.map {
            $0.name + "-" + $0.version
        }
    }

    /// The database may have it already, and the log has not ended it.
    @Test func whatIsUnderWayIsTakenBack() async throws {
        var history = RecordedHistory()
        history.records = [record(.install, "b", "1", 100)]
        history.end.pending = [record(.install, "c", "2", 200)]
        for packages in [[("b", "1"), ("c", "2")], [("b", "1")]] {
            history.snapshot = snapshot(packages)
            #expect(try await installed(history, at: 150) == ["b-1"])
            #expect(try await installed(history, at: 250) == packages.map { $0.0 + "-" + $0.1 })
        }
        #expect(try await PackageQuestions(history).check().comparison.agrees)
    }

    /// The same system has another name from outside, and its log may speak of others.
    @Test func theDatabaseBelongsToOneRootOfTheLog() async throws {
        var history = RecordedHistory()
        history.records = [
            record(.install, "b", "1", 100, root: "/mnt/"), record(.install, "b", "7", 150, root: "/other/"),
            record(.uninstall, "b", "1", 200, root: "/mnt/"), record(.install, "b", "2", 200, root: "/mnt/"),
            record(.uninstall, "b", "7", 300, root: "/other/"),
        ]
        history.snapshot = snapshot([("b", "2"), ("old", "1")])
        #expect(try await installed(history, at: 180) == ["b-1", "old-1"])
        #expect(try await installed(history, at: 250) == ["b-2", "old-1"])
        #expect(try await PackageQuestions(history).states(at: [Timestamp(180)]).notes.isEmpty)
    }

    @Test func whatIsYoungerThanTheMomentIsLeftOut() async throws {
        var history = RecordedHistory()
        history.records = [record(.install, "b", "1", 500)]
        history.snapshot = snapshot([("b", "1"), ("old", "1")], built: 90)
        #expect(try await installed(history, at: 100) == ["old-1"])
        #expect(try await installed(history, at: 80) == [])
        let answer = try await PackageQuestions(history).states(at: [Timestamp(80), Timestamp(600)])
        #expect(answer.states.map(\.installed.count) == [0, 2])
        #expect(answer.notes.count == 2 && answer.notes[0].contains("1970-01-01T00:08:20Z"), "\(answer.notes)")
    }

    @Test func withNothingToAnswerFromThereIsNoAnswer() async throws {
        var history = RecordedHistory()
        history.end.missingLog = "/nowhere.log"
        let questions = PackageQuestions(history)
        let pattern = try PackagePattern("b")
        func code(_ body: () async throws -> Void) async -> BackupError.Code? {
            do { try await body() } catch { return (error as? BackupError)?.code }
            return nil
        }
        #expect(await code { _ = try await questions.changes(PackageFilter()) { _ in } } == .notFound)
        #expect(await code { _ = try await questions.states(at: [Timestamp(1)]) } == .notFound)
        #expect(await code { _ = try await questions.versions(pattern) } == .notFound)
        #expect(await code { _ = try await questions.present() } == .notFound)
        #expect(await code { _ = try await questions.check() } == .notFound)
        history.snapshot = snapshot([("b", "1")])
        #expect(try await installed(history, at: 2000) == ["b-1"])
    }
}
