package import BackupModel

extension PackageRecord {
    /// The value of `Kind` in such a line.
    static let kind = "change"

    /// The record as one line of canonical JSON, without a newline.
    package var canonicalBytes: [UInt8] {
        // In the order of the keys.
        var writer = FieldWriter(unknown: unknown)
        writer.add("Architecture", architecture)
        writer.add("Category", category)
        writer.addIfPresent("Cause", cause?.rawValue)
        writer.add("Completeness", completeness.rawValue)
        writer.addIfPresent("Detail", detail)
        writer.add("Duration", duration)
        writer.add("Event", event.rawValue)
        writer.addIfPresent("Explicit", isExplicit.map { JSONValue.bool($0) })
        writer.add("Finished", finished?.seconds)
        writer.add("InstallType", installType?.rawValue)
        writer.add("Kind", Self.kind)
        writer.add("Machine", machine)
        writer.add("Manager", manager)
        writer.add("Name", name)
        writer.addIfPresent("OtherVersion", otherVersion)
        writer.add("Position", position)
        writer.add("Recorded", recorded)
        writer.add("Repository", repository)
        writer.add("Root", root)
        if !isRootKnown { writer.add("RootKnown", JSONValue.bool(false)) }
        writer.add("Schema", Int64(schema))
        writer.add("Slot", slot)
        writer.add("Started", started?.seconds)
        writer.addIfPresent("State", state)
        writer.add("Version", version)
        writer.add("ZoneKnown", JSONValue.bool(zoneOffset != nil))
        writer.addIfPresent("ZoneOffset", zoneOffset)
        return writer.finish()
    }

    /// The record as one line of canonical JSON, without a newline.
    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// Reads a record. Keys that are not known are kept and written again.
    ///
    /// - Throws: `damaged` when a key is missing that each record must have, or has another type.
    package init(_ object: JSONObject) throws(BackupError) {
        var reader = FieldReader(object)
        try reader.expect(kind: Self.kind)
        schema = try reader.schema()
        machine = try reader.requiredText("Machine")
        manager = try reader.requiredText("Manager")
        root = try reader.requiredText("Root")
        isRootKnown = try reader.bool("RootKnown") ?? true
        event = PackageEvent(rawValue: try reader.requiredText("Event"))
        category = try reader.text("Category")
        name = try reader.text("Name")
        version = try reader.text("Version")
        otherVersion = try reader.text("OtherVersion")
        repository = try reader.text("Repository")
        slot = try reader.text("Slot")
        architecture = try reader.text("Architecture")
        installType = try reader.choice("InstallType", InstallType.self)
        isExplicit = try reader.bool("Explicit")
        cause = try reader.choice("Cause", RemovalCause.self)
        state = try reader.text("State")
        started = try reader.time("Started")
        finished = try reader.time("Finished")
        recorded = try reader.text("Recorded")
        let isZoneKnown = try reader.bool("ZoneKnown") ?? false
        zoneOffset = try reader.integer("ZoneOffset")
        guard isZoneKnown == (zoneOffset != nil) else {
            throw .packageLine("ZoneKnown and ZoneOffset contradict each other")
        }
        duration = try reader.count("Duration")
        completeness = try reader.required("Completeness", try reader.choice("Completeness", Completeness.self))
        detail = try reader.text("Detail")
        position = try reader.object("Position").map { object throws(BackupError) in try LogPosition(object) }
        unknown = reader.rest
        guard !event.changesState || name != nil, event != .install || version != nil else {
            throw .packageLine("Name or Version is missing in a record of \(event)")
        }
    }

    /// Reads one line, with or without its newline.
    ///
    /// - Throws: `damaged`.
    package init(parsing line: [UInt8]) throws(BackupError) {
        guard let object = try JSONParser.parse(line).objectValue else { throw .packageLine("it is no JSON object") }
        try self.init(object)
    }
}

extension LogPosition {
    var json: JSONValue {
        var object: JSONObject = ["Length": .integer(length), "Offset": .integer(offset)]
        if let digest { object["Digest"] = .string(digest.hexadecimalDigits) }
        return .object(object)
    }

    init(_ object: JSONObject) throws(BackupError) {
        var reader = FieldReader(object)
        guard let offset = try reader.count("Offset"), let length = try reader.count("Length") else {
            throw .packageLine("Offset or Length is missing in Position")
        }
        self.offset = offset
        self.length = Int(length)
        digest = try reader.text("Digest").map { text throws(BackupError) in
            guard let digest = UInt64(hexadecimalDigits: text) else {
                throw .packageLine("Digest in Position is not 16 hexadecimal digits")
            }
            return digest
        }
    }
}
