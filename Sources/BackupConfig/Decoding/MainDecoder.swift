import BackupModel

/// Reads the main configuration.
enum MainDecoder {
    /// The keys of `generator` that only the main configuration may set.
    static let mainOnlyGeneratorKeys = ["parallel_units", "retry_after"]
    /// The sections that only the main configuration may have.
    static let mainOnlySections = ["general", "storage", "transfer"]
    private static let unitOnlyKeys = ["unit", "source_defaults", "sources"]

    /// Nil, with errors kept in the context, where a setting is missing.
    static func decode(_ root: ConfigNode, context: DecodeContext) -> MainConfiguration? {
        for entry in root.entries ?? [] where unitOnlyKeys.contains(entry.key) {
            context.add(.configUnitOnly([entry.key], at: entry.origin))
        }
        let root = root.without { unitOnlyKeys.contains($0.key) }
        let reader = ConfigReader(root, path: [], origin: root.origin, context: context)
        let general = general(reader.section("general"))
        let storage = storage(reader.section("storage"))
        let pipeline = PipelineDecoder.decode(reader.section("pipeline"))
        let generator = generator(reader.section("generator"))
        let transfer = TransferDecoder.decode(reader.section("transfer"), storage: storage)
        reader.finish()
        guard let pipeline else { return nil }
        return MainConfiguration(
            general: general, storage: storage, pipeline: pipeline, generator: generator, transfer: transfer)
    }

    private static func general(_ reader: ConfigReader) -> GeneralSettings {
        let settings = GeneralSettings(
            stateDirectory: reader.read("state_directory", .absolutePath, default: "/var/lib/guerillabackup/state"),
            runtimeDirectory: reader.read("runtime_directory", .absolutePath, default: "/run/guerillabackup"),
            keysDirectory: reader.read("keys_directory", .absolutePath, default: "/etc/guerillabackup/keys"),
            testMode: reader.read("test_mode", .boolean, default: false))
        reader.finish()
        return settings
    }

    private static func storage(_ reader: ConfigReader) -> StorageSettings {
        let settings = StorageSettings(
            directory: reader.read("directory", .absolutePath, default: "/var/lib/guerillabackup/data"),
            durability: reader.read("durability", .choice, default: .element),
            nameZone: reader.read("name_zone", .choice, default: .utc),
            partialDirectory: reader.readOptional("partial_directory", .absolutePath))
        if let partial = settings.partialDirectory, isPath(partial, within: settings.directory) {
            reader.report(
                "partial_directory", "it lies in the storage, \(settings.directory.escapedForMessage)",
                remedy: "name a directory beside the storage on the same file system, or remove the key")
        }
        reader.finish()
        return settings
    }

    private static func generator(_ reader: ConfigReader) -> GeneratorSettings {
        let settings = GeneratorSettings(
            parallelUnits: reader.read("parallel_units", .wholeNumber(1...64), default: 1),
            retryAfter: reader.read("retry_after", .duration(), default: TimeSpan(seconds: 600)),
            runConditions: runConditions(reader))
        reader.finish()
        return settings
    }

    /// Reads `run_conditions` below `generator`.
    static func runConditions(_ generator: ConfigReader) -> RunConditionSettings? {
        guard let reader = generator.optionalSection("run_conditions") else { return nil }
        let minimumUptime = reader.readOptional("minimum_uptime", .duration(zeroAllowed: true))
        var loadBelow: LoadLimitSetting?
        if let load = reader.optionalSection("load_below") {
            let limit = load.readRequired("limit", .positiveNumber, remedy: "write for example limit: 0.5")
            let span = load.read("for", .duration(), default: TimeSpan(seconds: 240))
            load.finish()
            loadBelow = limit.map { LoadLimitSetting(limit: $0, span: span) }
        }
        reader.finish()
        guard minimumUptime != nil || loadBelow != nil else { return nil }
        return RunConditionSettings(minimumUptime: minimumUptime, loadBelow: loadBelow)
    }
}
