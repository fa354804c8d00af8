package import BackupModel

/// The checked settings of the main configuration, `<dir>/config`.
package struct MainConfiguration: Sendable, Hashable {
    package let general: GeneralSettings
    package let storage: StorageSettings
    package let pipeline: PipelineSettings
    package let generator: GeneratorSettings
    package let transfer: TransferSettings

    package init(
        general: GeneralSettings, storage: StorageSettings, pipeline: PipelineSettings, generator: GeneratorSettings,
        transfer: TransferSettings
    ) {
        self.general = general
        self.storage = storage
        self.pipeline = pipeline
        self.generator = generator
        self.transfer = transfer
    }
}

/// Where the program keeps what it needs, and whether it acts at all. All paths are absolute.
package struct GeneralSettings: Sendable, Hashable {
    /// What must survive a reboot.
    package let stateDirectory: String
    /// What may vanish at a reboot.
    package let runtimeDirectory: String
    /// The GnuPG home directory.
    package let keysDirectory: String
    /// Everything but the last step is done.
    package let testMode: Bool

    package init(stateDirectory: String, runtimeDirectory: String, keysDirectory: String, testMode: Bool) {
        self.stateDirectory = stateDirectory
        self.runtimeDirectory = runtimeDirectory
        self.keysDirectory = keysDirectory
        self.testMode = testMode
    }
}

/// Where elements are stored, and how surely.
package struct StorageSettings: Sendable, Hashable {
    /// An absolute path.
    package let directory: String
    package let durability: DurabilitySetting
    package let nameZone: NameZoneSetting
    /// Where elements lie that have arrived in part: an absolute path outside of ``directory``, on the same file
    /// system. Nil: the storage chooses.
    package let partialDirectory: String?

    package init(
        directory: String, durability: DurabilitySetting, nameZone: NameZoneSetting, partialDirectory: String? = nil
    ) {
        self.directory = directory
        self.durability = durability
        self.nameZone = nameZone
        self.partialDirectory = partialDirectory
    }
}

/// What is forced to disk before an element counts as stored.
package enum DurabilitySetting: String, Sendable, Hashable, CaseIterable {
    /// Nothing: a power loss may take the element.
    case none
    /// The whole file system.
    case filesystem
    /// The files and directories of the element.
    case element
}

/// The time zone of the times in the names of element files.
package enum NameZoneSetting: String, Sendable, Hashable, CaseIterable {
    case utc, local
}

/// What happens to the bytes between a unit and the storage.
package struct PipelineSettings: Sendable, Hashable {
    package let compression: CompressionSetting
    package let encryption: EncryptionSetting
    /// A pipeline that stands still for that long is stopped; more than zero.
    package let stallTimeout: TimeSpan
    /// The key that signs elements: a fingerprint of 40 hexadecimal digits in upper case. Nil: they are not signed.
    package let signing: String?

    package init(
        compression: CompressionSetting, encryption: EncryptionSetting, stallTimeout: TimeSpan, signing: String? = nil
    ) {
        self.compression = compression
        self.encryption = encryption
        self.stallTimeout = stallTimeout
        self.signing = signing
    }
}

/// How data is compressed.
package enum CompressionSetting: Sendable, Hashable {
    case none
    /// In process. `level` is 1...19, `workers` 0...64, where 0 is no thread of its own.
    case zstd(level: Int, workers: Int, longDistance: Bool, checksum: Bool)
    /// By a command from standard input to standard output; `restore` is the command that undoes it.
    case command(compress: [String], restore: [String])
}

/// For whom data is encrypted.
package enum EncryptionSetting: Sendable, Hashable {
    /// Stored as it is: only ever because the configuration says so in words.
    case none
    /// At least one fingerprint, key id or mail address.
    case recipients([String])
}

/// When and how units run.
package struct GeneratorSettings: Sendable, Hashable {
    /// How many units may run at once, 1...64.
    package let parallelUnits: Int
    /// How long after a failure a unit is tried again; more than zero.
    package let retryAfter: TimeSpan
    /// What must hold before any unit starts; nil for nothing.
    package let runConditions: RunConditionSettings?

    package init(parallelUnits: Int, retryAfter: TimeSpan, runConditions: RunConditionSettings?) {
        self.parallelUnits = parallelUnits
        self.retryAfter = retryAfter
        self.runConditions = runConditions
    }
}

/// What must hold before a unit starts. At least one of the two is set.
package struct RunConditionSettings: Sendable, Hashable {
    /// How long the machine must be up.
    package let minimumUptime: TimeSpan?
    package let loadBelow: LoadLimitSetting?

    package init(minimumUptime: TimeSpan?, loadBelow: LoadLimitSetting?) {
        self.minimumUptime = minimumUptime
        self.loadBelow = loadBelow
    }
}

/// The load average must be below `limit` for the time `span` without a break.
package struct LoadLimitSetting: Sendable, Hashable {
    /// More than zero, finite.
    package let limit: Double
    /// More than zero.
    package let span: TimeSpan

    package init(limit: Double, span: TimeSpan) {
        self.limit = limit
        self.span = span
    }
}
