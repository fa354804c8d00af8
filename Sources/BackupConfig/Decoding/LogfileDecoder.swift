import BackupModel

/// Reads what a `logfile` unit has in place of sources: `timing` and `inputs`.
enum LogfileDecoder {
    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ reader: ConfigReader, unit: String, pipeline: PipelineSettings) -> LogfileSettings? {
        let timing = TimingDecoder.decode(reader, "timing", default: LogfileSettings.defaultTiming)
        let defaults = reader.take("input_defaults")
        let entry = reader.take("inputs")
        reader.finish()
        if let defaults, defaults.value.entries == nil {
            reader.report("input_defaults", "expected a map, found \(defaults.value.summary)")
            return nil
        }
        guard let entries = entry?.value.entries, !entries.isEmpty else {
            if let entry, entry.value.entries == nil {
                reader.report("inputs", "expected a map of inputs, found \(entry.value.summary)", remedy: example)
            } else {
                reader.reportMissing(
                    "inputs", expected: "at least one input",
                    remedy: "\(example) in \(unit).config, beside the symlink \(unit)")
            }
            return nil
        }
        var inputs: [LogfileInputSettings] = []
        for entry in entries {
            guard isName(entry.key) else {
                reader.context.add(
                    .config(
                        at: entry.origin, ["inputs"], "\"\(entry.key.escapedForMessage)\" is no name of an input",
                        remedy: "a name consists of 1 to 64 letters A-Z a-z, digits, - and _"))
                continue
            }
            let lower = defaults?.value ?? .map([], origin: entry.origin)
            let node = lower.isNothing ? entry.value : lower.merged(with: entry.value)
            let input = ConfigReader(
                node, path: ["inputs", entry.key], origin: entry.origin, context: reader.context)
            if let settings = decode(input, entry.key, pipeline) { inputs.append(settings) }
        }
        return timing.map { LogfileSettings(timing: $0, inputs: inputs) }
    }

    private static let example = "write inputs: { system: { directory: /var/log, ... } }"

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    private static func decode(
        _ reader: ConfigReader, _ name: String, _ pipeline: PipelineSettings
    ) -> LogfileInputSettings? {
        let directory = reader.readRequired(
            "directory", .absolutePath, remedy: "name the directory in which the log files lie")
        let pattern = reader.readRequired(
            "pattern", .logPattern, remedy: #"write for example '(syslog|auth\.log)\.(?<oldserial>[0-9]+)'"#)
        let template = reader.readOptional("source", .anyText)
        let afterStore = reader.readRequired(
            "after_store", ValueKind<LogfileInputSettings.AfterStore>.choice,
            remedy: "say what becomes of a file that was backed up: delete, keep or truncate")
        let settle = reader.read("settle", .duration(zeroAllowed: true), default: TimeSpan(seconds: 60))
        let whenUnknown = reader.read(
            "when_unknown", ValueKind<LogfileInputSettings.WhenUnknown>.choice, default: .wait)
        let policies = reader.read("policy", .list(of: .handlingPolicy, "a list of handling policies"), default: [])
        let encryption = PipelineDecoder.encryption(ofSource: reader, inherited: pipeline.encryption)
        reader.finish()
        guard let directory, let pattern, let afterStore, let encryption else { return nil }
        let plain = withoutSlashAtEnd(directory)
        do throws(BackupError) {
            let source = try LogSourceTemplate(
                template, directory: plain, groups: try LogPattern.groups(of: pattern))
            return LogfileInputSettings(
                name: name, directory: plain, pattern: pattern, source: source, afterStore: afterStore, settle: settle,
                whenUnknown: whenUnknown, policies: policies, encryption: encryption)
        } catch {
            guard template == nil else {
                reader.report("source", error.message, remedy: error.remedy)
                return nil
            }
            // A directory that no source URL can begin with, or a pattern without group.
            let key = error.code == .invalidValue ? "directory" : "pattern"
            reader.report(key, "without the key source: " + error.message, remedy: error.remedy)
            return nil
        }
    }

    private static func withoutSlashAtEnd(_ path: String) -> String {
        var path = Substring(path)
        while path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }
}

extension ValueKind where Value == String {
    /// A regular expression for file names.
    static var logPattern: Self {
        let expected = "a regular expression"
        return Self(expected: expected) { node throws(ValueProblem) in
            let text = try node.text(expected)
            guard !text.isEmpty else { throw ValueProblem("expected \(expected), found an empty text") }
            do throws(BackupError) { _ = try LogPattern.groups(of: text) } catch {
                throw ValueProblem("expected \(expected): \(error.message)", remedy: error.remedy)
            }
            return text
        } render: {
            .text($0)
        }
    }
}
