package import BackupModel

/// The directory with the main configuration `config` and the enabled units in `units`.
///
/// A unit's settings are four layers: what the main configuration says for all units, the unit definition, the
/// overlay `NAME.config`, and for each source its `source_defaults` below it.
package struct ConfigurationDirectory {
    package let path: String

    package init(path: String) {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        self.path = String(path)
    }

    /// Reads and checks all files. What is wrong in the files of one unit is kept in `unitErrors` and does not keep
    /// the others from being loaded.
    ///
    /// - Throws: `BackupError` with code `configuration` if the main configuration is wrong; several errors are one
    ///   error with a line for each.
    package func load() throws(BackupError) -> LoadedConfiguration {
        let mainPath = path == "/" ? "/config" : path + "/config"
        guard let bytes = try ConfigFileSystem.read(mainPath) else { throw .configMainMissing(mainPath) }
        let tree = try YAMLText(path: mainPath).parse(bytes)
        let context = DecodeContext()
        let main = MainDecoder.decode(tree, context: context)
        guard let main, context.errors.isEmpty else { throw .configSeveral(context.errors, in: mainPath) }

        let directory = try UnitDirectory(path: path == "/" ? "/units" : path + "/units")
        var loader = UnitLoader(main: tree, warnings: directory.warnings, errors: directory.errors)
        for unit in directory.units { loader.load(unit) }
        return LoadedConfiguration(
            main: main, units: loader.units, warnings: loader.warnings,
            unitErrors: loader.errors.sorted { $0.unit < $1.unit }, mainSettings: context.settings,
            unitSettings: loader.settings)
    }
}
