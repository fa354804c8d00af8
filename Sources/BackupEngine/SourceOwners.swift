import BackupModel
import BackupUnits

/// Which unit has which source. The configuration refuses two units with one source; for those that units find, it can
/// only be seen when they look.
struct SourceOwners {
    private var owners: [SourceURL: String] = [:]

    init(_ units: [any BackupUnit]) {
        for unit in units where !unit.findsSources {
            for source in unit.sources { owners[source] = unit.name }
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
            outlook.problems.append(.foundSourceTwice(source, owner))
        }
        outlook.runs.removeAll { clashes.contains($0.source) }
        outlook.waiting.removeAll { clashes.contains($0.source) }
    }
}
