import BackupModel
import BackupPipeline
import BackupRestore
import BackupStorage
import BackupSystem
import Synchronization

/// Hands over what is in an element, undone and checked as a restore does it, on the thread that asks for it.
struct ElementPayload: Sendable {
    let session: RestoreSession

    private static let pieceSize = 256 << 10

    private final class Ending: Sendable {
        let result = Mutex<Result<Void, BackupError>?>(nil)
    }

    /// Memory does not grow with the element. Blocks: not to be called on a thread of Swift's tasks.
    ///
    /// - Throws: what `body` throws, and it is not called any more then; `damaged` when the bytes are not those of the
    ///   metadata, which is known only when all were handed over; `keyUnusable`.
    func forEachPiece(
        of element: StoredElement, _ body: (UnsafeRawBufferPointer) throws(BackupError) -> Void
    ) throws(BackupError) {
        let pipe = try Pipe(name: "the pipe from \(element.id)")
        let ending = Ending()
        let work = Task.detached { [session] in
            let result: Result<Void, BackupError>
            do throws(BackupError) {
                try await session.write(element, to: .descriptor(pipe.writeEnd))
                result = .success(())
            } catch { result = .failure(error) }
            // Before the reader meets the end.
            ending.result.withLock { $0 = result }
            pipe.writeEnd.close()
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
        defer { buffer.deallocate() }
        var failure: BackupError?
        while case let count = try pipe.readEnd.read(into: buffer), count > 0 {
            // To the end all the same: then nothing of it is left.
            if failure != nil { continue }
            do throws(BackupError) { try body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) } catch {
                failure = error
                work.cancel()
            }
        }
        pipe.readEnd.close()
        if let failure { throw failure }
        try ending.result.withLock { $0 }?.get()
    }
}
