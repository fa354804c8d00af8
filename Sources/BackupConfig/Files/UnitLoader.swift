import BackupModel

/// Loads units one after the other, in the order of their names, and sees to it that no two write the same source.
struct UnitLoader {
    /// The tree of the main configuration.
    let main: ConfigNode
    private(set) var units: [UnitConfiguration] = []
    private(set) var warnings: [String]
    private(set) var errors: [UnitErrors]
    private(set) var settings: [String: [RecordedSetting]] = [:]
    private var owners: [SourceURL: String] = [:]

    init(main: ConfigNode, warnings: [String], errors: [UnitErrors]) {
        self.main = main
        self.warnings = warnings
        self.errors = errors
    }

    mutating func load(_ enabled: EnabledUnit) {
        do throws(BackupError) {
            // Some file systems give every file the x bit, so that it alone does not make a program.
            let isProgram = enabled.isExecutable && ConfigFileSystem.isProgram(enabled.definition)
            let definition =
                isProgram ? ProgramDecoder.definition(of: enabled.definition) : try definition(of: enabled)
            decode(enabled, definition: definition, overlay: try overlay(of: enabled), isProgram: isProgram)
        } catch {
            errors.append(UnitErrors(unit: enabled.name, errors: [error]))
        }
    }

    private func definition(of unit: EnabledUnit) throws(BackupError) -> ConfigNode {
        guard let bytes = try ConfigFileSystem.read(unit.definition) else {
            throw .configUnreadable(unit.definition, "it does not exist")
        }
        // A script, whose text is no matter for messages.
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let isMarked = bytes.starts(with: mark)
        if bytes.dropFirst(isMarked ? mark.count : 0).starts(with: Array("#!".utf8)) {
            throw .configScript(unit.definition, isMarked: isMarked)
        }
        return try YAMLText(path: unit.definition).parse(bytes)
    }

    /// Nil if there is none.
    private func overlay(of unit: EnabledUnit) throws(BackupError) -> ConfigNode? {
        guard let bytes = try ConfigFileSystem.read(unit.overlay) else { return nil }
        return try YAMLText(path: unit.overlay).parse(bytes)
    }

    private mutating func decode(_ enabled: EnabledUnit, definition: ConfigNode, overlay: ConfigNode?, isProgram: Bool)
    {
        let context = DecodeContext()
        var tree = UnitDecoder.base(main).merged(with: UnitDecoder.withoutMainKeys(definition, context: context))
        if let overlay {
            if let entry = overlay.entry("unit") { context.add(.configKindInOverlay(at: entry.origin)) }
            let rest = overlay.without { $0.key == "unit" }
            tree = tree.merged(with: UnitDecoder.withoutMainKeys(rest, context: context))
        }
        let decoder = UnitDecoder(
            name: enabled.name, definition: enabled.definition, definitionOrigin: definition.origin, context: context,
            programLink: isProgram ? enabled.link : nil)
        let unit = decoder.decode(tree)
        guard let unit, context.errors.isEmpty else {
            errors.append(UnitErrors(unit: enabled.name, errors: context.errors))
            return
        }
        let clashes = clashes(of: unit, in: tree)
        guard clashes.isEmpty else {
            errors.append(UnitErrors(unit: enabled.name, errors: clashes))
            return
        }
        for source in unit.sources { owners[source] = unit.name }
        units.append(unit)
        settings[unit.name] = context.settings
    }

    private func clashes(of unit: UnitConfiguration, in tree: ConfigNode) -> [BackupError] {
        var result: [BackupError] = []
        for source in unit.sources {
            guard let owner = owners[source] else { continue }
            let origin = tree.entry("sources")?.value.entry(source.description)?.origin ?? tree.origin
            result.append(.configSourceTwice(source.description, unit: unit.name, first: owner, at: origin))
        }
        return result
    }
}
