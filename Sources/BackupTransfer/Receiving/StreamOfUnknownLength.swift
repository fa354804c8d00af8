import BackupDigest
import BackupModel
import BackupStorage
import NIOCore
import Synchronization

/// Takes the stream of an element whose length is not known before its end (version 1): in memory as long as it is short,
/// then in a file. What turns out to be too long is read to its end and dropped: version 1 has no other way to what comes
/// behind it.
final class StreamOfUnknownLength: AnswerConsumer {
    struct Arrived: Sendable {
        let sha512: [UInt8]
        let size: Int64
        let content: PendingElement.Content
    }

    enum Outcome: Sendable {
        case arrived(Arrived)
        /// It has at least so many bytes, and they are gone.
        case tooLong(Int64)
    }

    private struct State {
        var received: Int64 = 0
        var bytes: [UInt8] = []
        var file: IncomingFile?
        /// Why the rest is read and dropped.
        var refusal: BackupError?
        var result: Result<Outcome, BackupError>?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let local: SourceURL
    private let metadata: ElementMetadata
    private let environment: TransferEnvironment
    private let agent: AgentName
    private let limit: Int64
    private let readingLimit: Int64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: the most bytes that are stored.
    ///   - readingLimit: the most bytes that are read, `limit` or more; the connection ends behind them.
    init(
        _ local: SourceURL, _ metadata: ElementMetadata, _ environment: TransferEnvironment, _ agent: AgentName,
        limit: Int64, readingLimit: Int64
    ) {
        self.local = local
        self.metadata = metadata
        self.environment = environment
        self.agent = agent
        self.limit = limit
        self.readingLimit = readingLimit
    }

    /// Waits for the end of the stream.
    ///
    /// - Throws: `busy` when the same element is being fetched by somebody else; what ended the connection.
    func result() async throws(BackupError) -> Outcome {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.result != nil { return true }
                state.waiting = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        guard let result = state.withLock({ $0.result }) else { throw .connectionClosed() }
        return try result.get()
    }

    /// Nothing of it is wanted any more.
    func discard() async {
        let file = state.withLock { state in
            state.bytes = []
            return state.file
        }
        await file?.discard()
    }

    func part(_ bytes: ByteBuffer) async throws(BackupError) {
        environment.observer.transferDid(.progress(agent, bytes: bytes.readableBytes, isIncoming: true))
        let (before, now) = state.withLock { state in
            let before = state.received
            state.received += Int64(bytes.readableBytes)
            return (before, state.received)
        }
        guard now <= readingLimit else { throw .streamBeyondLimit(readingLimit) }
        if now > limit {
            // Once: the room on the disk is free before the rest comes.
            if before <= limit { await discard() }
            return
        }
        if now <= ElementFetch.maximumInMemory {
            state.withLock { $0.bytes.append(contentsOf: bytes.readableBytesView) }
        } else if let file = try await openedFile() {
            try await file.append(bytes)
        }
    }

    /// The file that takes the rest, with what has come so far in it; `nil` when it cannot be had.
    private func openedFile() async throws(BackupError) -> IncomingFile? {
        let (known, isRefused) = state.withLock { ($0.file, $0.refusal != nil) }
        if let known { return known }
        if isRefused { return nil }
        let (local, metadata, environment, agent, limit) = (local, metadata, environment, agent, limit)
        let file: IncomingFile
        do throws(BackupError) {
            file = try await environment.blocking { () throws(BackupError) in
                try IncomingFile(local, metadata, size: limit, environment, of: agent, mayResume: false)
            }
        } catch {
            guard error.code == .busy else { throw error }
            state.withLock { state in
                state.refusal = error
                state.bytes = []
            }
            return nil
        }
        let bytes = state.withLock { state in
            state.file = file
            defer { state.bytes = [] }
            return state.bytes
        }
        try await file.append(ByteBuffer(bytes: bytes))
        return file
    }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let outcome = await outcome(result)
        let waiting = state.withLock { state in
            state.result = outcome
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
        // That somebody else fetches it is no fault of the connection.
        if case .failure(let error) = outcome, error.code != .busy { throw error }
    }

    private func outcome(_ result: Result<ByteBuffer, AnswerError>) async -> Result<Outcome, BackupError> {
        switch result {
        case .success(let last) where last.readableBytes == 0:
            do throws(BackupError) { return .success(try await whole()) } catch { return .failure(error) }
        case .success: return .failure(.streamEnd())
        case .failure(.refused(let failure)): return .failure(.remoteRefused(failure))
        case .failure(.broken(let error)): return .failure(error)
        }
    }

    private func whole() async throws(BackupError) -> Outcome {
        let (received, bytes, file, refusal) = state.withLock { ($0.received, $0.bytes, $0.file, $0.refusal) }
        guard received <= limit else { return .tooLong(received) }
        if let refusal { throw refusal }
        guard let file else {
            state.withLock { $0.bytes = [] }
            return .arrived(
                Arrived(sha512: SHA512.hash(bytes), size: received, content: .bytes(bytes)))
        }
        let (sha512, size) = try await file.finishAtAnySize()
        return .arrived(Arrived(sha512: sha512, size: size, content: .partial(file.file)))
    }
}
