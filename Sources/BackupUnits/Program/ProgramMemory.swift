import BackupModel

/// What is remembered of a source that a program makes, besides what is of every source: the fourth item of its entry,
/// `{"Format": "append", "State": …}`. It goes forward with the entry, in one step.
struct ProgramMemory: Sendable, Hashable {
    var format: ProgramPlan.Format
    /// What the program wants to have back; `nil` for nothing.
    var state: JSONValue?

    init(format: ProgramPlan.Format, state: JSONValue?) {
        self.format = format
        self.state = state
    }

    init?(_ value: JSONValue?) {
        guard let object = value?.objectValue,
            let format = object["Format"]?.stringValue.flatMap(ProgramPlan.Format.init(rawValue:))
        else { return nil }
        self.init(format: format, state: object["State"])
    }

    var json: JSONValue {
        var object: JSONObject = ["Format": .string(format.rawValue)]
        object["State"] = state
        return .object(object)
    }
}

extension UnitState {
    /// `nil` where there was no run, and where it is not known any more.
    func memory(of source: SourceURL) -> ProgramMemory? {
        guard let items = object[source.description]?.arrayValue, items.count > 3 else { return nil }
        return ProgramMemory(items[3])
    }

    mutating func set(_ source: SourceURL, _ entry: SourceState, _ memory: ProgramMemory) {
        object[source.description] = .array((entry.json.arrayValue ?? []) + [memory.json])
    }

    /// Forgets what is more than the chain, so that nothing rests on it any more.
    mutating func forgetMemories() {
        for (key, value) in object.members {
            guard let items = value.arrayValue, items.count > 3 else { continue }
            object[key] = .array(Array(items[..<3]))
        }
    }
}
