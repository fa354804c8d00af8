import BackupDigest
import BackupModel
import BackupSystem
import NIOCore
import Synchronization

/// Writes bytes that come one after the other into a file, and hashes them beside that: one thread for each, block after
/// block. At most ``maximumBlocks`` blocks wait for either; whoever brings more waits.
final class DigestingWriter: Sendable {
    /// Bytes of a block. Between two of them other work of the process has its turn.
    static let blockSize = 1 << 20
    /// Blocks in memory beside the one that is being filled.
    static let maximumBlocks = 3

    private struct Block {
        let memory: AlignedMemory
        let count: Int
        var isWritten = false
        /// The digest of all bytes up to the end of this block; `nil` before it was hashed.
        var digest: SHA512?
    }

    private struct State {
        /// The block that is being filled.
        var filling: AlignedMemory?
        var filled = 0
        /// Where in the file it begins.
        var start: Int64
        /// Blocks that were not both written and hashed, oldest first.
        var blocks: [Block] = []
        var spare: [AlignedMemory] = []
        /// Of what was written and hashed.
        var done: SHA512
        var isHashing = false
        var isWriting = false
        var file: StreamingFileWriter
        var failure: BackupError?
        /// Nothing more is taken.
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []

        /// Blocks end where those of a file from the start would, so that they can be written past the cache.
        var capacity: Int { DigestingWriter.blockSize - Int(start % Int64(DigestingWriter.blockSize)) }

        /// Copies as much of `bytes` as fits; returns whether the block is full.
        mutating func fill(_ bytes: inout ByteBuffer) -> Bool {
            let memory = filling ?? spare.popLast() ?? AlignedMemory(count: DigestingWriter.blockSize)
            filling = memory
            let count = min(bytes.readableBytes, capacity - filled)
            bytes.readWithUnsafeReadableBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: memory.bytes[filled...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
                return count
            }
            filled += count
            return filled == capacity
        }

        mutating func submit() {
            guard let memory = filling, filled > 0 else { return }
            blocks.append(Block(memory: memory, count: filled))
            start += Int64(filled)
            filling = nil
            filled = 0
        }

        /// The next block to hash, and the digest of all before it.
        var nextToHash: (block: Block, before: SHA512)? {
            guard failure == nil, let index = blocks.firstIndex(where: { $0.digest == nil }) else { return nil }
            guard index > 0, let before = blocks[index - 1].digest else { return (blocks[index], done) }
            return (blocks[index], before)
        }

        /// The next block to write, and where it begins.
        var nextToWrite: (block: Block, offset: Int64)? {
            guard failure == nil, let index = blocks.firstIndex(where: { !$0.isWritten }) else { return nil }
            return (blocks[index], start - blocks[index...].reduce(0) { $0 + Int64($1.count) })
        }

        /// Notes what was done with a block, and forgets the oldest ones with which nothing is to be done any more.
        mutating func update(_ block: Block, _ change: (inout Block) -> Void) {
            guard let index = blocks.firstIndex(where: { $0.memory === block.memory }) else { return }
            change(&blocks[index])
            while let first = blocks.first, first.isWritten, let digest = first.digest {
                done = digest
                spare.append(first.memory)
                blocks.removeFirst()
            }
        }

        mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
            defer { waiting = [] }
            return waiting
        }
    }

    private let environment: TransferEnvironment
    private let state: Mutex<State>

    /// - Parameters:
    ///   - file: is written behind the bytes of which `digest` is, and must stay open until ``finish()`` or ``stop()`` has
    ///     returned.
    ///   - digest: of the bytes that are there already.
    init(_ file: OwnedDescriptor, behind digest: SHA512, _ environment: TransferEnvironment) {
        self.environment = environment
        state = Mutex(
            State(start: digest.count, done: digest, file: StreamingFileWriter(file)))
    }

    /// The digest of what was written and hashed so far; its count tells where that ends.
    var done: SHA512 { state.withLock { $0.done } }
    /// Bytes of the file that were written and hashed.
    var writtenLength: Int64 { state.withLock { $0.done.count } }

    /// Takes the next bytes; waits when the disk or the digest are behind.
    ///
    /// - Throws: also when it is closed meanwhile.
    func append(_ bytes: ByteBuffer) async throws(BackupError) {
        var rest = bytes
        while rest.readableBytes > 0 {
            // Not a byte of what is closed: the block may be in other hands by then.
            let isFull = try state.withLock { state throws(BackupError) in
                try Self.check(state)
                return state.fill(&rest)
            }
            guard isFull else { return }
            try await wait { $0.blocks.count < Self.maximumBlocks || $0.isClosed }
            try state.withLock { state throws(BackupError) in
                try Self.check(state)
                state.submit()
            }
            work()
        }
    }

    /// Returns when all that was taken is written and hashed.
    func finish() async throws(BackupError) {
        state.withLock { $0.submit() }
        work()
        try await wait { $0.blocks.isEmpty }
        await waitUntilIdle()
        state.withLock { $0.file.finish() }
    }

    /// Takes nothing more; what was taken is written all the same. May be called while ``append(_:)`` waits, which then
    /// throws.
    func close() { change { $0.isClosed = true } }

    /// Takes nothing more and forgets what was not written yet; returns when nothing is at work any more, so that the file
    /// may be closed.
    func stop() async {
        change { state in
            state.isClosed = true
            state.failure = state.failure ?? .connectionClosed()
        }
        await waitUntilIdle()
    }

    // MARK: - Waiting

    private static func check(_ state: State) throws(BackupError) {
        if let failure = state.failure { throw failure }
        if state.isClosed { throw .connectionClosed() }
    }

    /// - Throws: what went wrong in the meantime.
    private func wait(until isReady: @Sendable (State) -> Bool) async throws(BackupError) {
        await pause { $0.failure != nil || isReady($0) }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func waitUntilIdle() async { await pause { !$0.isHashing && !$0.isWriting } }

    private func pause(until isOver: @Sendable (State) -> Bool) async {
        while !state.withLock({ isOver($0) }) {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if isOver(state) { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if mayGo { continuation.resume() }
            }
        }
    }

    /// Changes the state and lets all look at it who wait.
    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            return state.takeWaiting()
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: - Work on the pool

    /// Begins what there is to do and nobody is at.
    private func work() {
        let (hashes, writes) = state.withLock { state in
            let hashes = !state.isHashing && state.nextToHash != nil
            let writes = !state.isWriting && state.nextToWrite != nil
            state.isHashing = state.isHashing || hashes
            state.isWriting = state.isWriting || writes
            return (hashes, writes)
        }
        if hashes {
            environment.submit {
                self.hashNext()
            } orStopped: { error in
                self.change { state in
                    state.isHashing = false
                    state.failure = state.failure ?? error
                }
            }
        }
        if writes {
            environment.submit {
                self.writeNext()
            } orStopped: { error in
                self.change { state in
                    state.isWriting = false
                    state.failure = state.failure ?? error
                }
            }
        }
    }

    /// One block a turn: others wait for the pool, too.
    private func hashNext() {
        guard let (block, before) = state.withLock({ $0.nextToHash }) else { return change { $0.isHashing = false } }
        var digest = before
        digest.update(UnsafeRawBufferPointer(rebasing: block.memory.bytes[..<block.count]))
        let result = digest
        change { state in
            state.update(block) { $0.digest = result }
            state.isHashing = false
        }
        work()
    }

    private func writeNext() {
        guard let (block, offset) = state.withLock({ $0.nextToWrite }) else { return change { $0.isWriting = false } }
        var file = state.withLock { $0.file }
        let result: Result<Void, BackupError>
        do throws(BackupError) {
            try file.write(UnsafeRawBufferPointer(rebasing: block.memory.bytes[..<block.count]), at: offset)
            result = .success(())
        } catch { result = .failure(error) }
        let after = file
        change { state in
            state.file = after
            switch result {
            case .success: state.update(block) { $0.isWritten = true }
            case .failure(let error): state.failure = state.failure ?? error
            }
            state.isWriting = false
        }
        work()
    }
}
