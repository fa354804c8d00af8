package import BackupPipeline
package import BackupSystem

/// Where the bytes of an element come from.
package enum Producer: Sendable {
    /// A program: its standard output is the element.
    case process(ProcessStage)
    /// A file, from where it stands to its end, decompressed on the way.
    case file(OwnedDescriptor, compression: FileCompression?)

    /// The program; `nil` for what is no process.
    package var process: ProcessStage? {
        if case .process(let stage) = self { return stage }
        return nil
    }
}

/// How a file is compressed before it is read.
package enum FileCompression: String, Sendable, Hashable, CaseIterable {
    case gzip = "gz"
    case bzip2 = "bz2"
    case xz
    case zstd = "zst"

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
