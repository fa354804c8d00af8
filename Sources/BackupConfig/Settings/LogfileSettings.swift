package import BackupModel

/// What a `logfile` unit looks for, and when. Its sources are found in its directories.
package struct LogfileSettings: Sendable, Hashable {
    /// When the directories are looked at: one timing for all inputs.
    package let timing: TimingSetting
    /// At least one, each with a name of its own.
    package let inputs: [LogfileInputSettings]

    package init(timing: TimingSetting, inputs: [LogfileInputSettings]) {
        self.timing = timing
        self.inputs = inputs
    }

    /// Every hour, five minutes past: what is rotated at the full hour has settled then.
    package static let defaultTiming = TimingSetting(
        minimum: TimeSpan(seconds: 600), maximum: TimeSpan(seconds: 7200), modulus: TimeSpan(seconds: 3600),
        offset: TimeSpan(seconds: 300))
}

/// Files of one directory that a pattern matches.
package struct LogfileInputSettings: Sendable, Hashable {
    /// What becomes of a file whose element is durable.
    package enum AfterStore: String, Sendable, CaseIterable { case delete, keep, truncate }
    /// What is done where it cannot be told who has a file open.
    package enum WhenUnknown: String, Sendable, CaseIterable { case wait, take }

    /// The key of the input in the configuration.
    package let name: String
    /// Absolute, without a slash at the end; empty for the root.
    package let directory: String
    /// A regular expression for whole file names.
    package let pattern: String
    /// How the source is called.
    package let source: LogSourceTemplate
    package let afterStore: AfterStore
    /// For so long a file must not have changed.
    package let settle: TimeSpan
    package let whenUnknown: WhenUnknown
    /// Names that `ElementMetadata.isHandlingPolicy` accepts.
    package let policies: [String]
    /// The effective setting: that of the input, or else that of the pipeline.
    package let encryption: EncryptionSetting

    package init(
        name: String, directory: String, pattern: String, source: LogSourceTemplate, afterStore: AfterStore,
        settle: TimeSpan, whenUnknown: WhenUnknown, policies: [String], encryption: EncryptionSetting
    ) {
        self.name = name
        self.directory = directory
        self.pattern = pattern
        self.source = source
        self.afterStore = afterStore
        self.settle = settle
        self.whenUnknown = whenUnknown
        self.policies = policies
        self.encryption = encryption
    }
}
