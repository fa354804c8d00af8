import BackupDigest
import BackupModel
import BackupStorage
import BackupSystem
import NIOCore
import Synchronization

/// Writes a large element into its partial file while it arrives, and hashes it beside that: one batch is worked on
/// while the next one comes in, so at most two batches are in memory.
final class IncomingFile: Sendable {
    /// A batch on its way to the disk. The number tells whether it is still the one that somebody waited for.
    private struct Work {
        let number: Int64
        let task: Task<Result<SHA512, BackupError>, Never>
    }

    private struct State {
        var batch: [ByteBuffer] = []
        var batchSize = 0
        /// Whether the last of the batch is a buffer of ours, which small pieces are copied to.
        var collectsPieces = false
        /// Bytes that were taken over, written or not.
        var received: Int64
        var digest: SHA512
        var work: Work?
        /// Nothing more is taken: the file is about to be closed.
        var isOver = false
        var lastCheckpoint: Int64
        /// A note on its way to the disk; `nil` when the last one is written.
        var checkpoint: Task<BackupError?, Never>?

        /// A piece keeps all of the buffer alive into which it was read: small ones are copied together.
        mutating func append(_ bytes: ByteBuffer) {
            batchSize += bytes.readableBytes
            guard bytes.readableBytes < IncomingFile.smallPiece else {
                collectsPieces = false
                return batch.append(bytes)
            }
            if !collectsPieces {
                collectsPieces = true
                batch.append(ByteBufferAllocator().buffer(capacity: IncomingFile.smallPiece))
            }
            batch[batch.count - 1].writeImmutableBuffer(bytes)
        }
    }

    private static let smallPiece = 64 << 10

    private static let batchSize = 1 << 20
    /// Bytes between two notes. The last one may still be on its way when the next one is due, so a crash throws the
    /// transfer back by no more than twice as many.
    static let checkpointDistance: Int64 = 256 << 20
    private static let writebackDistance: Int64 = 8 << 20

