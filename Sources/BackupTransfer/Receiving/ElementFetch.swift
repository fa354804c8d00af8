import BackupDigest
import BackupModel
import BackupStorage
import NIOCore
import Synchronization

/// Takes the stream of one element: small ones in memory, large ones in a partial file.
final class ElementFetch: AnswerConsumer {
    /// Up to this size an element waits in memory for its group.
    static let maximumInMemory: Int64 = 128 << 10

    private let offer: OfferedElement
    private let local: SourceURL
    private let environment: TransferEnvironment
    private let agent: AgentName
    private let judge: ArrivalJudge
    private let committer: GroupCommitter
    private let file: IncomingFile?
    private let bytes = Mutex<[UInt8]>([])

    /// The byte from which the stream must come.
    var offset: Int64 { file?.resumedAt ?? 0 }

    /// Blocking for large elements.
    ///
    /// - Throws: `busy` when the element is being fetched by somebody else.
    init(
        _ offer: OfferedElement, local: SourceURL, _ environment: TransferEnvironment, agent: AgentName,
        judge: ArrivalJudge, committer: GroupCommitter, mayResume: Bool
    ) throws(BackupError) {
        self.offer = offer
        self.local = local
        self.environment = environment
        self.agent = agent
        self.judge = judge
        self.committer = committer
        file =
            offer.size <= Self.maximumInMemory
            ? nil
            : try IncomingFile(
                local, offer.metadata, size: offer.size, environment, of: agent, mayResume: mayResume)
    }

    func part(_ part: ByteBuffer) async throws(BackupError) {
        environment.observer.transferDid(.progress(agent, bytes: part.readableBytes, isIncoming: true))
        if let file { return try await file.append(part) }
        try bytes.withLock { bytes throws(BackupError) in
            guard Int64(bytes.count + part.readableBytes) <= offer.size else { throw .streamTooLong(offer.size) }
            bytes.append(contentsOf: part.readableBytesView)
        }
    }

    func end(_ result: Result<ByteBuffer, AnswerError>) async throws(BackupError) {
        switch result {
        case .success(let last):
            guard last.readableBytes == 0 else {
                await file?.keep()
                throw .streamEnd()
            }
            try await arrive()
        case .failure(.refused(let failure)):
            await file?.keep()
            judge.failed(local, offer.metadata)
            if file != nil {
                let judge = judge
                try await environment.blocking { () throws(BackupError) in try judge.trimPartials() }
            }
            // A listing is a snapshot: what was deleted since is not offered any more.
            guard failure.code != .notFound else { return await committer.count { $0.vanished += 1 } }
            await committer.refuse(offer.id, .remoteRefused(failure))
        case .failure(.broken(let error)):
            await file?.keep()
            throw error
        }
    }

    private func arrive() async throws(BackupError) {
        // From then on the file is the committer's, also when it fails: it may be closed already.
        var isHandedOver = false
        do throws(BackupError) {
            let sha512: [UInt8]
            let content: PendingElement.Content
            if let file {
                sha512 = try await file.finish()
                content = .partial(file.file)
            } else {
                let bytes = bytes.withLock { bytes in
                    defer { bytes = [] }
                    return bytes
                }
                guard Int64(bytes.count) == offer.size else {
                    throw .streamTooShort(Int64(bytes.count), offer.size)
                }
                sha512 = SHA512.hash(bytes)
                content = .bytes(bytes)
            }
            if let checksum = offer.metadata.checksum, checksum != sha512 { throw .otherBytesArrived(offer.id) }
            isHandedOver = true
            try await committer.add(
                Arrival(
                    id: offer.id, metadata: offer.metadata, size: offer.size, sha512: sha512, resumedAt: offset,
                    pending: PendingElement(source: local, metadata: offer.metadata, content: content)))
        } catch {
            // Bytes that are wrong are of no use to anybody; those that could not be written may be.
            if error.code == .damaged {
                await file?.discard()
            } else if !isHandedOver {
                await file?.keep()
            }
            judge.failed(local, offer.metadata)
            guard error.code == .damaged else { throw error }
            await committer.refuse(offer.id, error)
        }
    }
}
