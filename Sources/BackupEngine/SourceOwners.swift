import BackupConfig
import BackupModel
import BackupStorage
import BackupUnits

/// Which unit has which source. The configuration refuses two units with one source; for those that units find, it can
/// only be seen when they look. All enabled units count, also those that nobody has asked for now or that cannot be used:
/// what they have begun is theirs.
struct SourceOwners {
    private let installation: Installation
    private var owners: [SourceURL: String] = [:]

    init(_ installation: Installation) {
        self.installation = installation
        let configuration = installation.configuration
        for unit in configuration.units where !unit.findsSources {
            for source in unit.sources { owners[source] = unit.name }
        }
        // Who has stored something goes before who only means to.
        let others = configuration.units.filter(\.findsSources).map(\.name) + configuration.unitErrors.map(\.unit)
        for name in others {
            for source in installation.rememberedSources(of: name) { owners[source] = owners[source] ?? name }
        }
    }

    /// Takes out of `outlook` what another unit has already, with an error each: two units cannot write one chain.
    mutating func settle(_ outlook: inout UnitOutlook, of unit: any BackupUnit) {
        guard unit.findsSources else { return }
        var clashes: Set<SourceURL> = []
        for source in outlook.runs.map(\.source) + outlook.waiting.map(\.source) {
            let owner = owners[source] ?? unit.name
            owners[source] = owner
            guard owner != unit.name, clashes.insert(source).inserted else { continue }
            outlook.problems.append(
                unit.plansSources
                    ? .plannedSourceTwice(source, owner, state: installation.stateDirectory(of: owner))
                    : .foundSourceTwice(source, owner))
        }
        outlook.runs.removeAll { clashes.contains($0.source) }
        outlook.waiting.removeAll { clashes.contains($0.source) }
    }
}

extension Installation {
    func stateDirectory(of unit: String) -> String { main.general.stateDirectory + "/generators/" + unit }

    /// Checks that nobody else writes the chain that `unit` is to go on with: a program names whatever source it likes.
    ///
    /// - Throws: `configuration` when the newest element of the source is of a unit that may go on with it.
    func checkWriter(
        _ unit: any BackupUnit, _ source: SourceURL, _ storage: any ElementStorage
    ) throws(BackupError) {
        guard unit.plansSources else { return }
        var newest: ElementMetadata?
        try storage.forEachElement(of: source) { listed throws(BackupError) in
            guard case .element(let element) = listed else { return }
            if let newest, element.metadata.timestamp < newest.timestamp { return }
            newest = element.metadata
        }
        guard let other = newest?.origin?.unit, other != unit.name, mayGoOn(other, with: source) else { return }
        throw .plannedSourceTwice(source, other, state: stateDirectory(of: other))
    }

    /// Whether the unit `name` may store something more of a source of which it has stored something.
    private func mayGoOn(_ name: String, with source: SourceURL) -> Bool {
        if configuration.unitErrors.contains(where: { $0.unit == name }) { return true }
        guard let unit = configuration.units.first(where: { $0.name == name }) else {
            return rememberedSources(of: name).contains(source)
        }
        return unit.findsSources || unit.sources.contains(source)
    }
}

extension UnitConfiguration {
    /// Whether its sources do not stand in the configuration.
    var findsSources: Bool {
        switch kind {
        case .logfile, .program: true
        case .tar, .command, .packages: false
        }
    }
}
