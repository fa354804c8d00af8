package import BackupModel
import BackupStorage
package import BackupSystem

/// What is taken from a remote agent, and under which name (`ReceiverStoreDataTransferPolicy`, and mirroring).
package struct ReceiverPolicy: Sendable {
    package enum Kind: Sendable, Hashable {
        /// Fetches what is offered and passes the filter, and keeps it for ever.
        case store
        /// As `store`; an element that is no longer offered goes to the attic and is deleted this much later.
        case mirror(deleteAfter: TimeSpan)
    }

    package enum Order: String, Sendable, Hashable {
        /// As the sender lists: source by source, oldest first.
        case chain
        /// Fewest known copies first, then the freshest of each source, then the smallest.
        case endangeredFirst = "endangered_first"
    }

    package var kind = Kind.store
    package var filter = ElementFilter()
    /// Put before the agent's source URLs, so that its elements lie under a path of their own.
    package var prefix: SourceURL?
    /// The most bytes of data that may lie below the prefix (without one: in the storage); `nil`: any.
    package var quotaBytes: Int64?
    package var quotaElements: Int64?
    /// The bytes of disk that may be used in one round; `nil`: any. What does not fit is refused before it is fetched: else
    /// the parts of several large elements could fill a small medium, and none of them would become whole.
    package var room: Int64?
    /// The most bytes one element may have; `nil`: any.
    package var maximumElementSize: Int64?
    /// The most elements that an agent may offer in one round: what grows with them must end somewhere.
    package var maximumElements = 2_000_000
    /// Take an element with a predecessor only when that one is here.
    package var requireChain = false
    package var order = Order.chain
    /// Checks the signature of an element's metadata; `nil`: none is demanded.
    package var checkSignature: MetadataCheck?
    /// Makes receipts; `nil`: no receipts are sent.
    package var receipts: ReceiptMaker?

    package init() {}

    /// Everything that is offered, below `prefix` if there is one.
    package static func all(prefix: SourceURL?) -> ReceiverPolicy {
        var policy = ReceiverPolicy()
        policy.prefix = prefix
        return policy
    }

    /// The name under which an element of the agent's `source` is stored here.
    package func localSource(_ source: SourceURL) throws(BackupError) -> SourceURL {
        guard let prefix else { return source }
        return try SourceURL(prefix.description + source.description)
    }
}

/// Whether an element's metadata are signed by one who may.
package typealias MetadataCheck = @Sendable (ElementMetadata) throws(BackupError) -> Void

/// Gives a lock that is held while elements are fetched from an agent.
package typealias ReceptionClaim = @Sendable (AgentName) throws(BackupError) -> FileLock

/// Whether a receipt is signed by one who may.
package typealias ReceiptCheck = @Sendable (Receipt) throws(BackupError) -> Void

/// Makes the receipts of this machine.
package struct ReceiptMaker: Sendable {
    /// How this machine calls itself in receipts.
    package let holder: String
    /// A detached OpenPGP signature of the text; `nil`: receipts carry none.
    package let sign: (@Sendable (String) throws(BackupError) -> [UInt8])?

    package init(holder: String, sign: (@Sendable (String) throws(BackupError) -> [UInt8])? = nil) {
        self.holder = holder
        self.sign = sign
    }

    func receipt(
        _ metadata: ElementMetadata, sha512: [UInt8], size: Int64, at time: Timestamp
    ) throws(BackupError) -> Receipt {
        var receipt = Receipt(
            dataUUID: metadata.uuid, sha512: sha512, size: size, holder: holder, syncedAt: time, signature: nil)
        if let sign { receipt.signature = try sign(receipt.signedText) }
        return receipt
    }
}
