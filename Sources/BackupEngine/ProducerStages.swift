import BackupCompression
import BackupModel
import BackupPipeline
import BackupUnits

/// The beginning of a pipeline: where the bytes of an element come from.
struct ProducerStages {
    let input: PipelineInput
    /// What stands before the stages that compress and encrypt; its first one makes the bytes, if there is one.
    let stages: [Stage]

    init(_ producer: Producer) {
        switch producer {
        case .process(let stage):
            input = .nothing
            stages = [.process(stage)]
        case .made(let name, let body):
            input = .nothing
            stages = [.transform(name: name) { () throws(BackupError) -> any ByteTransform in MadeBytes(body: body) }]
        case .file(let file, let compression):
            input = .file(file, expected: nil)
            stages = compression.map { [Self.decompressor($0)] } ?? []
        }
    }

    /// Fails when the bytes are not in that form or end too early: what cannot be read as a whole is not stored.
    private static func decompressor(_ compression: FileCompression) -> Stage {
        if let program = compression.program { return .process(program) }
        return .transform(name: compression.toolName) { () throws(BackupError) -> any ByteTransform in
            try ZstdDecompressor()
        }
    }
}

/// Bytes that code of this program makes: a transform that has no input.
private struct MadeBytes: ByteTransform {
    let body: @Sendable (ByteTransform.Emit) throws(BackupError) -> Void

    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {}

    mutating func finish(emit: Emit) throws(BackupError) { try body(emit) }
}
