package import BackupModel
import CZstd

/// Restores what zstd compressed: one frame or several behind each other.
///
/// Memory is bounded by the window that the frames ask for, at most `2^maximumWindowLog` bytes, and a small buffer.
/// Bytes are emitted before the checksum at the end of their frame is seen: only a `finish` that returns proves them.
package struct ZstdDecompressor: ByteTransform {
    private let stream: DecompressionStream

    /// - Parameter maximumWindowLog: 10 to 31. 27 (128 MiB) is what `zstd -d` accepts too without further options and
    ///   holds for everything that ``ZstdCompressor`` writes; 31 takes up to 2 GiB of memory if a frame asks for it.
    /// - Throws: `BackupError` with code `invalidValue` or `resources`.
    package init(maximumWindowLog: Int = Int(ZstdSettings.longWindowLog)) throws(BackupError) {
        stream = try DecompressionStream(maximumWindowLog)
    }

    package mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        try stream.process(input, emit)
    }

    package mutating func finish(emit: Emit) throws(BackupError) {
        try stream.finish()
    }
}

/// Owns the library's context and the buffer for the output.
private final class DecompressionStream {
    /// Between frames, or within one.
    private enum State { case beforeFirstFrame, inFrame, afterFrame }

    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    private let maximumWindowLog: Int
    private var state = State.beforeFirstFrame
    private var hasCompleteFrame = false
    private var consumed: UInt64 = 0
    private var frameStart: UInt64 = 0
    private var failure: BackupError?

    init(_ maximumWindowLog: Int) throws(BackupError) {
        guard let context = ZSTD_createDCtx() else { throw .zstdMemory("decompression") }
        self.context = context
        output = .allocate(byteCount: 256 << 10, alignment: 16)
        self.maximumWindowLog = maximumWindowLog
        let result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(clamping: maximumWindowLog))
        guard ZSTD_isError(result) == 0 else {
            throw .zstdSetting("window \(maximumWindowLog)", String(cString: ZSTD_getErrorName(result)))
        }
    }

    deinit {
        ZSTD_freeDCtx(context)
        output.deallocate()
    }

    func process(_ input: UnsafeRawBufferPointer, _ emit: ZstdDecompressor.Emit) throws(BackupError) {
        if let failure { throw failure }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var isFull = false
        // At the end of a frame the library must not be called without input: it would begin to wait for the next.
        while source.pos < source.size || (isFull && state == .inFrame) {
            if state != .inFrame {
                state = .inFrame
                frameStart = consumed
            }
            let before = source.pos
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let result = ZSTD_decompressStream(context, &target, &source)
            consumed += UInt64(source.pos - before)
            guard ZSTD_isError(result) == 0 else { throw fail(error(result)) }
            isFull = target.pos == target.size
            if result == 0 {
                state = .afterFrame
                hasCompleteFrame = true
            }
            if target.pos > 0 {
                let piece = UnsafeRawBufferPointer(rebasing: output[..<target.pos])
                do throws(BackupError) { try emit(piece) } catch { throw fail(error) }
            }
        }
    }

    func finish() throws(BackupError) {
        if let failure { throw failure }
        switch state {
        case .beforeFirstFrame: throw .zstdNoFrame("the input is empty")
        case .inFrame: throw .zstdTruncated(at: consumed)
        case .afterFrame: break
        }
    }

    private func error(_ result: Int) -> BackupError {
        let text = String(cString: ZSTD_getErrorName(result))
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_frameParameter_windowTooLarge: return .zstdWindow(limit: maximumWindowLog)
        case ZSTD_error_memory_allocation: return .zstdMemory("decompression")
        case ZSTD_error_prefix_unknown:
            return hasCompleteFrame ? .zstdTrailing(text, at: frameStart) : .zstdNoFrame(text)
        default: return .zstdDamaged(text, at: consumed)
        }
    }

    /// Remembers `error`, which every later call throws again.
    private func fail(_ error: BackupError) -> BackupError {
        failure = error
        return error
    }
}
