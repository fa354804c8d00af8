import BackupModel

/// Reads what a unit that is a program has in place of sources.
enum ProgramDecoder {
    /// What a unit definition would say that is the program itself.
    static func definition(of path: String) -> ConfigNode {
        let origin = Origin.file(path, line: 1, column: 1)
        func entry(_ key: String, _ value: String) -> ConfigNode.Entry {
            ConfigNode.Entry(
                key: key, origin: origin, value: ConfigNode(content: .scalar(value, quoted: true), origin: origin))
        }
        return .map([entry("unit", "program"), entry("program", path)], origin: origin)
    }

    /// Nil, with errors kept, where a setting is missing.
    ///
    /// - Parameter link: the symlink that enables the unit, where it leads to the program.
    static func decode(_ reader: ConfigReader, link: String?, pipeline: PipelineSettings) -> ProgramSettings? {
        let program = reader.readRequired(
            "program", .programName, remedy: "name the program that speaks the protocol of doc/own-units.md")
        let prefix = reader.readOptional("prefix", .sourceURL)
        let planEvery = reader.read("plan_every", .duration(), default: TimeSpan(seconds: 600))
        let interval = reader.read("min_interval", .duration(), default: TimeSpan(seconds: 60))
        let callTimeout = reader.read("call_timeout", .duration(), default: TimeSpan(seconds: 30))
        let timeout = reader.readOptional("timeout", .duration())
        let environment = CommandSourceDecoder.environment(reader)
        let policies = reader.read("policy", .list(of: .handlingPolicy, "a list of handling policies"), default: [])
        let settings = settings(reader)
        reader.finish()
        check(planEvery, 60...86400, "plan_every", reader)
        check(callTimeout, 1...600, "call_timeout", reader)
        for name in environment.keys.sorted() where name.hasPrefix("GB_") {
            reader.report(
                "environment", "the variable \(name.escapedForMessage) is one of the protocol's",
                remedy: "names that begin with GB_ cannot be set; give it another name, or use settings")
        }
        guard let program, let settings else { return nil }
        return ProgramSettings(
            program: program, link: link, prefix: prefix, settings: settings, environment: environment,
            planEvery: planEvery, minimumInterval: interval, callTimeout: callTimeout, timeout: timeout,
            policies: policies, encryption: pipeline.encryption)
    }

    private static func check(_ span: TimeSpan, _ range: ClosedRange<Int64>, _ key: String, _ reader: ConfigReader) {
        guard !range.contains(span.seconds) else { return }
        let (least, most) = (TimeSpan(seconds: range.lowerBound), TimeSpan(seconds: range.upperBound))
        reader.report(key, "expected a duration from \(least) to \(most), found \(span)")
    }

    // MARK: - Free settings

    private static func settings(_ parent: ConfigReader) -> JSONObject? {
        let path = parent.path + ["settings"]
        guard let entry = parent.take("settings"), let entries = entry.value.entries else {
            if let entry = parent.take("settings") {
                parent.report("settings", "expected a map, found \(entry.value.summary)")
                return nil
            }
            parent.context.record(path, .emptyMap, .builtIn)
            return [:]
        }
        let object = object(entries)
        guard JSONValue.object(object).compactText.utf8.count <= ProgramSettings.maximumSettings else {
            parent.report(
                "settings", "they are more than \(ProgramSettings.maximumSettings >> 10) KiB",
                remedy: "write them into a file, and name that")
            return nil
        }
        record(entry.value, path, entry.origin, parent.context)
        return object
    }

    private static func object(_ entries: [ConfigNode.Entry]) -> JSONObject {
        JSONObject(Dictionary(entries.map { ($0.key, value($0.value)) }, uniquingKeysWith: { first, _ in first }))
    }

    /// As YAML reads it: what is in quotes is a text.
    private static func value(_ node: ConfigNode) -> JSONValue {
        switch node.content {
        case .map(let entries): return .object(object(entries))
        case .list(let items): return .array(items.map(value))
        case .scalar(let text, let quoted):
            if quoted { return .string(text) }
            if node.isNothing { return .null }
            return plain(text) ?? .string(text)
        }
    }

    /// A truth value or number; nil for what is a text.
    private static func plain(_ text: String) -> JSONValue? {
        if text == "true" || text == "false" { return .bool(text == "true") }
        guard let first = text.utf8.first, (0x30...0x39).contains(first) || first == UInt8(ascii: "-"),
            case .number(let number)? = try? JSONParser.parse(text)
        else { return nil }
        return .number(number)
    }

    /// The value on one line of YAML.
    private static func flow(_ value: JSONValue) -> String {
        switch value {
        case .null: return "null"
        case .bool(let value): return "\(value)"
        case .number(let text): return text
        case .string(let text): return SettingsPrinter.quoted(text)
        case .array(let items): return "[" + items.map(flow).joined(separator: ", ") + "]"
        case .object(let object):
            let entries = object.members.sorted { $0.key < $1.key }
            return "{" + entries.map { SettingsPrinter.quoted($0.key) + ": " + flow($0.value) }.joined(separator: ", ")
                + "}"
        }
    }

    private static func record(_ node: ConfigNode, _ path: [String], _ origin: Origin, _ context: DecodeContext) {
        switch node.content {
        case .map(let entries) where !entries.isEmpty:
            for entry in entries { record(entry.value, path + [entry.key], entry.origin, context) }
        case .map: context.record(path, .emptyMap, origin)
        case .list: context.record(path, .word(flow(value(node))), origin)
        case .scalar(let text, let quoted):
            let isLikeAnother = plain(text) != nil || ["", "~", "null", "Null", "NULL"].contains(text)
            let rendered: RenderedValue =
                !quoted && isLikeAnother
                ? .word(node.isNothing ? "null" : text)
                : isLikeAnother ? .word("\"\(text)\"") : .text(text)
            context.record(path, rendered, origin)
        }
    }
}

extension ValueKind where Value == String {
    /// A path, or a name to be found in `lib-enabled`.
    static var programName: Self {
        text("an absolute path, or the name of a link in lib-enabled") { name in
            if name.hasPrefix("/") { return nil }
            let isName = !name.isEmpty && !name.contains("/") && name != "." && name != ".."
            return isName ? nil : "a path here begins with /, a name has none"
        }
    }
}
