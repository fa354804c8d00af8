import BackupModel
import BackupStorage
import BackupSystem
import NIOCore

/// Fetching in version 1: one element after the other, each durable before the next is asked for.
struct SingleRound {
    let round: ReceiverRound

    func run(_ mirror: MirrorTracker?) async -> ConnectionOutcome {
        // Asking for the next element is the confirmation.
        await round.withCommitter(mirror, confirm: nil) { committer throws(BackupError) in
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
        switch try await verdict(info) {
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

    /// Version 1 does not tell the size before the bytes.
    private func verdict(_ info: ElementInfoAnswer) async throws(BackupError) -> ArrivalJudge.Verdict {
        let judge = round.judge
        if let verdict = judge.judgeAtOnce(info.source, info.metadata, size: nil) { return verdict }
        return try await round.environment.blocking { judge.judge(info.source, info.metadata, size: nil) }
    }

    private func fetch(
        _ info: ElementInfoAnswer, _ local: SourceURL, _ name: String, _ committer: GroupCommitter
    ) async throws(BackupError) -> Bool {
        let environment = round.environment
        let limit = round.judge.sizeLimit
        // In version 1 every element has bytes: those of one that can have none need not come to be dropped.
        guard limit > 0 else { return await tooLarge(info, local, name, 1, committer) }
        let stream = StreamOfUnknownLength(
            local, info.metadata, environment, round.context.agent, limit: limit,
            readingLimit: round.policy.maximumElementSize ?? .max)
        do throws(BackupError) {
            try await round.connection.send(.getDataElementStream, to: stream)
            let arrived: StreamOfUnknownLength.Arrived
            switch try await stream.result() {
            case .tooLong(let size): return await tooLarge(info, local, name, size, committer)
            case .arrived(let whole): arrived = whole
            }
            if try await isTwin(info.metadata, arrived.sha512, arrived.size) {
                await stream.discard()
                round.judge.failed(local, info.metadata)
                await committer.count { $0.present += 1 }
                return true
            }
            if let checksum = info.metadata.checksum, checksum != arrived.sha512 { throw .otherBytesArrived(name) }
            return try await committer.store(
                alone: Arrival(
                    id: name, metadata: info.metadata, size: arrived.size, sha512: arrived.sha512, resumedAt: 0,
                    pending: PendingElement(source: local, metadata: info.metadata, content: arrived.content)))
        } catch {
            await stream.discard()
            round.judge.failed(local, info.metadata)
            guard error.code == .damaged || error.code == .busy else { throw error }
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
