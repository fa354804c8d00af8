package import BackupConfig
package import BackupModel
import BackupSystem

/// What the units need to know of the program they run in.
package struct UnitContext: Sendable {
    /// The state directory, absolute. A unit keeps its files in `generators/<unit>` below it, mode 0700.
    package var stateDirectory: String
    /// Directories that never belong into a backup, absolute: storage, state, runtime.
    package var excludedDirectories: [String]
    /// `GNU tar 1.34`: what `tar --version` says; `nil` where it is not known.
    package var tarVersion: String?
    /// Makes a zstd compressor for tar indices that are kept; with `nil` they are kept as they are.
    package var compressIndex: (@Sendable () throws(BackupError) -> any ByteTransform)?
    /// The identity of this machine, as records carry it; `nil` where it is not registered.
    package var machine: @Sendable () throws(BackupError) -> String? = { () throws(BackupError) in nil }
    /// The directory of programs that the configuration may name without a path, absolute; `nil` for none.
    package var libraryDirectory: String?
    /// Called after each change of a unit's files; tests look at what a crash would leave there.
    var afterStep: (@Sendable (String) -> Void)?
    /// Finds out who has files open for writing; tests have their own.
    var openFiles: @Sendable (Set<FileIdentity>) -> OpenFiles = { OpenFiles.writers(of: $0) }
    /// How long the names of a directory may take to be matched, in milliseconds.
    var matchPatience = LogMatcher.defaultPatience
    /// For how long it is believed what a look at log files has found.
    var lookLimits = LogLookLimits()
    /// Called with the number of log files that were looked at; tests count them.
    var afterLook: (@Sendable (_ files: Int) -> Void)?

    package init(
        stateDirectory: String, excludedDirectories: [String] = [], tarVersion: String? = nil,
        compressIndex: (@Sendable () throws(BackupError) -> any ByteTransform)? = nil
    ) {
        self.stateDirectory = stateDirectory
        self.excludedDirectories = excludedDirectories
        self.tarVersion = tarVersion
        self.compressIndex = compressIndex
    }
}

/// The sources of which the unit `name` has stored something, as its state tells, whatever kind of unit it is or was; none
/// where that cannot be read.
package func rememberedSources(of name: String, context: UnitContext) -> [SourceURL] {
    for form in [StateForm.runs, .looks] {
        if let state = try? UnitDirectory(name, context, form: form).state() { return state.sources }
    }
    return []
}

/// The unit that `configuration` describes. Callers write `BackupUnits.make(…)`: the module's name is the namespace, a
/// type of that name would hide it.
///
/// - Throws: `configuration` when two sources need the same tar index or a name is too long for one, and for a package manager
///   that is not known.
package func make(_ configuration: UnitConfiguration, context: UnitContext) throws(BackupError) -> any BackupUnit {
    switch configuration.kind {
    case .tar(let sources): try TarUnit(configuration.name, sources, context)
    case .command(let sources): try CommandUnit(configuration.name, sources, context)
    case .logfile(let settings): LogfileUnit(configuration.name, settings, context)
    case .packages(let settings): try PackagesUnit(configuration.name, settings, context)
    case .program(let settings): ProgramUnit(configuration.name, settings, context)
    }
}
