package import BackupModel
package import BackupPipeline
package import BackupSystem

/// Where the bytes of an element come from.
package enum Producer: Sendable {
    /// A program: its standard output is the element.
    case process(ProcessStage)
    /// A file, from where it stands to its end, decompressed on the way.
    case file(OwnedDescriptor, compression: FileCompression?)

    /// Code of this program: `body` is called once, on a thread of its own, and emits the bytes. What it throws ends the run.
    case made(name: String, body: @Sendable (ByteTransform.Emit) throws(BackupError) -> Void)

    /// The program; `nil` for what is no process.
    package var process: ProcessStage? {
        if case .process(let stage) = self { return stage }
        return nil
    }
}
