import BackupModel

/// Reads what a `packages` unit has in place of sources.
enum PackagesDecoder {
    /// Nil, with errors kept, where a setting is missing.
    static func decode(_ reader: ConfigReader, unit: String, pipeline: PipelineSettings) -> PackagesSettings? {
        let base = reader.readRequired(
            "base", .sourceURL,
            remedy: "write for example base: /host1/packages in \(unit).config, beside the symlink \(unit)")
        let manager = reader.readOptional("manager", .anyText)
        let root = reader.read("root", .absolutePath, default: "/")
        let log = reader.readOptional("log", .absolutePath)
        let fullTiming = TimingDecoder.full(reader)
        let incTiming = reader.optionalSection("inc_timing").flatMap { TimingDecoder.decode($0) }
        let policies = reader.read("policy", .list(of: .handlingPolicy, "a list of handling policies"), default: [])
        let encryption = PipelineDecoder.encryption(ofSource: reader, inherited: pipeline.encryption)
        reader.finish()
        guard let base, let fullTiming, let encryption else { return nil }
        do throws(BackupError) {
            return PackagesSettings(
                logSource: try SourceURL("\(base)/log"), stateSource: try SourceURL("\(base)/state"), manager: manager,
                root: root, log: log, fullTiming: fullTiming, incTiming: incTiming, policies: policies,
                encryption: encryption)
        } catch {
            reader.report("base", "the sources below it get no names: " + error.message, remedy: error.remedy)
            return nil
        }
    }
}