    let file: PartialFile
    /// The bytes that were there already.
    let resumedAt: Int64
    /// The most bytes that are taken; the very number where it is known.
    private let size: Int64
    private let environment: TransferEnvironment
    /// Who has to answer for the bytes.
    private let owner: String
    private let checkpointDistance: Int64
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
            digest = note.digest
        }
        try file.truncate(to: digest.count)
        resumedAt = digest.count
        state = Mutex(State(received: digest.count, digest: digest, lastCheckpoint: digest.count))
    }

    /// Takes the next bytes; waits when the disk or the digest are behind.
    ///
    /// - Throws: also when there are more than the element has.
    func append(_ bytes: ByteBuffer) async throws(BackupError) {
        let isFull = try state.withLock { state throws(BackupError) in
            guard !state.isOver else { throw .connectionClosed() }
            guard state.received + Int64(bytes.readableBytes) <= size else { throw .streamTooLong(size) }
            state.received += Int64(bytes.readableBytes)
            state.append(bytes)
            return state.batchSize >= Self.batchSize
        }
        if isFull { try await startBatch() }
    }

    /// All bytes have come: the digest of the whole.
    ///
    /// - Throws: also when there are fewer than the element has.
    func finish() async throws(BackupError) -> [UInt8] {
        try await waitForAll()
        return try state.withLock { state throws(BackupError) in
            guard state.received == size else { throw .streamTooShort(state.received, size) }
            return state.digest.digest()
        }
    }

    /// The stream has ended, and nobody had said how long it would be: digest and size of what came.
    func finishAtAnySize() async throws(BackupError) -> ([UInt8], Int64) {
        try await waitForAll()
        return state.withLock { ($0.digest.digest(), $0.received) }
    }

    /// The stream broke: what is there is kept, so that the next one goes on behind it. May be called while ``append(_:)``
    /// still waits, which then throws.
    ///
    /// - Returns: how many bytes are kept.
    @discardableResult
    func keep() async -> Int64 {
        state.withLock { $0.isOver = true }
        do throws(BackupError) {
            try await waitForAll(isLast: true)
        } catch {
            // The descriptor must not be closed under what is still at work.
            try? await waitForCheckpoint()
            file.giveUp()
            return resumedAt
        }
        let (digest, file, owner) = (state.withLock { $0.digest }, file, owner)
        // Without a note the bytes would be of no use, and counted to nobody.
        defer { file.giveUp() }
        guard digest.count > resumedAt else { return resumedAt }
        do throws(BackupError) {
            try await environment.blocking { () throws(BackupError) in
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
        // The descriptor must not be closed under a batch that is being written.
        try? await waitForBatch()
        try? await waitForCheckpoint()
        file.discard()
    }

    /// Has the rest written, and waits for all of it.
    private func waitForAll(isLast: Bool = false) async throws(BackupError) {
        try await startBatch(isLast: isLast)
        try await waitForBatch()
        try await waitForCheckpoint()
    }

    private func waitForBatch() async throws(BackupError) {
        guard let work = state.withLock({ $0.work }) else { return }
        let result = await work.task.value
        try state.withLock { state throws(BackupError) in
            if state.work?.number == work.number {
                state.work = nil
                switch result {
                case .success(let digest): state.digest = digest
                case .failure:
                    // What comes behind it has no place any more.
                    state.isOver = true
                    state.batch = []
                    state.batchSize = 0
                }
            }
            _ = try result.get()
        }
    }

    /// - Parameter isLast: whoever closes the file writes what has waited until then.
    private func startBatch(isLast: Bool = false) async throws(BackupError) {
        while state.withLock({ $0.work != nil }) { try await waitForBatch() }
        try await beginCheckpointIfDue()
        try state.withLock { state throws(BackupError) in
            guard isLast || !state.isOver else { throw .connectionClosed() }
            guard state.work == nil, !state.batch.isEmpty else { return }
            state.work = Work(number: state.digest.count, task: write(state.batch, state.digest))
            state.batch = []
            state.batchSize = 0
            state.collectsPieces = false
        }
    }

    /// Not for bytes that are about to become an element: to wait for the disk would keep the next one from coming.
    private func beginCheckpointIfDue() async throws(BackupError) {
        let isDue = state.withLock { state in
            !state.isOver && state.received < size
                && state.digest.count - state.lastCheckpoint >= checkpointDistance
        }
        guard isDue else { return }
        try await waitForCheckpoint()
        state.withLock { state in
            // Whoever closes the file waits for what he has seen, and nothing else may begin.
            guard !state.isOver else { return }
            state.lastCheckpoint = state.digest.count
            state.checkpoint = checkpoint(state.digest)
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

    private func write(_ batch: [ByteBuffer], _ digest: SHA512) -> Task<Result<SHA512, BackupError>, Never> {
        let (file, environment) = (file, environment)
        return Task { () -> Result<SHA512, BackupError> in
            async let hashed = environment.blocking { () throws(BackupError) in
                var digest = digest
                for bytes in batch { bytes.withUnsafeReadableBytes { digest.update($0) } }
                return digest
            }
            do throws(BackupError) {
                try await environment.blocking { () throws(BackupError) in
                    try Self.write(batch, to: file, at: digest.count)
                }
                do { return .success(try await hashed) } catch let error as BackupError { throw error } catch {
                    throw .poolStopped()
                }
            } catch {
                return .failure(error)
            }
        }
    }

    private static func write(
        _ batch: [ByteBuffer], to file: PartialFile, at start: Int64
    ) throws(BackupError) {
        var offset = start
        for bytes in batch {
            var failure: BackupError?
            bytes.withUnsafeReadableBytes { raw in
                do throws(BackupError) { try file.write(raw, at: offset) } catch { failure = error }
            }
            if let failure { throw failure }
            offset += Int64(bytes.readableBytes)
        }
        // Written out while the rest still arrives, so that the sync at the end finds little to do.
        let (from, to) = (start / writebackDistance, offset / writebackDistance)
        if to > from {
            file.descriptor.startWriteback(offset: from * writebackDistance, count: (to - from) * writebackDistance)
        }
    }
}
