package import BackupModel

/// What a `packages` unit follows: the log and the database of one package manager, as two sources.
package struct PackagesSettings: Sendable, Hashable {
    /// The bytes of the log: `<base>/log`.
    package let logSource: SourceURL
    /// Snapshots and changes: `<base>/state`.
    package let stateSource: SourceURL
    /// `nil` for the one whose database is below ``root``.
    package let manager: String?
    /// The root directory of the system, absolute.
    package let root: String
    /// The path of the log that is written now, absolute; `nil` for the manager's own below ``root``.
    package let log: String?
    package let fullTiming: TimingSetting
    /// Nil for fulls only.
    package let incTiming: TimingSetting?
    /// Names that `ElementMetadata.isHandlingPolicy` accepts.
    package let policies: [String]
    /// The effective setting.
    package let encryption: EncryptionSetting

    package init(
        logSource: SourceURL, stateSource: SourceURL, manager: String?, root: String, log: String?,
        fullTiming: TimingSetting, incTiming: TimingSetting?, policies: [String], encryption: EncryptionSetting
    ) {
        self.logSource = logSource
        self.stateSource = stateSource
        self.manager = manager
        self.root = root
        self.log = log
        self.fullTiming = fullTiming
        self.incTiming = incTiming
        self.policies = policies
        self.encryption = encryption
    }

    /// In the order of their names.
    package var sources: [SourceURL] { [logSource, stateSource].sorted() }
}
