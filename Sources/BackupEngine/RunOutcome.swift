package import BackupModel
package import BackupPipeline
package import BackupUnits

/// How one run of one source ended.
package struct RunOutcome: Sendable {
    package let unit: String
    package let source: SourceURL
    package var type: BackupType
    /// The new element; `nil` when the run failed or the configuration is in test mode.
    package var element: ElementID?
    /// Whether there is no new element because the storage had it already.
    package var isStoredAlready = false
    /// Bytes before compression and encryption, as far as they passed through this process.
    package var bytesIn: Int64 = 0
    /// Bytes that were stored.
    package var bytesOut: Int64 = 0
    /// Wall time in seconds, from the first command to the durable element.
    package var seconds: Double = 0
    /// What an administrator should know though the run did well.
    package var notes: [String] = []
    /// What the run found out that is an event of its own.
    package var events: [UnitEvent] = []
    package var failure: BackupError?

    init(unit: String, source: SourceURL, type: BackupType) {
        self.unit = unit
        self.source = source
        self.type = type
    }
}

/// Is told what a generator does, for whoever watches.
package protocol RunObserver: Sendable {
    /// A run begins; `progress` counts its bytes from now on.
    func started(unit: String, source: SourceURL, type: BackupType, progress: PipelineProgress)
    func finished(_ outcome: RunOutcome)
}
