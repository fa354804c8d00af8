package import BackupModel
package import BackupStorage

/// Who has confirmed that they hold an element: the attribute `copies` beside it,
/// `{"<agent>": {"at": <seconds since 1970>, "receipt": {…}}}`.
package struct CopyRecord: Sendable, Equatable {
    package struct Copy: Sendable, Equatable {
        /// When the agent last said that it holds the element.
        package let confirmedAt: Timestamp
        package let receipt: Receipt?

        package init(confirmedAt: Timestamp, receipt: Receipt?) {
            self.confirmedAt = confirmedAt
            self.receipt = receipt
        }
    }

    package private(set) var copies: [AgentName: Copy] = [:]

    package init() {}

    package static func attributeName() throws(BackupError) -> AttributeName { try AttributeName("copies") }

    /// What the attribute says.
    ///
    /// - Throws: `damaged` when it is not in this form; nothing is released on the word of such a record.
    package init(parsing bytes: [UInt8]) throws(BackupError) {
        do throws(BackupError) {
            guard let object = try JSONParser.parse(bytes).objectValue else { throw .copyRecord("it is no object") }
            for (key, value) in object.members { copies[try AgentName(key)] = try Self.copy(value) }
        } catch {
            throw error.code == .damaged ? error : .copyRecord("an entry is not in its form", error)
        }
    }

    private static func copy(_ value: JSONValue) throws(BackupError) -> Copy {
        guard let entry = value.objectValue, let seconds = entry["at"]?.integerValue else {
            throw .copyRecord("a time is missing")
        }
        return Copy(
            confirmedAt: Timestamp(seconds),
            receipt: try entry["receipt"].map { json throws(BackupError) in try Receipt(json: json) })
    }

    /// The record of an element; an empty one where there is none.
    package init(of id: ElementID, in storage: any ElementStorage) throws(BackupError) {
        guard let bytes = try storage.attribute(try Self.attributeName(), of: id) else {
            self.init()
            return
        }
        try self.init(parsing: bytes)
    }

    package var text: [UInt8] {
        var object = JSONObject()
        for (agent, copy) in copies {
            var entry: JSONObject = ["at": .integer(copy.confirmedAt.seconds)]
            entry["receipt"] = copy.receipt?.json
            object[agent.description] = .object(entry)
        }
        return Array(JSONValue.object(object).canonicalText.utf8)
    }

    package func holds(_ agent: AgentName) -> Bool { copies[agent] != nil }

    /// How many holders there are among the agents for which `counts` says so. Agents whose receipts name the same holder
    /// are one: it is reached in two ways, or one of them shows the receipt of the other.
    package func holderCount(_ counts: (AgentName, Copy) -> Bool) -> Int {
        var named: Set<String> = []
        var others = 0
        for (agent, copy) in copies where counts(agent, copy) {
            if let holder = copy.receipt?.holder { named.insert(holder) } else { others += 1 }
        }
        return named.count + others
    }

    /// Notes that `agent` holds the element. A receipt that is there is not lost to a confirmation without one.
    package mutating func confirm(_ agent: AgentName, at time: Timestamp, receipt: Receipt?) {
        copies[agent] = Copy(confirmedAt: time, receipt: receipt ?? copies[agent]?.receipt)
    }
}
