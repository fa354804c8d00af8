import BackupModel
import BackupStorage
import BackupTestKit
import BackupUnits
import Testing

@testable import BackupEngine

/// From the configuration text to the element.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OnceTests {
    @Test func fullThenIncrement() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.tar()
            try shell("mkdir d; echo 1 >d/1; ln -s 1 d/link", in: place.path("root"))
            let first = try await site.once()
            #expect(first.map(\.failure?.description) == [nil])
            #expect(first.map(\.type) == [.full])
            #expect(try await site.once().isEmpty, "nothing is due")
            let before = try contentsOfTree(place.path("root"))
            site.clock.advance(by: TimeSpan(seconds: 86400))
            try shell("echo 2 >d/2; rm d/1", in: place.path("root"))
            let second = try await site.once()
            #expect(second.map(\.type) == [.inc])
            let elements = try site.elements("/h/root")
            #expect(elements.map(\.id) == (first + second).compactMap(\.element))
            #expect(elements[1].metadata.predecessor == elements[0].metadata.uuid)
            #expect(elements.map(\.metadata.pipeline?.first?.stage) == ["tar", "tar"])
            #expect(elements[0].metadata.origin?.unit == "Root")
            #expect(try site.unpack([elements[0]], into: "t0") == before)
            #expect(try site.unpack(elements, into: "t1") == contentsOfTree(place.path("root")))
            for element in elements {
                #expect(element.metadata.checksum == DataDigest.sha512(try site.storage.data(element.id)))
            }
            // The journal tells the same.
            #expect(try site.events("run_started").count == 2)
            let stored = try site.events("element_stored")
            #expect(stored.map { $0["element"]?.stringValue } == elements.map(\.id.description))
            #expect(stored.map { $0["type"]?.stringValue } == ["full", "inc"])
            #expect(stored.allSatisfy { $0["source"]?.stringValue == "/h/root" && $0["unit"]?.stringValue == "Root" })
            #expect(stored.map { $0["bytes_out"]?.integerValue } == elements.map(\.size))
            #expect(first[0].bytesOut == elements[0].size)
            // And the state goes on from the last.
            let state = String(decoding: try place.read("state/generators/Root/state.current"), as: UTF8.self)
            #expect(state.contains(Base64.encode(try #require(elements[1].metadata.uuid).bytes)))
            #expect(try await site.once(full: true).map(\.type) == [.full])
            #expect(try site.elements("/h/root").count == 3)
        }
    }

    @Test func compressedCommand() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place, compression: "{ zstd: { level: 1 } }")
            try site.command([("/h/db", "echo note >&2; for i in 1 2 3; do echo dump; done")])
            let outcome = try #require(try await site.once().first)
            #expect(outcome.failure == nil)
            #expect(outcome.bytesIn == 15)
            #expect(outcome.notes.contains { $0.contains("note") })
            let id = try #require(outcome.element)
            let path = try #require(try site.storage.localPath(of: id))
            #expect(try shell("zstd -dcq '\(path)'", in: "/") == "dump\ndump\ndump\n")
            let element = try #require(try site.elements("/h/db").first)
            #expect(element.metadata.pipeline?.map(\.stage) == ["command", "zstd"])
        }
    }

    @Test func testMode() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place, general: "test_mode: true")
            try site.tar()
            try place.write("root/a", "1")
            let outcome = try #require(try await site.once().first)
            #expect(outcome.failure == nil && outcome.element == nil)
            #expect(outcome.bytesOut > 0)
            #expect(outcome.notes.contains { $0.contains("test mode") })
            try site.expectNothingStored("Root")
            #expect(try site.events("element_stored").isEmpty)
            #expect(try await site.once().count == 1, "it is due still")
        }
    }

    // MARK: - What fails

    @Test func oneFailureDoesNotStopTheOthers() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a"), ("/h/b", "echo half; echo reason >&2; exit 7"), ("/h/c", "echo c")])
            try site.tar("Missing", source: "/h/m", root: place.path("nowhere"))
            try site.tar()
            let outcomes = try await site.once()
            #expect(
                Set(outcomes.filter { $0.failure == nil }.map(\.source.description)) == ["/h/a", "/h/c", "/h/root"])
            #expect(Set(outcomes.filter { $0.failure != nil }.map(\.source.description)) == ["/h/b", "/h/m"])
            #expect(try site.storage.sources().map(\.description) == ["/h/a", "/h/c", "/h/root"])
            let failure = try #require(try site.events("run_failed").first { $0["source"]?.stringValue == "/h/b" })
            #expect(failure["error"]?.stringValue?.contains("/h/b") == true)
            #expect("\(JSONValue.object(failure).compactText)".contains("reason"), "standard error is kept")
            #expect(place.names("store/h").filter { $0.contains("-b-") }.isEmpty)
            #expect(try await site.once().map(\.source.description).sorted() == ["/h/b", "/h/m"], "they are due still")
        }
    }

    /// Which of pre command, producer and post command are run when one of them fails, and how often.
    @Test(arguments: [
        (pre: 0, make: 0, post: 0, trace: "pre make post", stored: true),
        (pre: 1, make: 0, post: 0, trace: "pre post", stored: false),
        (pre: 0, make: 2, post: 0, trace: "pre make post", stored: false),
        (pre: 0, make: 0, post: 3, trace: "pre make post", stored: false),
        (pre: 1, make: 0, post: 3, trace: "pre post", stored: false),
        (pre: 0, make: 2, post: 3, trace: "pre make post", stored: false),
    ]) func commands(pre: Int, make: Int, post: Int, trace: String, stored: Bool) async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            let line = { (word: String, status: Int) in
                "[sh, -c, 'echo \(word) >>\(place.path("trace/log")); exit \(status)']"
            }
            try site.tar(keys: [
                "pre_command: \(line("pre", pre))", "full_command: \(line("make", make))",
                "post_command: \(line("post", post))",
            ])
            let outcome = try #require(try await site.once().first)
            let log = String(decoding: try place.read("trace/log"), as: UTF8.self).split(separator: "\n")
            #expect(log.joined(separator: " ") == trace)
            #expect((outcome.failure == nil) == stored)
            #expect((outcome.element != nil) == stored)
            if stored { return }
            try site.expectNothingStored("Root")
            let first = pre != 0 ? "pre_command" : make != 0 ? "full_command" : "post_command"
            let failure = try #require(outcome.failure)
            #expect(failure.description.contains(first), "\(failure)")
            #expect(outcome.notes.contains { $0.contains("post_command") } == (post != 0 && first != "post_command"))
            #expect(try site.events("run_failed").count == 1)
        }
    }

    @Test(arguments: [false, true]) func filesThatChange(ignore: Bool) async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            // Status 1 is what tar gives when a file changes while it is read.
            try site.tar(keys: ["ignore_races: \(ignore)", "full_command: [sh, -c, 'echo archive; exit 1']"])
            let outcome = try #require(try await site.once().first)
            #expect((outcome.failure == nil) == ignore)
            #expect(try site.storage.sources().count == (ignore ? 1 : 0))
            if ignore { #expect(outcome.notes.contains { $0.contains("changed while") }) }
        }
    }

    @Test func storageIsGone() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.tar()
            place.remove("store")
            let error = await #expect(throws: BackupError.self) { _ = try await site.once() }
            #expect(error?.description.contains(place.path("store")) == true)
            #expect(!place.exists("store"), "it is not made: it may be a file system that is not mounted")
        }
    }

    @Test func unknownUnits() throws {
        #expect(throws: Never.self) { try Generator.check(["A"], known: ["B", "A"]) }
        let error = #expect(throws: BackupError.self) { try Generator.check(["A", "X"], known: ["B", "A"]) }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("X") == true && error?.remedy.contains("A, B") == true)
    }

    // MARK: - One at a time

    @Test func secondGenerator() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a")])
            let first = try await site.generator()
            let error = await #expect(throws: BackupError.self) { _ = try await site.generator() }
            #expect(error?.code == .busy)
            #expect(error?.description.contains(place.path("state")) == true)
            let overview = try GeneratorOverview(try site.installation())
            #expect(overview.runningProcess == "\(ProcessIdentity.number)")
            // Its successor after a change of the configuration takes the lock over.
            let next = try await Generator.start(
                try site.installation(), softwareVersion: "test", replacing: first)
            #expect(next.units.map(\.name) == ["Dump"])
            withExtendedLifetime(first) {}
        }
    }

    @Test func overview() async throws {
        try await withTemporaryDirectory { place in
            let site = try Site(place)
            try site.command([("/h/a", "echo a"), ("/h/b", "exit 1")])
            let before = try GeneratorOverview(try site.installation())
            #expect(before.runningProcess == nil)
            #expect(before.sources.map(\.lastStored?.text) == [nil, nil])
            try await site.once()
            let after = try GeneratorOverview(try site.installation())
            #expect(after.runningProcess == nil)
            let a = try #require(after.sources.first { $0.next.source.description == "/h/a" })
            let b = try #require(after.sources.first { $0.next.source.description == "/h/b" })
            #expect(a.lastStored?.size == 2 && a.lastFailure == nil)
            #expect(b.lastStored == nil && b.lastFailure?.text.contains("/h/b") == true)
        }
    }
}
