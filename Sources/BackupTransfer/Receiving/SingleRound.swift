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
        let file: IncomingFile
        do throws(BackupError) {
            file = try await environment.blocking { () throws(BackupError) in
                try IncomingFile(local, info.metadata, size: limit, environment, mayResume: false)
            }
        } catch {
            round.judge.failed(local, info.metadata)
            guard error.code == .busy else { throw error }
            await committer.refuse(name, error)
            return false
        }
        let stream = StreamToFile(file, environment, round.context.agent)
        do throws(BackupError) {
            try await round.connection.send(.getDataElementStream, to: stream)
            let (sha512, size) = try await stream.result()
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

/// Writes a stream whose length is not known before its end.
private final class StreamToFile: AnswerConsumer {
    private struct State {
        var result: Result<([UInt8], Int64), BackupError>?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let file: IncomingFile
    private let environment: TransferEnvironment
    private let agent: AgentName
    private let state = Mutex(State())

    init(_ file: IncomingFile, _ environment: TransferEnvironment, _ agent: AgentName) {
        self.file = file
        self.environment = environment
        self.agent = agent
    }

    func result() async throws(BackupError) -> (sha512: [UInt8], size: Int64) {
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
        try await file.append(bytes)
    }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        let outcome: Result<([UInt8], Int64), BackupError>
        switch result {
        case .success(let last) where last.readableBytes == 0:
            do throws(BackupError) { outcome = .success(try await file.finishAtAnySize()) } catch {
                outcome = .failure(error)
            }
        case .success: outcome = .failure(.streamEnd())
        case .failure(.refused(let failure)): outcome = .failure(.remoteRefused(failure))
        case .failure(.broken(let error)): outcome = .failure(error)
        }
        let waiting = state.withLock { state in
            state.result = outcome
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
        if case .failure(let error) = outcome { throw error }
    }
}
