import BackupModel
import BackupSystem

/// For whom a carrier was filled: the file `carrier.json` on it, `{"For": ["<agent>", …]}`. It only helps a person who has
/// given a machine another name there than here; nothing is decided by it.
struct CarrierLabel {
    private static let fileName = "carrier.json"
    private static let key = "For"
    /// As many are kept.
    private static let maximumCount = 16

    private(set) var agents: [AgentName] = []

    /// What is on the carrier; empty where that cannot be read.
    init(on root: Directory) {
        guard let status = try? root.status(Self.fileName), status.kind == .regular,
            let bytes = try? root.readFile(Self.fileName, limit: 4096),
            let names = try? JSONParser.parse(bytes).objectValue?[Self.key]?.arrayValue
        else { return }
        agents = names.prefix(Self.maximumCount).compactMap { name in
            name.stringValue.flatMap { try? AgentName($0) }
        }
    }

    /// Adds an agent on the carrier too, if it is not there; durable on return.
    mutating func add(_ agent: AgentName, on root: Directory) throws(BackupError) {
        guard !agents.contains(agent) else { return }
        agents = agents.suffix(Self.maximumCount - 1) + [agent]
        let object: JSONObject = [Self.key: .array(agents.map { .string($0.description) })]
        try root.replaceFile(Self.fileName, with: Array((JSONValue.object(object).canonicalText + "\n").utf8))
    }
}
