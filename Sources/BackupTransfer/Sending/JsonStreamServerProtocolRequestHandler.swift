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
            try responder.respond(
                NextElementAnswer(hasElement: try await openTransaction().advance(isStored: isStored)).encoded)
        case .getDataElementInfo:
            try responder.respond(try openTransaction().info())
        case .getDataElementStream:
            let transaction = try openTransaction()
            let element = try transaction.currentElement()
            if let reader = transaction.takeReader() {
                try await stream(reader, of: element, responder)
            } else {
                try await stream(element, offset: 0, responder)
            }
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
        let policy = try policy()
        if let element = listing?.recent(id) { return element }
        let (storage, agent, now) = (environment.storage, context.agent, environment.clock.now())
        return try await storageWork { () throws(BackupError) in
            let element: StoredElement
            do throws(BackupError) { element = try storage.element(try ElementID(id)) } catch {
                // What there is besides the offers is nobody's business.
                throw .notOffered(id)
            }
            guard element.id.description == id,
                policy.filter.passes(element.id.source, element.metadata, size: element.size, now: now),
                try policy.offers(element, to: agent)
            else { throw .notOffered(id) }
            return element
        }
    }

    // MARK: - Data

    /// How an element's bytes come from the disk.
    private enum Content: Sendable {
        case whole(ByteBuffer)
        case reader(ElementReader)
    }

    private func stream(_ element: StoredElement, offset: Int64, _ responder: Responder) async throws(BackupError) {
        let storage = environment.storage
        let frame = frameLength(responder)
        let content: Content
        do throws(BackupError) {
            content = try await environment.blocking { () throws(BackupError) in
                // With a checksum the peer notices.
                if element.metadata.checksum == nil { try storage.checkUnchanged(element) }
                let reader: ElementReader
                do throws(BackupError) { reader = try ElementReader(storage, element, offset: offset) } catch {
                    // Metadata without data are damage, and no element that was deleted.
                    if error.code == .notFound { _ = try storage.element(element.id) }
                    throw error
                }
                guard element.size - offset <= frame else { return .reader(reader) }
                // What fits into one frame is read in one go: each turn on the pool costs more than the bytes.
                defer { reader.close() }
                return .whole(try reader.readAll())
            }
        } catch {
            // Deleted since it was offered: nothing is wrong with that.
            if error.code != .notFound {
                environment.observer.transferDid(.problem(context.agent, element.id, error))
            }
            throw error.forPeer
        }
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
        responder.version >= 2 ? min(limits.frameLength, 256 << 10) : 64 << 10
    }

    private func stream(
        _ reader: ElementReader, of element: StoredElement, _ responder: Responder
    ) async throws(BackupError) {
        let length = frameLength(responder)
        defer { reader.close() }
        while true {
            let bytes: ByteBuffer
            do throws(BackupError) {
                bytes = try await environment.blocking { () throws(BackupError) in try reader.read(length) }
            } catch {
                environment.observer.transferDid(.problem(context.agent, element.id, error))
                throw error.forPeer
            }
            if bytes.readableBytes == 0 { break }
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
        var released: [String] = []
        var kept: [String] = []
        var valid: [(id: String, element: ConfirmedElement)] = []
        for confirmation in confirmations {
            do throws(BackupError) {
                let element = try await offered(confirmation.id)
                try await check(confirmation, element)
                valid.append((confirmation.id, ConfirmedElement(element, receipt: confirmation.receipt)))
            } catch {
                kept.append(confirmation.id)
                guard let id = try? ElementID(confirmation.id) else { continue }
                environment.observer.transferDid(.confirmationRefused(context.agent, id, error))
            }
        }
        let (agent, elements) = (context.agent, valid.map(\.element))
        let outcomes = try await environment.blocking { policy.applyPolicy(elements, by: agent) }
        for ((id, confirmed), outcome) in zip(valid, outcomes) {
            let isReleased = context.report(outcome, confirmed.element.id, environment)
            if isReleased { released.append(id) } else { kept.append(id) }
        }
        return ConfirmationAnswer(released: released, kept: kept)
    }

    /// Whether the agent can know what it confirms, and has signed for it if that is demanded.
    private func check(_ confirmation: ElementConfirmation, _ element: StoredElement) async throws(BackupError) {
        let storage = environment.storage
        let checksum = try await storageWork { () throws(BackupError) -> [UInt8] in
            try storage.checkUnchanged(element)
            if let checksum = element.metadata.checksum { return checksum }
            // An element of the original may have none: then the bytes are read.
            return try DataDigest.sha512(try storage.openData(element.id)) { _ in }
        }
        guard confirmation.sha512 == checksum else { throw .otherBytesConfirmed(element.id) }
        guard let checkReceipt = context.checkReceipt else { return }
        guard let receipt = confirmation.receipt else { throw .receiptMissing(element.id) }
        guard receipt.sha512 == checksum, receipt.size == element.size, receipt.dataUUID == element.metadata.uuid else {
            throw .receiptForOther(element.id)
        }
        try await environment.blocking { () throws(BackupError) in try checkReceipt(receipt) }
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
