import BackupModel
import CZstd

/// How data is compressed. The values are checked when a ``ZstdCompressor`` is made of them.
package struct ZstdSettings: Sendable, Hashable {
    /// 1 (fast) to 22 (small); negative levels are faster still.
    package var level: Int
    /// Threads that compress beside the one that calls; 0 compresses in the calling thread.
    package var workers: Int
    /// Whether repetitions are searched over 128 MiB. Compressing and restoring then take that much memory each.
    package var longDistance: Bool
    /// Whether each frame ends with a checksum of the content.
    package var checksum: Bool

    package init(level: Int = 3, workers: Int = 0, longDistance: Bool = false, checksum: Bool = true) {
        self.level = level
        self.workers = workers
        self.longDistance = longDistance
        self.checksum = checksum
    }

    /// The exponent of the window that ``longDistance`` searches; `zstd -d` reads up to this one without being told.
    static let longWindowLog: Int32 = 27

    /// The command that undoes the compression: reads standard input, writes standard output.
    package var restoreCommand: [String] {
        longDistance ? ["zstd", "-dc", "--long=\(Self.longWindowLog)"] : ["zstd", "-dc"]
    }
}

/// Facts about the zstd library in use.
package enum Zstd {
    /// The version of the library that is loaded, for example `1.5.4`.
    package static var libraryVersion: String { String(cString: ZSTD_versionString()) }
}
