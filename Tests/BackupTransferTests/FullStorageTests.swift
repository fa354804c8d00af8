import BackupModel
import BackupStorage
import BackupTestKit
import BackupTransfer
import Testing

/// A storage that takes nothing any more ends a round, whatever is on its way at that moment.
@Suite struct FullStorageTests {
    /// The group before it was refused while the large element came: its file is given up once, not twice.
    @Test(arguments: [1, 2])
    func `A large element that arrives when nothing can be stored any more is kept for later`(version: Int) async throws
    {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            // As many as are stored together, then one that has a file of its own.
            _ = try home.chain("/a/small", 512)
            _ = try home.chain("/b/large", 3, size: 1 << 20)
            let full = BackupError(.noSpace, "no space left")
            let other = try Machine("other", in: directory) { InterceptedStorage($0, refusing: full) }
            let refused = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(refused.right.failure?.code == .noSpace, "\(String(describing: refused.right.failure))")
            #expect(refused.right.summary.stored == 0)
            #expect(try other.count() == 0)
            #expect(try home.count() == 515, "nothing is freed")

            let emptied = try other.restarted()
            let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), emptied)
            #expect(outcome.right.failure == nil)
            #expect(try emptied.count() == 515)
            #expect(try home.count() == 0)
        }
    }

    /// A large element must not eat up what would be enough for all others.
    @Test func `What fits is stored and confirmed, and no byte is fetched of what does not`() async throws {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let large = try home.chain("/a/large", 2, size: 3 << 20)
            _ = try home.chain("/b/small", 20)
            _ = try home.chain("/c/middle", 1, size: 300_000)
            let other = try Machine("other", in: directory) { InterceptedStorage($0, room: 2 << 20) }
            let outcome = try await ConfirmationTests.meeting(2).run(home, home.move(), other)
            #expect(outcome.right.failure?.code == .noSpace, "an administrator has to hear of it")
            #expect(outcome.right.summary.refused == 2)
            #expect(outcome.right.summary.stored == 21)
            #expect(try home.count() == 2, "the others are freed")
            #expect(try home.files.element(large[0].id).size == 3 << 20)
            #expect(other.events.bytesIn < 1 << 20)
        }
    }
}
