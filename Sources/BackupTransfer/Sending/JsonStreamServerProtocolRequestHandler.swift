package import BackupModel
import BackupStorage
import BackupSystem
package import NIOCore

/// Answers what a remote agent asks: which policy, which elements, their bytes; and takes its confirmations. What it may
/// see is what the sender policy offers to it, nothing else.
package actor JsonStreamServerProtocolRequestHandler: RequestHandler {
    /// Features of version 2 that this side knows.
    package static let features = ["listing", "ping", "receipts"]

    private let context: TransferContext
    private let environment: TransferEnvironment
    private var listing: ElementListing?
    private var transaction: ElementTransaction?
    private let limits: ProtocolLimits

    package init(_ context: TransferContext, _ environment: TransferEnvironment) {
        self.context = context
        self.environment = environment
        limits = context.limits.protocolLimits
    }

    package func handle(_ payload: ByteBuffer, _ responder: Responder) async throws(BackupError) {
        let request = try PeerRequest(parsing: payload, version: responder.version, limits: limits)
        switch request {
        case .getPolicyInfo(let greeting): try answerPolicy(greeting, responder)
        case .ping: try responder.respond(ByteBuffer())
        case .startTransaction:
            transaction?.stop()
            transaction = ElementTransaction(try policy(), context, environment)
            try responder.respond(ByteBuffer())
        case .nextDataElement(let isStored):
            let hasElement = try await openTransaction().advance(isStored: isStored)
            try responder.respond(NextElementAnswer(hasElement: hasElement).encoded)
        case .getDataElementInfo:
            try responder.respond(try openTransaction().info())
        case .getDataElementStream:
            let transaction = try openTransaction()
            let element = try transaction.currentElement()
            if let content = transaction.takeContent() {
                try await send(content, of: element, responder)
            } else {
                try await stream(element, offset: 0, responder)
            }
            transaction.openAhead()
        case .listElements(let cursor, let limit):
            let listing = try openListing()
            try responder.respond(try await listing.page(after: cursor, limit: limit))
        case .readElement(let id, let offset):
            let element = try await offered(id)
            guard offset <= element.size else { throw .offsetPastEnd(id, offset, element.size) }
            try await stream(element, offset: offset, responder)
        case .confirmElements(let confirmations):
            try responder.respond(try await confirm(confirmations).encoded)
        }
    }

    package func close() {
        listing?.stop()
        transaction?.stop()
    }

    private func answerPolicy(_ greeting: PeerGreeting?, _ responder: Responder) throws(BackupError) {
        guard let greeting, greeting.protocolVersion >= 2, context.limits.maximumVersion >= 2 else {
            // An original accepts no other name, whatever the policy is.
            let name = context.senderPolicy == nil ? nil : "SenderMoveDataTransferPolicy"
            return try responder.respond(PolicyAnswer(.version1(name: name)).encoded)
        }
        let answer = PolicyAnswer(
            .version2(
                policy: context.senderPolicy.map { policy in
                    ["name": .string(policy.name), PolicyAnswer.hidesConfirmed: .bool(policy.hidesConfirmed)]
                }, features: Self.features,
                agent: environment.ownName?.description, software: environment.software))
        try responder.respond(answer.encoded)
        responder.switchToVersion2()
    }

    private func policy() throws(BackupError) -> any SenderPolicy {
        guard let policy = context.senderPolicy else { throw .nothingOffered(context.agent) }
        return policy
    }

    private func openListing() throws(BackupError) -> ElementListing {
        if let listing { return listing }
        let new = ElementListing(try policy(), context, environment)
        listing = new
        return new
    }

    private func openTransaction() throws(BackupError) -> ElementTransaction {
        guard let transaction else { throw .noTransaction() }
        return transaction
    }

    /// The element with this ID, if the policy offers it to this agent.
    private func offered(_ id: String) async throws(BackupError) -> StoredElement {
        let lookUp = try lookUp()
        if let element = listing?.recent(id) { return element }
        return try await storageWork { () throws(BackupError) in try lookUp.element(id) }
    }

    private func lookUp() throws(BackupError) -> OfferLookUp {
        OfferLookUp(
            storage: environment.storage, policy: try policy(), agent: context.agent, now: environment.clock.now())
    }

    // MARK: - Data

    private func stream(_ element: StoredElement, offset: Int64, _ responder: Responder) async throws(BackupError) {
        let (storage, frame) = (environment.storage, frameLength(responder))
        let content: ElementContent
        do throws(BackupError) {
            content = try await environment.blocking { () throws(BackupError) in
                // With a checksum the peer notices.
                if element.metadata.checksum == nil { try storage.checkUnchanged(element) }
                do throws(BackupError) {
                    return try ElementContent(storage, element, offset: offset, frame: frame)
                } catch {
                    // Metadata without data are damage, and no element that was deleted.
                    if error.code == .notFound { _ = try storage.element(element.id) }
                    throw error
                }
            }
        } catch {
            // Deleted since it was offered: nothing is wrong with that.
            if error.code != .notFound {
                environment.observer.transferDid(.problem(context.agent, element.id, error))
            }
            throw error.forPeer
        }
        try await send(content, of: element, responder)
    }

    private func send(
        _ content: ElementContent, of element: StoredElement, _ responder: Responder
    ) async throws(BackupError) {
        switch content {
        case .whole(let bytes):
            try await responder.stream(of: bytes)
            environment.observer.transferDid(
                .progress(context.agent, bytes: bytes.readableBytes, isIncoming: false))
        case .reader(let reader): try await stream(reader, of: element, responder)
        }
    }

    /// Bytes of a piece of a stream.
    private func frameLength(_ responder: Responder) -> Int {
        responder.version >= 2 ? min(limits.frameLength, 256 << 10) : ElementTransaction.frameLength
    }

    private func stream(
        _ reader: ElementReader, of element: StoredElement, _ responder: Responder
    ) async throws(BackupError) {
        let length = frameLength(responder)
        defer { reader.close() }
        while !reader.isAtEnd {
            // To change to a thread that may wait takes half as long as to read what lies in memory.
            var bytes = reader.readCached(length)
            if bytes.readableBytes == 0 {
                do throws(BackupError) {
                    bytes = try await environment.blocking { () throws(BackupError) in try reader.read(length) }
                } catch {
                    environment.observer.transferDid(.problem(context.agent, element.id, error))
                    throw error.forPeer
                }
            }
            guard try await responder.part(bytes) else { break }
            environment.observer.transferDid(
                .progress(context.agent, bytes: bytes.readableBytes, isIncoming: false))
        }
        try responder.endStream()
    }

    /// Work on the storage whose errors are none of the peer's business.
    private func storageWork<Value: Sendable>(
        _ body: @escaping @Sendable () throws(BackupError) -> Value
    ) async throws(BackupError) -> Value {
        do throws(BackupError) { return try await environment.blocking(body) } catch { throw error.forPeer }
    }

    // MARK: - Confirmations

    private func confirm(_ confirmations: [ElementConfirmation]) async throws(BackupError) -> ConfirmationAnswer {
        let policy = try policy()
        let judge = ConfirmationJudge(
            lookUp: try lookUp(), checkReceipt: context.checkReceipt,
            recent: Dictionary(
                confirmations.compactMap { one in listing?.recent(one.id).map { (one.id, $0) } },
                uniquingKeysWith: { first, _ in first }))
        let agent = context.agent
        // In one turn: a message confirms hundreds.
        let (verdicts, outcomes) = try await environment.blocking {
            let verdicts = confirmations.map { judge.judge($0) }
            return (verdicts, policy.applyPolicy(verdicts.compactMap { try? $0.get() }, by: agent))
        }
        var next = outcomes.makeIterator()
        var released: [String] = []
        var kept: [String] = []
        for (confirmation, verdict) in zip(confirmations, verdicts) {
            switch verdict {
            case .success(let confirmed):
                guard let outcome = next.next() else { continue }
                let isReleased = context.report(outcome, confirmed.element.id, environment)
                if isReleased { released.append(confirmation.id) } else { kept.append(confirmation.id) }
            case .failure(let error):
                kept.append(confirmation.id)
                guard let id = try? ElementID(confirmation.id) else { continue }
                environment.observer.transferDid(.confirmationRefused(agent, id, error))
            }
        }
        return ConfirmationAnswer(released: released, kept: kept)
    }
}

extension TransferContext {
    /// Tells the observer what the policy did; returns whether the local copy is gone.
    func report(_ outcome: ConfirmationOutcome, _ id: ElementID, _ environment: TransferEnvironment) -> Bool {
        switch outcome {
        case .released:
            environment.observer.transferDid(.confirmed(agent, id, released: true))
            return true
        case .kept: environment.observer.transferDid(.confirmed(agent, id, released: false))
        case .refused(let error): environment.observer.transferDid(.confirmationRefused(agent, id, error))
        }
        return false
    }
}
