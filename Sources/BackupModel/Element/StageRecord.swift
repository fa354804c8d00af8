/// One stage of the pipeline that an element went through, in the `Pipeline` list of its metadata: what it was, and
/// how it is undone.
package struct StageRecord: Sendable, Hashable {
    /// The kind of stage: `zstd`, `gpg`, `process`.
    package var stage: String
    /// The command that undoes the stage, bytes on standard input and output; `nil` when nothing needs to be done or
    /// nothing is known to undo it.
    package var restore: [String]?
    /// The version of the tool that wrote the bytes, for whoever has to read them in ten years.
    package var version: String?
    /// What else the record holds, kept as it is.
    package var other: JSONObject

    package init(stage: String, restore: [String]?, version: String? = nil, other: JSONObject = [:]) {
        self.stage = stage
        self.restore = restore
        self.version = version
        self.other = other
    }

    init(_ value: JSONValue) throws(BackupError) {
        guard var object = value.objectValue, let stage = object["Stage"]?.stringValue else {
            throw .metadata("an entry of Pipeline is no object with a Stage")
        }
        self.stage = stage
        switch object["Restore"] {
        case nil, .null: restore = nil
        case .array(let items):
            let words = items.compactMap(\.stringValue)
            guard words.count == items.count, !words.isEmpty else {
                throw .metadata("Restore of the stage \(stage.escapedForMessage) is no list of words")
            }
            restore = words
        default: throw .metadata("Restore of the stage \(stage.escapedForMessage) is no list of words")
        }
        version = object["Version"]?.stringValue
        for key in ["Stage", "Restore"] { object[key] = nil }
        if version != nil { object["Version"] = nil }
        other = object
    }

    var json: JSONValue {
        var object = other
        object["Stage"] = .string(stage)
        object["Restore"] = restore.map { .array($0.map { .string($0) }) } ?? .null
        if let version { object["Version"] = .string(version) }
        return .object(object)
    }
}

/// Who made an element, in the `Origin` of its metadata.
package struct ElementOrigin: Sendable, Hashable {
    /// The registered identity of the machine, a UUID as text; `nil` where none was registered.
    package var machine: String?
    /// The name of the unit.
    package var unit: String?
    /// Name and version of the program.
    package var software: String?

    package init(machine: String?, unit: String?, software: String?) {
        self.machine = machine
        self.unit = unit
        self.software = software
    }

    init(_ value: JSONValue) throws(BackupError) {
        guard let object = value.objectValue else { throw .metadata("Origin is no object") }
        machine = object["Machine"]?.stringValue
        unit = object["Unit"]?.stringValue
        software = object["Software"]?.stringValue
    }

    var json: JSONValue {
        var object = JSONObject()
        object["Machine"] = machine.map { .string($0) }
        object["Unit"] = unit.map { .string($0) }
        object["Software"] = software.map { .string($0) }
        return .object(object)
    }
}
