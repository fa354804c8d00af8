package import BackupModel

/// The settings of a unit that is a program of the administrator's own: `doc/own-units.md`.
package struct ProgramSettings: Sendable, Hashable {
    /// What is run: an absolute path, or the name of a link in `lib-enabled`.
    package let program: String
    /// The symlink that enables the unit, where that is the program's; `nil` where a unit definition names it.
    package let link: String?
    /// Where its sources must lie: this one, or below it; nil for anywhere.
    package let prefix: SourceURL?
    /// What the program alone understands; at most ``maximumSettings`` bytes as JSON.
    package let settings: JSONObject
    /// Variables added to its environment.
    package let environment: [String: String]
    /// How long a plan holds.
    package let planEvery: TimeSpan
    /// The least time between two backups of a source.
    package let minimumInterval: TimeSpan
    /// How long the program may take to answer, data aside.
    package let callTimeout: TimeSpan
    /// How long one backup may take; nil for no limit.
    package let timeout: TimeSpan?
    /// Names that `ElementMetadata.isHandlingPolicy` accepts.
    package let policies: [String]
    package let encryption: EncryptionSetting

    /// Bytes; they must fit into one variable of an environment.
    package static let maximumSettings = 64 << 10

    package init(
        program: String, link: String? = nil, prefix: SourceURL? = nil, settings: JSONObject = [:],
        environment: [String: String] = [:], planEvery: TimeSpan = TimeSpan(seconds: 600),
        minimumInterval: TimeSpan = TimeSpan(seconds: 60), callTimeout: TimeSpan = TimeSpan(seconds: 30),
        timeout: TimeSpan? = nil, policies: [String] = [], encryption: EncryptionSetting
    ) {
        self.program = program
        self.link = link
        self.prefix = prefix
        self.settings = settings
        self.environment = environment
        self.planEvery = planEvery
        self.minimumInterval = minimumInterval
        self.callTimeout = callTimeout
        self.timeout = timeout
        self.policies = policies
        self.encryption = encryption
    }
}
