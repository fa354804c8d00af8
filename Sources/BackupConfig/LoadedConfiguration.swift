package import BackupModel

/// Everything that the files of a configuration directory say: what is good, what is wrong, and where each value
/// comes from.
package struct LoadedConfiguration: Sendable {
    package let main: MainConfiguration
    /// The units without errors, sorted by name.
    package let units: [UnitConfiguration]
    /// What is out of place without harm, one sentence each.
    package let warnings: [String]
    /// The enabled units that cannot run, sorted by name.
    package let unitErrors: [UnitErrors]
    let mainSettings: [RecordedSetting]
    /// By the name of the unit.
    let unitSettings: [String: [RecordedSetting]]

    /// The effective settings as YAML: those of the main configuration, or those of one unit. It is valid
    /// configuration itself: a main configuration, or a unit definition that needs no overlay.
    ///
    /// - Parameters:
    ///   - unit: the name of an enabled unit, nil for the main configuration.
    ///   - explain: whether each value is followed by `# file:line` of where it was set, or `# default`.
    /// - Throws: `BackupError` with code `notFound` if no such unit is enabled, `configuration` if it has errors.
    package func show(unit: String?, explain: Bool) throws(BackupError) -> String {
        let printer = SettingsPrinter(explain: explain)
        guard let unit else { return printer.print(mainSettings) }
        if let settings = unitSettings[unit] { return printer.print(settings) }
        if let broken = unitErrors.first(where: { $0.unit == unit }) { throw broken.combined }
        throw .configUnknownUnit(unit, enabled: (units.map(\.name) + unitErrors.map(\.unit)).sorted())
    }
}

/// Why an enabled unit cannot run.
package struct UnitErrors: Sendable {
    package let unit: String
    /// At least one, each with the code `configuration`.
    package let errors: [BackupError]

    package init(unit: String, errors: [BackupError]) {
        self.unit = unit
        self.errors = errors
    }

    /// All of them as one error, a line for each.
    package var combined: BackupError { .configSeveral(errors, in: "unit \(unit)") }
}
