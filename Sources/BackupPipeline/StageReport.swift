package import BackupModel

/// How one stage ended.
package struct StageReport: Sendable {
    package let name: String
    /// The exit status of a process; `nil` for transforms, for processes that did not start or that a signal ended.
    package let exitStatus: Int32?
    /// Bytes that came in, where this process saw them; `nil` where two processes talk directly.
    package let bytesIn: Int64?
    /// Bytes that went out, as ``bytesIn``.
    package let bytesOut: Int64?
    /// The beginning and the end of what a process wrote to standard error, at most 64 KiB, invalid UTF-8 repaired.
    package let standardError: String
    /// Wall time from start to end.
    package let seconds: Double
    /// What was wrong with the stage, consequences of another one's failure included; `nil` if it did well.
    package let failure: BackupError?

    package init(
        name: String, exitStatus: Int32?, bytesIn: Int64?, bytesOut: Int64?, standardError: String, seconds: Double,
        failure: BackupError?
    ) {
        self.name = name
        self.exitStatus = exitStatus
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.standardError = standardError
        self.seconds = seconds
        self.failure = failure
    }
}
