import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// Elements that lack what ours have: those of other programs.
@Suite struct UnusualElementTests {
    enum Lack: CaseIterable, Sendable { case uuid, checksum, both }

    @Test(arguments: [1, 2], Lack.allCases)
    func `Elements without UUID or checksum move, and are known again`(version: Int, lack: Lack) async throws {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let sizes = [5, 300_000, 5]
            for (index, size) in sizes.enumerated() {
                var random = SeededGenerator(seed: UInt64(index))
                let data = random.bytes(size)
                try home.files.store(
                    try SourceURL("/host1/root"), try Self.metadata(lack, second: index, data: data), data: data)
            }
            let expected = try home.files.contents()
            for _ in 0..<2 {
                let outcome = try await ConfirmationTests.meeting(version).run(
                    home, SenderKeepDataTransferPolicy(), other)
                #expect(outcome.right.failure == nil)
                #expect(try other.count() == 3)
            }
            let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(outcome.left.failure == nil)
            #expect(try home.count() == 0)
            #expect(try other.count() == 3)
            #expect(try other.files.contents() == expected)
        }
    }

    @Test
    func `Elements without UUID and checksum that differ in nothing but their bytes are never taken for each other`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            let source = try SourceURL("/host1/root")
            let metadata = try Self.metadata(.both, second: 0, data: [])
            try home.files.store(source, metadata, data: [1, 2, 3])
            try other.files.store(source, metadata, data: [4, 5, 6])
            _ = try await Meeting().run(home, home.move(), other)
            _ = try await ConfirmationTests.meeting(1).run(home, home.move(), other)
            var found: Set<[UInt8]> = []
            for machine in [home, other] {
                for element in try machine.files.elements(of: source).usable {
                    found.insert(try machine.files.data(element.id))
                }
            }
            #expect(found == [[1, 2, 3], [4, 5, 6]])
        }
    }

    @Test func `Elements without bytes move in version 2, and stay in version 1, whose originals would end at them`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let (home, other) = try ConfirmationTests.machines(directory, 0)
            try home.chain("/host1/empty", 1, size: 0)
            try home.chain("/host1/root", 1)
            let outcome = try await ConfirmationTests.meeting(1).run(home, home.move(), other)
            #expect(outcome.right.failure == nil)
            #expect(outcome.right.summary.stored == 1)
            #expect(try home.files.sources().map(\.description) == ["/host1/empty"])
            #expect(try await Meeting().run(home, home.move(), other).right.summary.stored == 1)
            #expect(try other.count() == 2)
            #expect(try home.count() == 0)
        }
    }

    @Test func `Bytes that are not those of the metadata are refused and stay with the sender`() async throws {
        try await withTemporaryDirectory { directory in
            for (index, size) in [10, 200_000].enumerated() {
                let (home, other) = try ConfirmationTests.machines(directory, index)
                var random = SeededGenerator(seed: 5)
                let (right, wrong) = (random.bytes(size), random.bytes(size))
                try home.files.store(try SourceURL("/host1/root"), makeMetadata(data: right), data: wrong)
                try home.files.store(try SourceURL("/host1/var"), data: right)
                for version in [1, 2] {
                    let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
                    #expect(outcome.right.failure == nil)
                    #expect(outcome.right.summary.damaged == 1)
                    #expect(outcome.right.summary.stored == 2 - version)
                }
                #expect(try home.count() == 1)
                #expect(try other.count() == 1)
            }
        }
    }

    private static func metadata(_ lack: Lack, second: Int, data: [UInt8]) throws -> ElementMetadata {
        var object = makeMetadata(at: Timestamp(1_795_220_058 + Int64(second)), data: data).object
        if lack != .checksum { object["DataUuid"] = nil }
        if lack != .uuid { object["StorageFileChecksumSha512"] = nil }
        return try ElementMetadata(object)
    }
}
