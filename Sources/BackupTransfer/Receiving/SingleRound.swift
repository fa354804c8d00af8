import BackupModel
import BackupStorage
import BackupSystem
import NIOCore
import Synchronization

/// Fetching in version 1: one element after the other, each durable before the next is asked for.
struct SingleRound {
    let round: ReceiverRound

    func run(_ mirror: MirrorTracker?) async -> ConnectionOutcome {
        await round.withCommitter(mirror) { _ in
            // Asking for the next element is the confirmation.
        } _: { committer throws(BackupError) in
            let connection = round.connection
            _ = try await connection.ask(.startTransaction(query: .null))
            // Said on the very first call, as originals do.
            var isStored = true
            while try await nextElement(isStored) {
                await committer.count { $0.offered += 1 }
                try await round.checkNumber(committer)
                isStored = try await receive(committer, mirror)
            }
        }
    }

    private func nextElement(_ isStored: Bool) async throws(BackupError) -> Bool {
        let answer = try await round.connection.ask(.nextDataElement(stored: isStored))
        return try NextElementAnswer(parsing: answer).hasElement
    }

    /// Returns whether the element is stored here, durable.
    private func receive(_ committer: GroupCommitter, _ mirror: MirrorTracker?) async throws(BackupError) -> Bool {
        let connection = round.connection
        let answer = try await connection.ask(.getDataElementInfo)
        let info: ElementInfoAnswer
        do throws(BackupError) {
            guard let parsed = try ElementInfoAnswer(parsing: answer) else {
                throw .answerForm("getDataElementInfo", "an element")
            }
            info = parsed
        } catch {
            // The connection is fine; this element is not.
            mirror?.listingIsIncomplete()
            await committer.refuse("an element", error)
            return false
        }
        let name = "\(info.source) of \(info.metadata.timestamp)"
        if let mirror, let local = try? round.policy.localSource(info.source) { mirror.announce(local, info.metadata) }
        let judge = round.judge
        // Version 1 does not tell the size before the bytes.
        let verdict = try await round.environment.blocking { judge.judge(info.source, info.metadata, size: nil) }
        switch verdict {
        case .present:
            await committer.count { $0.present += 1 }
            return true
        case .presentForNow:
            await committer.count { $0.present += 1 }
            return false
        case .underWay:
            await committer.count { $0.underWay += 1 }
            return false
        case .unwanted:
            await committer.count { $0.unwanted += 1 }
            return false
        case .refused(let error):
            await committer.refuse(name, error)
            return false
        case .fetch(let local):
            return try await fetch(info, local, name, committer)
        }
    }

    private func fetch(
        _ info: ElementInfoAnswer, _ local: SourceURL, _ name: String, _ committer: GroupCommitter
    ) async throws(BackupError) -> Bool {
        let environment = round.environment
        let limit = round.judge.sizeLimit
        // In version 1 every element has bytes: those of one that can have none need not come to be dropped.
        guard limit > 0 else { return await tooLarge(info, local, name, 1, committer) }
        let file: IncomingFile
        do throws(BackupError) {
            file = try await environment.blocking { () throws(BackupError) in
                try IncomingFile(
                    local, info.metadata, size: limit, environment, of: round.context.agent, mayResume: false)
            }
        } catch {
            round.judge.failed(local, info.metadata)
            guard error.code == .busy else { throw error }
            await committer.refuse(name, error)
            return false
        }
        let stream = StreamToFile(
            file, environment, round.context.agent, limit: limit,
            readingLimit: round.policy.maximumElementSize ?? .max)
        do throws(BackupError) {
            try await round.connection.send(.getDataElementStream, to: stream)
            let (digest, size) = try await stream.result()
            guard let sha512 = digest else { return await tooLarge(info, local, name, size, committer) }
            if try await isTwin(info.metadata, sha512, size) {
                await file.discard()
                round.judge.failed(local, info.metadata)
                await committer.count { $0.present += 1 }
                return true
            }
            if let checksum = info.metadata.checksum, checksum != sha512 { throw .otherBytesArrived(name) }
            let before = await committer.confirmed
            try await committer.add(
                Arrival(
                    id: name, metadata: info.metadata, size: size, sha512: sha512, resumedAt: 0,
                    pending: PendingElement(source: local, metadata: info.metadata, content: .partial(file.file))))
            try await committer.finish()
            return await committer.confirmed > before
        } catch {
            await file.discard()
            round.judge.failed(local, info.metadata)
            guard error.code == .damaged else { throw error }
            await committer.refuse(name, error)
            return false
        }
    }

