import BackupModel
import BackupStorage
import BackupTestKit
import Testing

@testable import BackupEngine

/// The chain goes on after crashes, and from where the original left it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ChainTests {
    /// The program ended between the commit of the element and the unit's state: what lies there then is the state of
    /// before, with what was announced beside it.
    @Test(arguments: [1, 2]) func crashBetweenCommitAndState(run: Int) async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.tar()
            let unit = "state/generators/Root"
            for number in 0...run {
                if number == run { try shell("cp -a \(unit) before", in: place.path) }
                try place.write("root/\(number)", "\(number)")
                #expect(try await site.once().map(\.failure?.description) == [nil])
                site.clock.advance(by: TimeSpan(seconds: 86400))
            }
            try shell(
                """
                cp -a before after; mv \(unit)/state.current after/state.next; mv \(unit)/h-root.index after/h-root.index.next
                rm -r \(unit); mv after \(unit)
                """, in: place.path)
            try place.write("root/last", "last")
            #expect(try await site.once().map(\.type) == [.inc])
            let elements = try site.elements("/h/root")
            #expect(elements.count == run + 2)
            for (previous, next) in zip(elements, elements.dropFirst()) {
                #expect(next.metadata.predecessor == previous.metadata.uuid)
            }
            #expect(try site.events("recovered").isEmpty == false)
            #expect(try site.unpack(elements, into: "t") == contentsOfTree(place.path("root")))
        }
    }

    /// The same, but the element did not become visible: the run has never been.
    @Test func crashBeforeTheCommit() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.tar()
            let unit = "state/generators/Root"
            try place.write("root/a", "a")
            try await site.once()
            try shell("cp -a \(unit) before", in: place.path)
            site.clock.advance(by: TimeSpan(seconds: 86400))
            try place.write("root/b", "b")
            let lost = try #require(try await site.once().first?.element)
            try site.storage.delete(lost)
            try shell(
                """
                cp -a before after; mv \(unit)/state.current after/state.next; mv \(unit)/h-root.index after/h-root.index.next
                rm -r \(unit); mv after \(unit)
                """, in: place.path)
            #expect(try await site.once().map(\.type) == [.inc])
            let elements = try site.elements("/h/root")
            #expect(elements.count == 2)
            #expect(elements[1].metadata.predecessor == elements[0].metadata.uuid)
            #expect(try site.unpack(elements, into: "t") == contentsOfTree(place.path("root")))
        }
    }

    /// A temporary file that nobody has touched for a day is rubbish of a crash. Bytes without metadata may be somebody's
    /// only copy.
    @Test func rubbishInTheStorage() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a")])
            try await site.once()
            try place.write("store/h/20200101000000-a-full.data", "half")
            try place.write("store/h/tmp-a-12345", "half")
            try shell("touch -d '3 days ago' store/h/*", in: place.path)
            site.clock.advance(by: TimeSpan(seconds: 5 * 86400))
            try await site.once()
            #expect(try site.elements("/h/a").count == 2)
            #expect(
                place.names("store/h").filter { $0.contains("2020") || $0.contains("tmp") } == [
                    "20200101000000-a-full.data"
                ])
            #expect(try site.events("recovered").count == 1)
        }
    }

    /// State and storage of the original, with its unit's name: the same chain, no new full.
    @Test func stateOfTheOriginalIsContinued() async throws {
        try await withTemporaryDirectory { place in
            let reference = try ReferenceStore(in: place)
            let site = try Site(place)
            place.remove("store")
            try shell("mv '\(reference.dataPath)' store; mv '\(reference.statePath)' state", in: place.path)
            let before = try site.elements("/host1/root")
            try site.tar("TarBackupUnit", source: "/host1/root")
            try place.write("root/new", "new")
            let last = try #require(before.last)
            site.clock.set(last.metadata.timestamp + TimeSpan(seconds: 86400))
            let outcomes = try await site.once()
            #expect(outcomes.map(\.failure?.description) == [nil])
            #expect(outcomes.map(\.type) == [.inc], "no new full")
            let after = try site.elements("/host1/root")
            #expect(after.map(\.id).dropLast() == before.map(\.id)[...])
            #expect(after.last?.metadata.predecessor == last.metadata.uuid)
            for source in try site.storage.sources() {
                #expect(try await StorageVerification(try site.storage, jobs: 1).verify(source).isSound)
            }
        }
    }
}
