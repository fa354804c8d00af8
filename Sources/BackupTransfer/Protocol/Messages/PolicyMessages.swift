package import BackupModel
package import NIOCore

/// How a client that knows version 2 introduces itself: the second item of `getPolicyInfo`.
package struct PeerGreeting: Sendable, Equatable {
    /// The highest version that the client speaks, 1 to 65535.
    package var protocolVersion: Int
    /// What it can do beyond; used only if both sides name it. At most 64, each 1 to 64 visible ASCII characters.
    package var features: [String]
    /// How it calls itself: information, no proof. 1 to 64 of `A-Z a-z 0-9 - _ .`, no `.` in front.
    package var agent: String?
    /// Name and version of the program, 1 to 200 bytes.
    package var software: String?

    package init(protocolVersion: Int = 2, features: [String] = [], agent: String? = nil, software: String? = nil) {
        self.protocolVersion = protocolVersion
        self.features = features
        self.agent = agent
        self.software = software
    }

    init(_ value: JSONValue, _ reader: MessageReader) throws(BackupError) {
        let object = try reader.object(value, "the greeting")
        protocolVersion = Int(try reader.integer(object["protocol"], "protocol", in: 1...65535))
        (features, agent, software) = try Self.introduction(object, reader)
    }

    /// What both sides tell about themselves.
    static func introduction(
        _ object: JSONObject, _ reader: MessageReader
    ) throws(BackupError) -> (features: [String], agent: String?, software: String?) {
        let features = try object["features"].map { value throws(BackupError) in
            try reader.texts(value, "features", .identifier(64), atMost: 64)
        }
        return (
            features ?? [], try reader.optionalText(object["agent"], "agent", .agent),
            try reader.optionalText(object["software"], "software", .line(200))
        )
    }

    var json: JSONValue {
        .object([
            "protocol": .integer(protocolVersion), "features": .array(features.map { .string($0) }),
            "agent": JSONValue(agent), "software": JSONValue(software),
        ])
    }
}

/// The answer to `getPolicyInfo`.
package struct PolicyAnswer: Sendable, Equatable {
    /// The two forms. The second is given if and only if the client sent a ``PeerGreeting``.
    package enum Form: Sendable, Equatable {
        /// The name of the sender policy, or `nil` when nothing can be fetched here.
        case version1(name: String?)
        /// `policy` is `nil` when nothing can be fetched here; otherwise it has at least a `name`. The others as in
        /// ``PeerGreeting``.
        case version2(policy: JSONObject?, features: [String], agent: String?, software: String?)
    }

    package var form: Form

    package init(_ form: Form) { self.form = form }

    /// Reads the answer in either form.
    ///
    /// - Throws: `BackupError` with code `untrusted`.
    package init(parsing bytes: ByteBuffer, limits: ProtocolLimits = ProtocolLimits()) throws(BackupError) {
        let reader = MessageReader(message: "the answer to getPolicyInfo")
        let value = try reader.json(bytes, limits: limits, levels: 1)
        guard let object = value.objectValue else {
            form = .version1(name: try reader.optionalText(value, "the name of the policy", .line(256)))
            return
        }
        // We asked for version 2, and nothing else is an answer to that.
        _ = try reader.integer(object["protocol"], "protocol", in: 2...2)
        let policy = try reader.optionalObject(object["policy"], "policy")
        if let policy { _ = try reader.text(policy["name"], "the name of the policy", .line(256)) }
        let (features, agent, software) = try PeerGreeting.introduction(object, reader)
        form = .version2(policy: policy, features: features, agent: agent, software: software)
    }

    /// The payload of the answer.
    package var encoded: ByteBuffer {
        switch form {
        case .version1(let name): return JSONValue(name).frame
        case .version2(let policy, let features, let agent, let software):
            let object: JSONObject = [
                "protocol": .integer(2), "policy": JSONValue(policy), "agent": JSONValue(agent),
                "features": .array(features.map { .string($0) }), "software": JSONValue(software),
            ]
            return JSONValue.object(object).frame
        }
    }

    /// What a policy object says besides its name: an element that was confirmed may be offered no more.
    static let hidesConfirmed = "hides_confirmed"

    /// Whether what is offered no more may have been confirmed, and nothing else. Originals delete what was confirmed.
    package var hidesConfirmed: Bool {
        switch form {
        case .version1: true
        case .version2(let policy, _, _, _):
            policy?[Self.hidesConfirmed].map { $0 != .bool(false) } ?? (policyName == "move")
        }
    }

    /// The name of the sender policy in either form; `nil` when nothing can be fetched.
    package var policyName: String? {
        switch form {
        case .version1(let name): name
        case .version2(let policy, _, _, _): policy?["name"]?.stringValue
        }
    }
}
