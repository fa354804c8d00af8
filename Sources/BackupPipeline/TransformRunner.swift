import BackupModel
import BackupSystem

/// Runs a transform between its neighbours.
struct TransformRunner: Sendable {
    private static let bufferSize = 256 << 10

    let label: StageLabel
    let make: @Sendable () throws(BackupError) -> any ByteTransform
    let input: Boundary
    let output: Boundary
    let stop: WakeEvent

    /// Runs on a thread of its own, until the end of the input or a failure.
    func run() -> NodeFailure? {
        blockBrokenPipeSignal()
        let reader = BoundaryReader(input, stop: stop)
        let writer = BoundaryWriter(output, stop: stop)
        do throws(BackupError) {
            try transform(reader, writer)
            return nil
        } catch {
            switch reader.hindrance ?? writer.hindrance {
            case .stopped: return NodeFailure(kind: .stopped, error: error)
            case .readerGone: return NodeFailure(kind: .readerGone, error: error)
            case nil: return NodeFailure(kind: .own, error: .stageFailed(label, error))
            }
        }
    }

    private func transform(_ reader: BoundaryReader, _ writer: BoundaryWriter) throws(BackupError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 4096)
        defer { buffer.deallocate() }
        var transform = try make()
        let emit: ByteTransform.Emit = { (bytes) throws(BackupError) in try writer.write(bytes) }
        while true {
            let count = try reader.read(into: buffer)
            if count == 0 { break }
            try transform.process(UnsafeRawBufferPointer(rebasing: buffer[..<count]), emit: emit)
        }
        try transform.finish(emit: emit)
    }
}
