/// Bytes in, bytes out: a stage of a pipeline that runs inside this process (compression, for example).
///
/// A transform is used by one thread from its creation to its end, so it needs no locks. Its memory must not
/// grow with the amount of data that passes.
package protocol ByteTransform {
    /// Receives a piece of the output. The buffer is valid during the call only.
    typealias Emit = (UnsafeRawBufferPointer) throws(BackupError) -> Void

    /// Takes `input` completely, and emits what has become ready.
    ///
    /// - Throws: `BackupError` with code `damaged` when the bytes are not in the form they must have; whatever
    ///   `emit` throws is passed on.
    mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError)

    /// Says that the input has ended: emits the rest, and checks that the stream is complete.
    ///
    /// Called at most once, after which the transform is not used again.
    mutating func finish(emit: Emit) throws(BackupError)
}
