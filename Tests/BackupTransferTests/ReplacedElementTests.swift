import BackupModel
import BackupStorage
import BackupSystem
import BackupTestKit
import BackupTransfer
import Synchronization
import Testing

/// What is offered may change under the offer's feet: another connection, or the retention of the machine itself.
@Suite struct ReplacedElementTests {
    @Test(arguments: [1, 2])
    func `An element that took the place of the confirmed one is not deleted`(version: Int) async throws {
        try await withTemporaryDirectory { directory in
            let source = try SourceURL("/host1/root")
            let home = try Machine("home", in: directory)
            let old = try home.files.store(source, data: Array("old bytes".utf8))
            let replaced = Atomic(false)
            // Another process, which does not remember that the name was taken.
            let retention = try DefaultFileStorage(path: home.files.root.path, durability: .none)
            // The receiver has the bytes; before it can confirm them the sender's element is another one.
            let other = try Machine("other", in: directory) {
                InterceptedStorage($0) {
                    guard !replaced.exchange(true, ordering: .relaxed) else { return }
                    try? home.files.delete(old.id)
                    _ = try? retention.store(source, data: Array("new bytes".utf8))
                }
            }
            let outcome = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(outcome.right.summary.stored == 1)
            let isReplaced = replaced.load(ordering: .relaxed)
            #expect(isReplaced)
            #expect(try home.files.data(old.id) == Array("new bytes".utf8))
            #expect(home.events.released.isEmpty)
            _ = try await ConfirmationTests.meeting(version).run(home, home.move(), other)
            #expect(try home.count() == 0)
            #expect(try other.count() == 2)
        }
    }

    @Test(arguments: [1, 2])
    func `Elements that vanish while they are offered do not end the transfer of the others`(version: Int) async throws
    {
        try await withTemporaryDirectory { directory in
            let home = try Machine("home", in: directory)
            let elements = try home.chain("/host1/root", 450)
            let vanished = Atomic(false)
            let other = try Machine("other", in: directory) {
                InterceptedStorage($0) {
                    guard !vanished.exchange(true, ordering: .relaxed) else { return }
                    for element in elements[100..<400] { try? home.files.delete(element.id) }
                }
            }
            let outcome = try await ConfirmationTests.meeting(version).run(
                home, home.move(prioritise: ["urgent"]), other)
            #expect(outcome.left.failure == nil)
            #expect(outcome.right.failure == nil)
            #expect(try home.count() == 0)
            #expect(try other.count() >= 150)
        }
    }
}
