import BackupDigest
import BackupModel
import BackupStorage
import BackupSystem
import NIOCore
import Synchronization

/// Takes a large element while it arrives, into its partial file, and notes from time to time how far it is.
final class IncomingFile: Sendable {
    private struct State {
        /// Bytes that were taken over, written or not.
        var received: Int64
        /// Nothing more is taken: the file is about to be closed.
        var isOver = false
        var lastCheckpoint: Int64
        /// A note on its way to the disk; `nil` when the last one is written.
        var checkpoint: Task<BackupError?, Never>?
    }

    /// Bytes between two notes. The last one may still be on its way when the next one is due, so a crash throws the
    /// transfer back by little more than twice as many.
    static let checkpointDistance: Int64 = 256 << 20

    let file: PartialFile
    /// The bytes that were there already.
    let resumedAt: Int64
    /// The most bytes that are taken; the very number where it is known.
    private let size: Int64
    private let environment: TransferEnvironment
    /// Who has to answer for the bytes.
    private let owner: String
    private let checkpointDistance: Int64
    private let writer: DigestingWriter
    private let state: Mutex<State>

    /// Opens the partial file of an element, and finds out how much of it is there. Blocking.
    ///
    /// - Throws: `busy` when another connection or process is fetching the same element.
    init(
        _ local: SourceURL, _ metadata: ElementMetadata, size: Int64, _ environment: TransferEnvironment,
        of agent: AgentName, mayResume: Bool, checkpointDistance: Int64 = IncomingFile.checkpointDistance
    ) throws(BackupError) {
        self.size = size
        owner = agent.description
        self.checkpointDistance = checkpointDistance
        self.environment = environment
        file = try environment.storage.openPartial(PartialNote.key(local, metadata, size: size))
        var digest = SHA512()
        // Without a checksum nothing would tell that the parts belong together.
        if mayResume, metadata.checksum != nil, let bytes = try file.note(), let note = PartialNote(parsing: bytes),
            note.digest.count <= size, try file.descriptor.status().size >= note.digest.count
        {
            if try Self.isTrue(note, of: file) {
                digest = note.digest
            } else {
                environment.observer.transferDid(
                    .refused(agent, element: "\(local) of \(metadata.timestamp)", .partialChanged(file.descriptor.name))
                )
            }
        }
        try file.truncate(to: digest.count)
        // What was read again, or cut, need not be read the next time: the peer may lose its patience meanwhile.
        if digest.count > 0, !(try file.isUntouchedSinceNote(now: SystemClock().now())) {
            try file.checkpoint(PartialNote(digest).bytes, owner: owner)
        }
        resumedAt = digest.count
        writer = DigestingWriter(file.descriptor, behind: digest, environment)
        state = Mutex(State(received: digest.count, lastCheckpoint: digest.count))
    }

    /// Whether the bytes in the file are those of the note's digest. Unless nothing can have come between, they are read: the
    /// digest at the end goes on from the note, so it would not tell.
    private static func isTrue(_ note: PartialNote, of file: PartialFile) throws(BackupError) -> Bool {
        if try file.isUntouchedSinceNote(now: SystemClock().now()) { return true }
        return try DataDigest.sha512(file.descriptor, upTo: note.digest.count) == note.digest.digest()
    }

    /// Takes the next bytes; waits when the disk or the digest are behind.
    ///
    /// - Throws: also when there are more than the element has.
    func append(_ bytes: ByteBuffer) async throws(BackupError) {
        try state.withLock { state throws(BackupError) in
            guard !state.isOver else { throw .connectionClosed() }
            guard state.received + Int64(bytes.readableBytes) <= size else { throw .streamTooLong(size) }
            state.received += Int64(bytes.readableBytes)
        }
        try await writer.append(bytes)
        try await beginCheckpointIfDue()
    }

    /// All bytes have come: the digest of the whole.
    ///
    /// - Throws: also when there are fewer than the element has.
    func finish() async throws(BackupError) -> [UInt8] {
        try await waitForAll()
        let received = state.withLock { $0.received }
        guard received == size else { throw .streamTooShort(received, size) }
        return writer.done.digest()
    }

    /// The stream has ended, and nobody had said how long it would be: digest and size of what came.
    func finishAtAnySize() async throws(BackupError) -> ([UInt8], Int64) {
        try await waitForAll()
        return (writer.done.digest(), state.withLock { $0.received })
    }

    /// The stream broke: what is there is kept, so that the next one goes on behind it. May be called while ``append(_:)``
    /// still waits, which then throws.
    ///
    /// - Returns: how many bytes are kept.
    @discardableResult
    func keep() async -> Int64 {
        state.withLock { $0.isOver = true }
        writer.close()
        let isCut: Bool
        do throws(BackupError) {
            try await waitForAll()
            isCut = false
        } catch {
            // The descriptor must not be closed under what is still at work. What was written before is as good as ever.
            await writer.stop()
            try? await waitForCheckpoint()
            isCut = true
        }
        let (digest, file, owner) = (writer.done, file, owner)
        // Without a note the bytes would be of no use, and counted to nobody.
        defer { file.giveUp() }
        guard digest.count > resumedAt else { return resumedAt }
        do throws(BackupError) {
            try await environment.blocking { () throws(BackupError) in
                // On a full disk this is the room for the note.
                if isCut { try file.truncate(to: digest.count) }
                try file.checkpoint(PartialNote(digest).bytes, owner: owner)
            }
        } catch {
            return resumedAt
        }
        return digest.count
    }

    /// Nothing of it is wanted any more. May be called while ``append(_:)`` still waits, which then throws.
    func discard() async {
        state.withLock { $0.isOver = true }
        // The descriptor must not be closed under what is being written.
        await writer.stop()
        try? await waitForCheckpoint()
        file.discard()
    }

    /// Has the rest written, and waits for all of it.
    private func waitForAll() async throws(BackupError) {
        try await writer.finish()
        try await waitForCheckpoint()
    }

    /// Not for bytes that are about to become an element: to wait for the disk would keep the next one from coming.
    private func beginCheckpointIfDue() async throws(BackupError) {
        let isDue = state.withLock { state in
            !state.isOver && state.received < size
                && writer.writtenLength - state.lastCheckpoint >= checkpointDistance
        }
        guard isDue else { return }
        try await waitForCheckpoint()
        let digest = writer.done
        state.withLock { state in
            // Whoever closes the file waits for what he has seen, and nothing else may begin.
            guard !state.isOver else { return }
            state.lastCheckpoint = digest.count
            state.checkpoint = checkpoint(digest)
        }
    }

    /// Begins to make durable what was written, and to note it, beside the batches that come.
    private func checkpoint(_ digest: SHA512) -> Task<BackupError?, Never> {
        let (file, environment, owner) = (file, environment, owner)
        return Task {
            do throws(BackupError) {
                try await environment.blocking { () throws(BackupError) in
                    try file.checkpoint(PartialNote(digest).bytes, owner: owner)
                }
                return nil
            } catch {
                return error
            }
        }
    }

    private func waitForCheckpoint() async throws(BackupError) {
        guard let checkpoint = state.withLock({ $0.checkpoint }) else { return }
        let failure = await checkpoint.value
        try state.withLock { state throws(BackupError) in
            guard let failure else { return state.checkpoint = nil }
            // It stays: whoever asks again is told the same.
            state.isOver = true
            throw failure
        }
    }
}
