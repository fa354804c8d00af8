import BackupModel

/// Reads the merged tree of one unit.
struct UnitDecoder {
    private enum Kind: String, CaseIterable { case tar, command, logfile, packages, program }

    let name: String
    let definition: String
    /// Where the unit definition begins: the place of what is missing in it.
    let definitionOrigin: Origin
    let context: DecodeContext
    /// The symlink that enables the unit, where it leads to a program.
    var programLink: String?

    /// Refuses what only the main configuration may set in a file of a unit, and returns the rest of the file.
    static func withoutMainKeys(_ root: ConfigNode, context: DecodeContext) -> ConfigNode {
        var kept: [ConfigNode.Entry] = []
        for entry in root.entries ?? [] {
            if MainDecoder.mainOnlySections.contains(entry.key) {
                context.add(.configMainOnly([entry.key], at: entry.origin))
            } else if entry.key == "generator" {
                let mainOnly = { (inner: ConfigNode.Entry) in MainDecoder.mainOnlyGeneratorKeys.contains(inner.key) }
                for inner in entry.value.entries ?? [] where mainOnly(inner) {
                    context.add(.configMainOnly(["generator", inner.key], at: inner.origin))
                }
                kept.append(
                    ConfigNode.Entry(key: entry.key, origin: entry.origin, value: entry.value.without(mainOnly)))
            } else {
                kept.append(entry)
            }
        }
        return .map(kept, origin: root.origin)
    }

    /// What a unit takes over from the main configuration: the lowest layer of its tree.
    static func base(_ main: ConfigNode) -> ConfigNode {
        var kept: [ConfigNode.Entry] = []
        for entry in main.entries ?? [] {
            if entry.key == "pipeline" {
                kept.append(entry)
            } else if entry.key == "generator" {
                let value = entry.value.without { $0.key != "run_conditions" }
                kept.append(ConfigNode.Entry(key: entry.key, origin: entry.origin, value: value))
            }
        }
        return .map(kept, origin: main.origin)
    }

    /// Nil, with errors kept in the context, where a setting is missing.
    func decode(_ root: ConfigNode) -> UnitConfiguration? {
        let reader = ConfigReader(root, path: [], origin: root.origin, context: context)
        let kind = kind(reader)
        let pipeline = PipelineDecoder.decode(reader.section("pipeline"))
        let generator = reader.section("generator")
        let runConditions = MainDecoder.runConditions(generator)
        generator.finish()
        let unitKind: UnitKind? =
            switch kind {
            case .logfile:
                pipeline.flatMap { LogfileDecoder.decode(reader, unit: name, pipeline: $0) }.map { .logfile($0) }
            case .packages:
                pipeline.flatMap { PackagesDecoder.decode(reader, unit: name, pipeline: $0) }.map { .packages($0) }
            case .program:
                pipeline.flatMap { ProgramDecoder.decode(reader, link: programLink, pipeline: $0) }.map { .program($0) }
            case .tar, .command, nil: sources(kind, reader, pipeline)
            }
        guard let unitKind, let pipeline else { return nil }
        return UnitConfiguration(
            name: name, definition: definition, kind: unitKind, pipeline: pipeline, runConditions: runConditions)
    }

    /// What a unit is whose sources stand in its files.
    private func sources(_ kind: Kind?, _ reader: ConfigReader, _ pipeline: PipelineSettings?) -> UnitKind? {
        let defaults = reader.take("source_defaults")
        let sources = reader.take("sources")
        reader.finish()
        // Without kind and pipeline a source cannot be judged; what is wrong there is reported already.
        guard let kind, let pipeline else { return nil }
        if let defaults, defaults.value.entries == nil {
            reader.report("source_defaults", "expected a map, found \(defaults.value.summary)")
            return nil
        }
        let readers = sourceReaders(sources, defaults: defaults, in: reader)
        if kind == .tar {
            return .tar(readers.compactMap { TarSourceDecoder.decode($0.url, $0.reader, pipeline: pipeline) })
        }
        return .command(readers.compactMap { CommandSourceDecoder.decode($0.url, $0.reader, pipeline: pipeline) })
    }

    private func kind(_ reader: ConfigReader) -> Kind? {
        guard reader.take("unit") == nil else { return reader.readRequired("unit", .choice) }
        context.add(
            .configMissingKey(
                ["unit"], at: definitionOrigin, expected: ValueKind<Kind>.choice.expected,
                remedy: "name in the unit definition what the unit is, as in unit: tar"))
        return nil
    }

    private func sourceReaders(
        _ sources: ConfigNode.Entry?, defaults: ConfigNode.Entry?, in root: ConfigReader
    ) -> [(url: SourceURL, reader: ConfigReader)] {
        guard let entries = sources?.value.entries, !entries.isEmpty else {
            if let sources, sources.value.entries == nil {
                root.report("sources", "expected a map of source URLs, found \(sources.value.summary)")
            } else {
                root.reportMissing(
                    "sources", expected: "at least one source",
                    remedy: "write sources: { /host1/root: {...} } in \(name).config, beside the symlink \(name)")
            }
            return []
        }
        var result: [(SourceURL, ConfigReader)] = []
        for entry in entries {
            let url: SourceURL
            do throws(BackupError) {
                url = try SourceURL(entry.key)
            } catch {
                context.add(.config(at: entry.origin, ["sources"], error.message, remedy: error.remedy))
                continue
            }
            let lower = defaults?.value ?? .map([], origin: entry.origin)
            // A source that is neither a map nor empty replaces the defaults, and is refused by the reader.
            let node = lower.isNothing ? entry.value : lower.merged(with: entry.value)
            let path = ["sources", entry.key]
            result.append((url, ConfigReader(node, path: path, origin: entry.origin, context: context)))
        }
        return result
    }
}
