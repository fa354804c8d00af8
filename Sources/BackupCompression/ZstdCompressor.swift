package import BackupModel
import CZstd

/// Compresses a stream into one zstd frame.
///
/// Memory is fixed when the first bytes come. At level 3 that is about 22 MB with two workers and 4 MB without; at level
/// 9 with two workers 43 MB, at level 19 130 MB; long distance adds 128 MiB. Output is gathered and handed on in pieces
/// of ``pieceSize`` bytes, only the last is shorter.
package struct ZstdCompressor: ByteTransform {
    /// The size of the pieces given to `emit`, in bytes.
    package static let pieceSize = 256 << 10

    private let stream: CompressionStream

    /// - Throws: `BackupError` with code `invalidValue` when the library does not take a setting, `resources` when
    ///   there is no memory.
    package init(_ settings: ZstdSettings) throws(BackupError) {
        stream = try CompressionStream(settings)
    }

    package mutating func process(_ input: UnsafeRawBufferPointer, emit: Emit) throws(BackupError) {
        try stream.run(input, ZSTD_e_continue, emit)
    }

    package mutating func finish(emit: Emit) throws(BackupError) {
        try stream.run(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, emit)
    }

    /// What the library has allocated now, in bytes, with the buffer for the output.
    package var memory: Int { stream.memory }
}

/// Owns the library's context and the buffer for the output.
private final class CompressionStream {
    private let context: OpaquePointer
    private let output: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var consumed: UInt64 = 0
    private var failure: BackupError?

    init(_ settings: ZstdSettings) throws(BackupError) {
        guard let context = ZSTD_createCCtx() else { throw .zstdMemory("compression") }
        self.context = context
        output = .allocate(byteCount: ZstdCompressor.pieceSize, alignment: 16)
        try set(ZSTD_c_compressionLevel, "level", settings.level)
        try set(ZSTD_c_checksumFlag, "checksum", settings.checksum ? 1 : 0)
        if settings.longDistance {
            try set(ZSTD_c_enableLongDistanceMatching, "long_distance", 1)
            try set(ZSTD_c_windowLog, "long_distance", Int(ZstdSettings.longWindowLog))
        }
        try set(ZSTD_c_nbWorkers, "workers", settings.workers)
        // Each job in flight costs its input and as much output; left alone, the library makes jobs of four windows.
        if settings.workers > 0 { try set(ZSTD_c_jobSize, "workers", Self.jobSize) }
    }

    /// Bytes of input that one worker takes at a time. Measured at level 3: half of it is slower, twice takes 17 MB
    /// more.
    private static let jobSize = 2 << 20

    deinit {
        ZSTD_freeCCtx(context)
        output.deallocate()
    }

    var memory: Int { ZSTD_sizeof_CCtx(context) + output.count }

    private func set(_ parameter: ZSTD_cParameter, _ name: String, _ value: Int) throws(BackupError) {
        let bounds = ZSTD_cParam_getBounds(parameter)
        if ZSTD_isError(bounds.error) == 0, bounds.lowerBound <= bounds.upperBound {
            let allowed = Int(bounds.lowerBound)...Int(bounds.upperBound)
            guard allowed.contains(value) else { throw .zstdSetting(name, value, allowed: allowed) }
        }
        let result = ZSTD_CCtx_setParameter(context, parameter, Int32(clamping: value))
        guard ZSTD_isError(result) == 0 else { throw .zstdSetting(name, String(cString: ZSTD_getErrorName(result))) }
    }

    func run(
        _ input: UnsafeRawBufferPointer, _ operation: ZSTD_EndDirective, _ emit: ZstdCompressor.Emit
    ) throws(BackupError) {
        if let failure { throw failure }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        while true {
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: filled)
            let before = source.pos
            let result = ZSTD_compressStream2(context, &target, &source, operation)
            consumed += UInt64(source.pos - before)
            filled = target.pos
            guard ZSTD_isError(result) == 0 else {
                throw fail(.zstdCompression(String(cString: ZSTD_getErrorName(result)), at: consumed))
            }
            let isDone = operation == ZSTD_e_end ? result == 0 : source.pos == source.size
            if filled == output.count || (isDone && operation == ZSTD_e_end) { try flush(emit) }
            if isDone { return }
        }
    }

    private func flush(_ emit: ZstdCompressor.Emit) throws(BackupError) {
        guard filled > 0 else { return }
        let piece = UnsafeRawBufferPointer(rebasing: output[..<filled])
        filled = 0
        do throws(BackupError) { try emit(piece) } catch { throw fail(error) }
    }

    /// Remembers `error`: a stream with a gap must never look whole.
    private func fail(_ error: BackupError) -> BackupError {
        failure = error
        return error
    }
}
