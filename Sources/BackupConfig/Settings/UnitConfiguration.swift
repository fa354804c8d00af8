package import BackupModel

/// The checked settings of one enabled unit: main configuration, unit definition and overlay, merged.
package struct UnitConfiguration: Sendable, Hashable {
    /// The name of the symlink that enables it: letters and digits.
    package let name: String
    /// The path of the unit definition, symlinks resolved.
    package let definition: String
    package let kind: UnitKind
    package let pipeline: PipelineSettings
    /// What must hold before this unit starts; nil for nothing.
    package let runConditions: RunConditionSettings?

    package init(
        name: String, definition: String, kind: UnitKind, pipeline: PipelineSettings,
        runConditions: RunConditionSettings?
    ) {
        self.name = name
        self.definition = definition
        self.kind = kind
        self.pipeline = pipeline
        self.runConditions = runConditions
    }

    /// The URLs of the unit's sources, as they are ordered in its files; none for units that find theirs when they look.
    package var sources: [SourceURL] {
        switch kind {
        case .tar(let sources): sources.map(\.source)
        case .command(let sources): sources.map(\.source)
        case .logfile, .program: []
        case .packages(let settings): settings.sources
        }
    }
}

/// What a unit is, and its sources: at least one.
package enum UnitKind: Sendable, Hashable {
    case tar([TarSourceSettings])
    case command([CommandSourceSettings])
    case logfile(LogfileSettings)
    case packages(PackagesSettings)
    case program(ProgramSettings)
}

/// When a source is due: not before `minimum` after its last run, not after `maximum`, best at `offset` past a
/// multiple of `modulus`.
package struct TimingSetting: Sendable, Hashable {
    /// At most ``maximum``.
    package let minimum: TimeSpan
    /// More than zero.
    package let maximum: TimeSpan
    /// More than zero, or nil: no preferred time.
    package let modulus: TimeSpan?
    /// Less than ``modulus``; zero without one.
    package let offset: TimeSpan

    package init(minimum: TimeSpan, maximum: TimeSpan, modulus: TimeSpan?, offset: TimeSpan) {
        self.minimum = minimum
        self.maximum = maximum
        self.modulus = modulus
        self.offset = offset
    }
}

/// One source of a `tar` unit.
package struct TarSourceSettings: Sendable, Hashable {
    package let source: SourceURL
    /// The directory that is archived, absolute.
    package let root: String
    /// Paths below ``root``, at least one. They may begin with `-`.
    package let include: [String]
    /// Patterns as GNU tar takes them.
    package let exclude: [String]
    package let preCommand: [String]?
    package let postCommand: [String]?
    /// Files that change while they are read are no failure.
    package let ignoreRaces: Bool
    package let xattrs: Bool
    package let oneFileSystem: Bool
    package let fullTiming: TimingSetting
    /// Nil for fulls only.
    package let incTiming: TimingSetting?
    /// Run as given instead of tar.
    package let fullCommand: [String]?
    /// Run as given instead of tar; only with ``incTiming``.
    package let incCommand: [String]?
    /// How many old indices are kept.
    package let keepIndices: Int
    /// Names that `ElementMetadata.isHandlingPolicy` accepts.
    package let policies: [String]
    /// The effective setting: that of the source, or else that of the pipeline.
    package let encryption: EncryptionSetting

    package init(
        source: SourceURL, root: String, include: [String], exclude: [String], preCommand: [String]?,
        postCommand: [String]?, ignoreRaces: Bool, xattrs: Bool, oneFileSystem: Bool, fullTiming: TimingSetting,
        incTiming: TimingSetting?, fullCommand: [String]?, incCommand: [String]?, keepIndices: Int,
        policies: [String], encryption: EncryptionSetting
    ) {
        self.source = source
        self.root = root
        self.include = include
        self.exclude = exclude
        self.preCommand = preCommand
        self.postCommand = postCommand
        self.ignoreRaces = ignoreRaces
        self.xattrs = xattrs
        self.oneFileSystem = oneFileSystem
        self.fullTiming = fullTiming
        self.incTiming = incTiming
        self.fullCommand = fullCommand
        self.incCommand = incCommand
        self.keepIndices = keepIndices
        self.policies = policies
        self.encryption = encryption
    }
}

/// One source of a `command` unit.
package struct CommandSourceSettings: Sendable, Hashable {
    package let source: SourceURL
    /// The program and its arguments, run as given; its standard output is the backup.
    package let command: [String]
    /// When a full is due; every run of a command is a full.
    package let timing: TimingSetting
    /// After that long the command is stopped; nil for no limit.
    package let timeout: TimeSpan?
    /// Absolute; nil for that of the program.
    package let workingDirectory: String?
    /// Variables added to the environment.
    package let environment: [String: String]
    /// Names that `ElementMetadata.isHandlingPolicy` accepts.
    package let policies: [String]
    /// The effective setting: that of the source, or else that of the pipeline.
    package let encryption: EncryptionSetting

    package init(
        source: SourceURL, command: [String], timing: TimingSetting, timeout: TimeSpan?, workingDirectory: String?,
        environment: [String: String], policies: [String], encryption: EncryptionSetting
    ) {
        self.source = source
        self.command = command
        self.timing = timing
        self.timeout = timeout
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.policies = policies
        self.encryption = encryption
    }
}
