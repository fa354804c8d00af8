package import BackupModel

/// What an agent may fetch from this machine.
package struct SenderSettings: Sendable, Hashable {
    package let policy: SenderPolicySetting
    /// Fingerprints of 40 hexadecimal digits in upper case. Not empty: an element counts as fetched only with a
    /// receipt that one of these keys has signed.
    package let requireReceipts: [String]
    package let filter: FilterSettings
    /// Handling policies or names of attributes: elements that have one go first, in the order of this list.
    package let prioritise: [String]

    package init(
        policy: SenderPolicySetting, requireReceipts: [String], filter: FilterSettings, prioritise: [String]
    ) {
        self.policy = policy
        self.requireReceipts = requireReceipts
        self.filter = filter
        self.prioritise = prioritise
    }
}

/// What happens to an element that an agent has fetched.
package enum SenderPolicySetting: Sendable, Hashable {
    /// It is deleted; with `markAsDone` it is kept, and not offered to that agent again.
    case move(markAsDone: Bool)
    /// It is offered until `count` agents have it, 1 or more; with `release` it is deleted then. An agent that was
    /// not seen for `forgetAgentAfter` does not count; nil: it counts for ever.
    case copies(count: Int, release: Bool, forgetAgentAfter: TimeSpan?)
    /// It is kept.
    case keep
}

/// What this machine fetches from an agent.
package struct ReceiverSettings: Sendable, Hashable {
    package let policy: ReceiverPolicySetting
    package let filter: FilterSettings
    /// The agent's sources are stored below this one; nil: as the agent names them.
    package let prefix: SourceURL?
    /// How many bytes the agent's elements may take, 1 or more; nil: no limit.
    package let quotaBytes: Int64?
    /// How many elements of the agent may be stored, 1 or more; nil: no limit.
    package let quotaElements: Int64?
    /// Fingerprints as in ``SenderSettings/requireReceipts``. Not empty: an element is taken only if one of these
    /// keys has signed it.
    package let requireSignature: [String]
    /// An element is taken only if its predecessor is here.
    package let requireChain: Bool
    package let order: ReceiverOrderSetting
    /// The fingerprint of the key that signs receipts; nil: they are not signed.
    package let signReceipts: String?

    package init(
        policy: ReceiverPolicySetting, filter: FilterSettings, prefix: SourceURL?, quotaBytes: Int64?,
        quotaElements: Int64?, requireSignature: [String], requireChain: Bool, order: ReceiverOrderSetting,
        signReceipts: String?
    ) {
        self.policy = policy
        self.filter = filter
        self.prefix = prefix
        self.quotaBytes = quotaBytes
        self.quotaElements = quotaElements
        self.requireSignature = requireSignature
        self.requireChain = requireChain
        self.order = order
        self.signReceipts = signReceipts
    }
}

/// What happens to an element that was fetched and is offered no more.
package enum ReceiverPolicySetting: Sendable, Hashable {
    /// It is kept.
    case store
    /// It goes to the attic, and is deleted that much later; more than zero.
    case mirror(deleteAfter: TimeSpan)
}

/// What is fetched first.
package enum ReceiverOrderSetting: String, Sendable, Hashable, CaseIterable {
    /// Source by source, oldest first.
    case chain
    /// Fewest known copies first, then the freshest of each source, then the smallest.
    case endangeredFirst = "endangered_first"
}

/// Which elements a policy is about: those that pass all of it.
package struct FilterSettings: Sendable, Hashable {
    /// The source fits at least one of them; empty: any source.
    package let sources: [SourcePattern]
    /// Empty: any type.
    package let types: [BackupType]
    /// The element has at least one of these handling policies; empty: all elements.
    package let handlingPolicies: [String]
    /// In bytes, 1 or more; nil: any size.
    package let maximumSize: Int64?
    /// The age of the oldest element, by its time; more than zero; nil: any age.
    package let newerThan: TimeSpan?

    package init(
        sources: [SourcePattern], types: [BackupType], handlingPolicies: [String], maximumSize: Int64?,
        newerThan: TimeSpan?
    ) {
        self.sources = sources
        self.types = types
        self.handlingPolicies = handlingPolicies
        self.maximumSize = maximumSize
        self.newerThan = newerThan
    }
}
