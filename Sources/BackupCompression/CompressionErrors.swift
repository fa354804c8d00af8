import BackupModel

/// The wording of every refusal of this module.
extension BackupError {
    static func zstdMemory(_ what: String) -> BackupError {
        BackupError(
            .resources, "there is no memory for \(what) with zstd",
            remedy: "use a lower level, fewer workers or no long_distance")
    }

    static func zstdSetting(_ name: String, _ value: Int, allowed: ClosedRange<Int>) -> BackupError {
        BackupError(
            .invalidValue,
            "the zstd setting \(name) is \(value), but the library takes \(allowed.lowerBound) to \(allowed.upperBound)"
        )
    }

    static func zstdSetting(_ name: String, _ reason: String) -> BackupError {
        BackupError(.invalidValue, "the zstd library refuses the setting \(name): \(reason)")
    }

    static func zstdCompression(_ reason: String, at offset: UInt64) -> BackupError {
        BackupError(.failed, "compressing with zstd failed at byte \(offset) of the input: \(reason)")
    }

    static func zstdDamaged(_ reason: String, at offset: UInt64) -> BackupError {
        BackupError(
            .damaged, "the zstd data is damaged near byte \(offset): \(reason)",
            remedy: "fetch the element again from another holder, or use an older one")
    }

    static func zstdTrailing(_ reason: String, at offset: UInt64) -> BackupError {
        BackupError(
            .damaged, "what follows the last zstd frame at byte \(offset) is no zstd frame: \(reason)",
            remedy: "fetch the element again from another holder, or use an older one")
    }

    static func zstdNoFrame(_ reason: String) -> BackupError {
        BackupError(
            .damaged, "no zstd frame: \(reason)", remedy: "check that the data was compressed with zstd")
    }

    static func zstdTruncated(at offset: UInt64) -> BackupError {
        BackupError(
            .damaged, "the zstd data is cut off: it ends after \(offset) bytes, within a frame",
            remedy: "fetch the element again from another holder, or use an older one")
    }

    static func zstdWindow(limit: Int) -> BackupError {
        BackupError(
            .resources,
            "a zstd frame needs a window, and so memory, of more than \(ByteCount(Int64(1) << Int64(limit)))",
            remedy: "unpack it with `zstd -dc --long=31`, which takes up to 2 GiB of memory")
    }
}
