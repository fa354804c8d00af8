import BackupModel

/// Reads `full_timing` and `inc_timing`.
enum TimingDecoder {
    /// Nil, with errors kept, where a setting is missing or does not fit the others.
    static func decode(_ reader: ConfigReader) -> TimingSetting? {
        let minimum = reader.readRequired("min", .duration(zeroAllowed: true), remedy: example)
        let maximum = reader.readRequired("max", .duration(), remedy: example)
        return decode(reader, minimum, maximum, reader.readOptional("every", .duration()), offset: .zero)
    }

    /// Reads the offset, and checks that the values fit each other.
    private static func decode(
        _ reader: ConfigReader, _ minimum: TimeSpan?, _ maximum: TimeSpan?, _ modulus: TimeSpan?,
        offset defaultOffset: TimeSpan
    ) -> TimingSetting? {
        var offset = TimeSpan.zero
        // `none` takes back an offset that a lower file sets. Not recorded without `every`: what is shown must be
        // valid when it is read again.
        if let entry = reader.take("offset"), entry.value.isNone {
            offset = .zero
        } else if modulus != nil {
            offset = reader.read("offset", .duration(zeroAllowed: true), default: defaultOffset)
        } else if let entry = reader.take("offset"), reader.take("every")?.value.isNone ?? true {
            let message = "it has a meaning only together with every"
            reader.context.add(
                .config(at: entry.origin, reader.path + ["offset"], message, remedy: "add every, or remove offset"))
        }
        reader.finish()
        guard let minimum, let maximum else { return nil }
        if minimum > maximum {
            reader.report("min", "\(minimum) is more than max, \(maximum)", remedy: "expected is min <= max")
        }
        if let modulus, offset >= modulus {
            reader.report(
                "offset", "\(offset) is not less than every, \(modulus)", remedy: "expected is offset < every")
        }
        return TimingSetting(minimum: minimum, maximum: maximum, modulus: modulus, offset: offset)
    }

    /// Reads the timing below `key`; what is not written there is as in `default`.
    static func decode(_ parent: ConfigReader, _ key: String, default: TimingSetting) -> TimingSetting? {
        let reader = parent.section(key)
        let minimum = reader.read("min", .duration(zeroAllowed: true), default: `default`.minimum)
        let maximum = reader.read("max", .duration(), default: `default`.maximum)
        guard let modulus = `default`.modulus, reader.take("every") == nil else {
            // The offset of the default belongs to its modulus.
            return decode(reader, minimum, maximum, reader.readOptional("every", .duration()), offset: .zero)
        }
        reader.context.record(reader.path + ["every"], .word(modulus.description), .builtIn)
        return decode(reader, minimum, maximum, modulus, offset: `default`.offset)
    }

    /// Reads the mandatory `full_timing`.
    static func full(_ source: ConfigReader) -> TimingSetting? {
        guard source.take("full_timing") != nil else {
            source.reportMissing("full_timing", expected: "a map with min and max", remedy: example)
            return nil
        }
        return decode(source.section("full_timing"))
    }

    private static let example = "write for example { min: 6d20h, max: 7d4h, every: 7d, offset: 2h }"
}

/// Reads one source of a `tar` unit.
enum TarSourceDecoder {
    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ url: SourceURL, _ reader: ConfigReader, pipeline: PipelineSettings) -> TarSourceSettings? {
        let root = reader.readRequired("root", .absolutePath, remedy: "name the directory that is backed up")
        let include = reader.read(
            "include", .list(of: .relativePath, "a list of at least one relative path", atLeastOne: true),
            default: ["."])
        let exclude = reader.read("exclude", .list(of: .pattern, "a list of patterns"), default: [])
        let preCommand = reader.readOptional("pre_command", .commandLine)
        let postCommand = reader.readOptional("post_command", .commandLine)
        let ignoreRaces = reader.read("ignore_races", .boolean, default: false)
        let xattrs = reader.read("xattrs", .boolean, default: true)
        let oneFileSystem = reader.read("one_file_system", .boolean, default: false)
        let fullTiming = TimingDecoder.full(reader)
        let incReader = reader.optionalSection("inc_timing")
        let incTiming = incReader.flatMap { TimingDecoder.decode($0) }
        let fullCommand = reader.readOptional("full_command", .commandLine)
        let incCommand = reader.readOptional("inc_command", .commandLine)
        if incCommand != nil, incReader == nil {
            reader.report(
                "inc_command", "there are no increments without inc_timing",
                remedy: "add inc_timing, or remove inc_command")
        }
        let keepIndices = reader.read("keep_indices", .wholeNumber(0...Int.max), default: 0)
        let policies = reader.read("policy", .list(of: .handlingPolicy, "a list of handling policies"), default: [])
        let encryption = PipelineDecoder.encryption(ofSource: reader, inherited: pipeline.encryption)
        reader.finish()
        guard let root, let fullTiming, let encryption else { return nil }
        return TarSourceSettings(
            source: url, root: root, include: include, exclude: exclude, preCommand: preCommand,
            postCommand: postCommand, ignoreRaces: ignoreRaces, xattrs: xattrs, oneFileSystem: oneFileSystem,
            fullTiming: fullTiming, incTiming: incTiming, fullCommand: fullCommand, incCommand: incCommand,
            keepIndices: keepIndices, policies: policies, encryption: encryption)
    }
}

/// Reads one source of a `command` unit.
enum CommandSourceDecoder {
    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ url: SourceURL, _ reader: ConfigReader, pipeline: PipelineSettings) -> CommandSourceSettings? {
        let command = reader.readRequired(
            "command", .commandLine, remedy: "name the command whose standard output is the backup")
        let timing = TimingDecoder.full(reader)
        let timeout = reader.readOptional("timeout", .duration())
        let workingDirectory = reader.readOptional("working_directory", .absolutePath)
        let environment = environment(reader)
        let policies = reader.read("policy", .list(of: .handlingPolicy, "a list of handling policies"), default: [])
        let encryption = PipelineDecoder.encryption(ofSource: reader, inherited: pipeline.encryption)
        reader.finish()
        guard let command, let timing, let encryption else { return nil }
        return CommandSourceSettings(
            source: url, command: command, timing: timing, timeout: timeout, workingDirectory: workingDirectory,
            environment: environment, policies: policies, encryption: encryption)
    }

    /// Variables; none where nothing is written.
    static func environment(_ parent: ConfigReader) -> [String: String] {
        let reader = parent.section("environment")
        guard !reader.keys.isEmpty else {
            let entry = parent.take("environment")
            parent.context.record(reader.path, .emptyMap, entry?.origin ?? .builtIn)
            return [:]
        }
        var result: [String: String] = [:]
        for name in reader.keys {
            guard !name.contains("=") else {
                reader.report(name, "the name of a variable cannot hold '='")
                _ = reader.take(name)
                continue
            }
            result[name] = reader.read(name, .anyText, default: "")
        }
        return result
    }
}
