import BackupModel

/// Reads `sender` and `receiver` of a listener or a peer.
struct TransferPolicies {
    let sender: SenderSettings?
    let receiver: ReceiverSettings?

    init(_ parent: ConfigReader) {
        // One after the other: what is shown stands in the order of reading.
        let senderReader = parent.optionalSection("sender")
        sender = senderReader.flatMap { SenderDecoder.decode($0) }
        let receiverReader = parent.optionalSection("receiver")
        receiver = receiverReader.flatMap { ReceiverDecoder.decode($0) }
        if senderReader == nil, receiverReader == nil {
            parent.report(
                "it has neither sender nor receiver, so that nothing can be transferred",
                remedy: "add sender: { policy: keep } to let it fetch from here, receiver: { policy: store } to fetch "
                    + "from it, or both")
        }
    }
}

/// Reads `sender`.
private enum SenderDecoder {
    private enum Policy: String, CaseIterable { case move, copies, keep }

    static func decode(_ reader: ConfigReader) -> SenderSettings? {
        let kind = ValueKind<Policy>.choice
        let name = reader.readRequired(
            "policy", kind,
            remedy: "write policy: keep to keep what was fetched, move to delete it here, copies to offer it until a "
                + "number of machines have it")
        let policy = name.flatMap { details($0, reader) }
        refuseOthers(name, reader)
        let receipts = reader.read(
            "require_receipts", .list(of: .fingerprint, "a list of fingerprints"), default: [])
        let filter = FilterDecoder.decode(reader)
        let prioritise = reader.read(
            "prioritise", .list(of: .priority, "a list of handling policies or names of attributes"), default: [])
        reader.finish()
        return policy.map {
            SenderSettings(policy: $0, requireReceipts: receipts, filter: filter, prioritise: prioritise)
        }
    }

    private static func details(_ name: Policy, _ reader: ConfigReader) -> SenderPolicySetting? {
        switch name {
        case .move: return .move(markAsDone: reader.read("mark_as_done", .boolean, default: false))
        case .keep: return .keep
        case .copies:
            let count = reader.readRequired(
                "copies", .wholeNumber(1...1000), remedy: "say how many other machines must have each element")
            let release = reader.read("release", .boolean, default: false)
            let forget = reader.readOptional("forget_agent_after", .duration())
            return count.map { .copies(count: $0, release: release, forgetAgentAfter: forget) }
        }
    }

    /// Not known where the policy itself is wrong: then they are not refused either.
    private static func refuseOthers(_ name: Policy?, _ reader: ConfigReader) {
        let keys: [(String, Policy)] = [
            ("mark_as_done", .move), ("copies", .copies), ("release", .copies), ("forget_agent_after", .copies),
        ]
        for (key, owner) in keys {
            guard let name, name != owner else {
                _ = reader.take(key)
                continue
            }
            reader.refuse(
                key, "it has a meaning only with policy: \(owner.rawValue)",
                remedy: "remove it, or write policy: \(owner.rawValue)")
        }
    }
}

/// Reads `receiver`.
private enum ReceiverDecoder {
    private enum Policy: String, CaseIterable { case store, mirror }

    static func decode(_ reader: ConfigReader) -> ReceiverSettings? {
        let kind = ValueKind<Policy>.choice
        let name = reader.readRequired(
            "policy", kind,
            remedy: "write policy: store to keep what was fetched for ever, mirror to delete what is offered no more")
        let policy = name.flatMap { details($0, reader) }
        _ = reader.take("delete_after")
        let filter = FilterDecoder.decode(reader)
        let prefix = reader.readOptional("prefix", .sourceURL)
        let quota = quota(reader)
        let signatures = reader.read(
            "require_signature", .list(of: .fingerprint, "a list of fingerprints"), default: [])
        let chain = reader.read("require_chain", .boolean, default: false)
        let order = reader.read("order", ValueKind<ReceiverOrderSetting>.choice, default: .chain)
        let signReceipts = reader.readOptional("sign_receipts", .fingerprint)
        reader.finish()
        return policy.map {
            ReceiverSettings(
                policy: $0, filter: filter, prefix: prefix, quotaBytes: quota.bytes, quotaElements: quota.elements,
                requireSignature: signatures, requireChain: chain, order: order, signReceipts: signReceipts)
        }
    }

    private static func details(_ name: Policy, _ reader: ConfigReader) -> ReceiverPolicySetting? {
        switch name {
        case .store:
            reader.refuse(
                "delete_after", "it has a meaning only with policy: mirror",
                remedy: "remove it, or write policy: mirror")
            return .store
        case .mirror:
            let after = reader.readRequired(
                "delete_after", .duration(), remedy: "say how long what is offered no more is kept, for example 90d")
            return after.map { .mirror(deleteAfter: $0) }
        }
    }

    private static func quota(_ parent: ConfigReader) -> (bytes: Int64?, elements: Int64?) {
        guard let reader = parent.optionalSection("quota") else { return (nil, nil) }
        let bytes = reader.readOptional("bytes", .size)
        let elements = reader.readOptional("elements", .positiveWholeNumber)
        if reader.keys.isEmpty {
            reader.report(
                "expected bytes, elements or both, found an empty map",
                remedy: "write for example quota: { bytes: 500G }, or none for no limit")
        }
        reader.finish()
        return (bytes, elements)
    }
}

/// Reads the keys of `sender` and `receiver` that choose elements.
private enum FilterDecoder {
    static func decode(_ reader: ConfigReader) -> FilterSettings {
        // An empty list could mean nothing or everything: the key is left out for everything.
        let sources = ValueKind.sourcePattern.list("a list of at least one pattern for sources", atLeastOne: true)
        let types = ValueKind<BackupType>.choice.list("a list of full or inc", atLeastOne: true)
        let policies = ValueKind.handlingPolicy.list("a list of at least one handling policy", atLeastOne: true)
        return FilterSettings(
            sources: reader.readOptional("sources", sources) ?? [],
            types: reader.readOptional("types", types) ?? [],
            handlingPolicies: reader.readOptional("handling_policies", policies) ?? [],
            maximumSize: reader.readOptional("max_size", .size),
            newerThan: reader.readOptional("newer_than", .duration()))
    }
}