    /// The element has at least `size` bytes, and so many may not be stored. What was not wanted for its size is nothing
    /// to speak of, as in version 2.
    private func tooLarge(
        _ info: ElementInfoAnswer, _ local: SourceURL, _ name: String, _ size: Int64, _ committer: GroupCommitter
    ) async -> Bool {
        round.judge.failed(local, info.metadata)
        if let maximum = round.policy.filter.maximumSize, size > maximum {
            await committer.count { $0.unwanted += 1 }
        } else {
            await committer.refuse(name, .quotaExceeded(info.source, "\(round.policy.quotaBytes ?? 0) bytes"))
        }
        return false
    }

    /// Whether an element that could not be told from others before its bytes came is here already.
    private func isTwin(_ metadata: ElementMetadata, _ sha512: [UInt8], _ size: Int64) async throws(BackupError) -> Bool
    {
        guard metadata.uuid == nil, metadata.checksum == nil else { return false }
        let judge = round.judge
        return try await round.environment.blocking { () throws(BackupError) in
            try judge.twin(metadata, sha512, size: size) != nil
        }
    }
}

/// Writes a stream whose length is not known before its end. What turns out to be too long is read to its end and
/// dropped: version 1 has no other way to what comes behind it.
private final class StreamToFile: AnswerConsumer {
    /// `nil` for the digest when there were more bytes than may be stored.
    typealias Outcome = Result<(sha512: [UInt8]?, size: Int64), BackupError>

    private struct State {
        var received: Int64 = 0
        var result: Outcome?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let file: IncomingFile
    private let environment: TransferEnvironment
    private let agent: AgentName
    private let limit: Int64
    private let readingLimit: Int64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: the most bytes that are stored.
    ///   - readingLimit: the most bytes that are read, `limit` or more; the connection ends behind them.
    init(
        _ file: IncomingFile, _ environment: TransferEnvironment, _ agent: AgentName, limit: Int64, readingLimit: Int64
    ) {
        self.file = file
        self.environment = environment
        self.agent = agent
        self.limit = limit
        self.readingLimit = readingLimit
    }

    func result() async throws(BackupError) -> (sha512: [UInt8]?, size: Int64) {
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

    func part(_ bytes: ByteBuffer) async throws(BackupError) {
        environment.observer.transferDid(.progress(agent, bytes: bytes.readableBytes, isIncoming: true))
        let (before, now) = state.withLock { state in
            let before = state.received
            state.received += Int64(bytes.readableBytes)
            return (before, state.received)
        }
        guard now <= readingLimit else { throw .streamBeyondLimit(readingLimit) }
        if now <= limit { return try await file.append(bytes) }
        // Once: the room on the disk is free before the rest comes.
        if before <= limit { await file.discard() }
    }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let outcome = await outcome(result)
        let waiting = state.withLock { state in
            state.result = outcome
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
        if case .failure(let error) = outcome { throw error }
    }

    private func outcome(_ result: Result<ByteBuffer, AnswerError>) async -> Outcome {
        switch result {
        case .success(let last) where last.readableBytes == 0:
            let received = state.withLock { $0.received }
            guard received <= limit else { return .success((nil, received)) }
            do throws(BackupError) {
                let (sha512, size) = try await file.finishAtAnySize()
                return .success((sha512, size))
            } catch {
                return .failure(error)
            }
        case .success: return .failure(.streamEnd())
        case .failure(.refused(let failure)): return .failure(.remoteRefused(failure))
        case .failure(.broken(let error)): return .failure(error)
        }
    }
}
