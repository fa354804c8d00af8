package import BackupModel
package import BackupSystem
import Synchronization

/// Where the bytes of a pipeline come from.
package enum PipelineInput: Sendable {
    /// Nothing: the first stage has `/dev/null` as its input and makes the bytes itself.
    case nothing
    /// The bytes of a file from its current offset, with their SHA-512 computed on the way. When `expected` is given
    /// and the digest differs, the pipeline fails with code `damaged`. The descriptor stays open.
    case file(OwnedDescriptor, expected: [UInt8]?)
}

/// Where the bytes of a pipeline go. Descriptors stay open: making them durable is the caller's work.
package enum PipelineOutput: Sendable {
    /// A file, written from its current offset, with the SHA-512 of the bytes computed on the way.
    case file(OwnedDescriptor)
    /// A descriptor, for example standard output: the last process has it as its own; there is no digest.
    case descriptor(OwnedDescriptor)
    /// The last stage keeps the bytes (`tar -x`): its standard output is `/dev/null`.
    case nothing
    /// Only the first `limit` bytes are wanted. As soon as they are there everything is stopped, and that is success;
    /// so it is when the output is shorter.
    case prefix(limit: Int)
}

/// How far a pipeline is, readable at any time.
package final class PipelineProgress: Sendable {
    private let entered = Atomic<Int64>(0)
    private let left = Atomic<Int64>(0)

    package init() {}

    /// Bytes at the first place where this process sees them.
    package var bytesIn: Int64 { entered.load(ordering: .relaxed) }
    /// Bytes at the last place where this process sees them.
    package var bytesOut: Int64 { left.load(ordering: .relaxed) }

    func addIn(_ count: Int) { entered.wrappingAdd(Int64(count), ordering: .relaxed) }
    func addOut(_ count: Int) { left.wrappingAdd(Int64(count), ordering: .relaxed) }
}

/// How a pipeline ended.
package struct PipelineOutcome: Sendable {
    /// One for each stage, in order, whatever happened.
    package let reports: [StageReport]
    /// The error is that of the stage that caused the failure, not of one that suffered from it.
    package let result: Result<PipelineResult, BackupError>
    /// Wall time.
    package let seconds: Double

    package init(reports: [StageReport], result: Result<PipelineResult, BackupError>, seconds: Double) {
        self.reports = reports
        self.result = result
        self.seconds = seconds
    }
}

/// What a pipeline that did well has found out.
package struct PipelineResult: Sendable {
    /// Of the input file; `nil` without one, and when the pipeline was stopped at a prefix.
    package let inputSHA512: [UInt8]?
    /// Of the output file; `nil` without one.
    package let outputSHA512: [UInt8]?
    /// Bytes written, where this process wrote them; 0 elsewhere.
    package let outputSize: Int64
    /// With `PipelineOutput.prefix` the first bytes, at most as many as asked for; empty otherwise.
    package let prefix: [UInt8]

    package init(inputSHA512: [UInt8]?, outputSHA512: [UInt8]?, outputSize: Int64, prefix: [UInt8]) {
        self.inputSHA512 = inputSHA512
        self.outputSHA512 = outputSHA512
        self.outputSize = outputSize
        self.prefix = prefix
    }
}
