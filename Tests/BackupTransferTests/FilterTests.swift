import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

@Suite struct FilterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let filter: ElementFilter
        /// The sources whose elements pass.
        let passing: Set<String>

        init(_ name: String, _ passing: Set<String>, _ set: (inout ElementFilter) throws -> Void) rethrows {
            testDescription = name
            self.passing = passing
            var filter = ElementFilter()
            try set(&filter)
            self.filter = filter
        }
    }

    static func cases() throws -> [Case] {
        [
            try Case("sources", ["/a/full", "/a/inc"]) { $0.sources = [try SourcePattern("/a")] },
            try Case("wildcards", ["/a/inc", "/b/inc"]) { $0.sources = [try SourcePattern("/*/inc")] },
            Case("types", ["/a/inc", "/b/inc"]) { $0.types = [.inc] },
            Case("handling policies", ["/b/full", "/b/inc"]) { $0.handlingPolicies = ["offsite", "never seen"] },
            Case("max_size", ["/a/full", "/b/full"]) { $0.maximumSize = 10 },
            Case("newer_than", ["/b/full", "/b/inc"]) { $0.newerThan = TimeSpan(seconds: 1000) },
            try Case("all together", ["/b/inc"]) {
                $0.sources = [try SourcePattern("/b/**"), try SourcePattern("/a/inc")]
                $0.types = [.inc]
                $0.handlingPolicies = ["offsite"]
                $0.maximumSize = 11
                $0.newerThan = TimeSpan(seconds: 1000)
            },
        ]
    }

    @Test(arguments: try cases())
    func `A filter of the sender decides what is offered`(one: Case) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try Self.machines(directory)
            let outcome = try await Meeting().run(home, home.move(filter: one.filter), other)
            #expect(outcome.right.summary.offered == one.passing.count)
            #expect(Set(try other.files.sources().map(\.description)) == one.passing)
            #expect(Set(try home.files.sources().map(\.description)).isDisjoint(with: one.passing))
            #expect(try home.count() == 4 - one.passing.count)
        }
    }

    @Test(arguments: try cases())
    func `A filter of the receiver decides what is fetched, and the rest stays with the sender`(
        one: Case
    ) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try Self.machines(directory)
            var receiver = ReceiverPolicy()
            receiver.filter = one.filter
            let outcome = try await Meeting().run(home, home.move(), other, receiver)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.unwanted == 4 - one.passing.count)
            #expect(Set(try other.files.sources().map(\.description)) == one.passing)
            #expect(try home.count() == 4 - one.passing.count)
        }
    }

    @Test func `A filter is about the agent's own names, the prefix comes before them here`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try Self.machines(directory)
            var receiver = ReceiverPolicy()
            receiver.filter.sources = [try SourcePattern("/a")]
            receiver.prefix = try SourceURL("/agents/home")
            for present in [0, 2] {
                let outcome = try await Meeting().run(home, SenderKeepDataTransferPolicy(), other, receiver)
                #expect(outcome.right.summary.present == present)
            }
            #expect(try other.files.sources().map(\.description) == ["/agents/home/a/full", "/agents/home/a/inc"])
            #expect(try other.count() == 2)
        }
    }

    @Test func `What is in an attic is offered only where the filter names it`() async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try Self.machines(directory)
            try home.chain("/attic/web1/root", 1)
            var everything = ElementFilter()
            everything.sources = [try SourcePattern("/**"), try SourcePattern("*")]
            for filter in [ElementFilter(), everything] {
                _ = try await Meeting().run(home, home.move(filter: filter), other)
                #expect(try home.files.sources().map(\.description) == ["/attic/web1/root"])
            }
            #expect(try other.count() == 4)
            var named = ElementFilter()
            named.sources = [try SourcePattern("/attic/web1/**")]
            var receiver = ReceiverPolicy()
            _ = try await Meeting().run(home, home.move(filter: named), other, receiver)
            #expect(try home.count() == 1, "nobody's elements come to the attic of somebody who did not ask for them")
            receiver.prefix = try SourceURL("/home")
            receiver.filter = named
            _ = try await Meeting().run(home, home.move(filter: named), other, receiver)
            #expect(try home.count() == 0)
            #expect(try other.files.sources().map(\.description).contains("/home/attic/web1/root"))
        }
    }

    /// Sources `/a` are old, `/b` new and for `offsite`; increments are 11 bytes, fulls 10.
    private static func machines(_ directory: TemporaryDirectory) throws -> (Machine, Machine) {
        let (home, other) = try ConfirmationTests.machines(directory, 0)
        for (part, age, policies) in [("a", Int64(2000), ["default"]), ("b", 500, ["default", "offsite"])] {
            for type in [BackupType.full, .inc] {
                let data = Array("\(part)\(type) is here".utf8.prefix(type == .full ? 10 : 11))
                let source = try SourceURL("/\(part)/\(type)")
                try home.files.store(
                    source,
                    makeMetadata(
                        type, at: home.clock.now() - TimeSpan(seconds: age), data: data, handlingPolicies: policies,
                        source: source), data: data)
            }
        }
        return (home, other)
    }
}
