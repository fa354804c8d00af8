package import BackupPipeline

/// How a file is compressed before it is read.
package enum FileCompression: String, Sendable, Hashable, CaseIterable {
    case gzip = "gz"
    case bzip2 = "bz2"
    case xz
    case zstd = "zst"

    /// The first bytes of such a file.
    private var magic: [UInt8] {
        switch self {
        case .gzip: [0x1f, 0x8b]
        case .bzip2: [0x42, 0x5a, 0x68]
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        }
    }

    /// What the name of a file or else its first bytes say.
    init?(name: String, head: [UInt8]) {
        guard
            let found = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) || head.starts(with: $0.magic) })
        else { return nil }
        self = found
    }

    /// The program that decompresses it; `nil` where that is done in this process.
    package var program: ProcessStage? {
        switch self {
        case .gzip: Self.stage("gzip", ["GZIP"])
        case .bzip2: Self.stage("bzip2", ["BZIP", "BZIP2"])
        case .xz: Self.stage("xz", ["XZ_OPT", "XZ_DEFAULTS"])
        case .zstd: nil
        }
    }

    /// What it is called in the metadata.
    package var toolName: String { self == .zstd ? "zstd" : program?.name ?? rawValue }

    /// - Parameter variables: options of the environment, which must not change what is stored.
    private static func stage(_ program: String, _ variables: [String]) -> ProcessStage {
        ProcessStage(
            name: program, executable: program, arguments: ["-dc"],
            environment: Dictionary(variables.map { ($0, "") }, uniquingKeysWith: { first, _ in first }))
    }
}
