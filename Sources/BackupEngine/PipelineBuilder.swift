import BackupCompression
import BackupConfig
import BackupCrypto
import BackupModel
import BackupPipeline

/// Turns settings into stages and, for each stage, the record of how it is undone.
///
/// Fails closed: encryption that was asked for is a stage of the result, or there is no result.
struct PipelineBuilder {
    let keysDirectory: String
    let now: Timestamp
    /// Where programs are found by name before `PATH`; `nil` for nowhere.
    var libraryDirectory: String?

    struct Result {
        var stages: [Stage] = []
        var records: [StageRecord] = []
    }

    /// - Throws: `keyUnusable`, `programMissing` and what else the key ring says: before a byte has been read.
    func build(compression: CompressionSetting, encryption: EncryptionSetting) throws(BackupError) -> Result {
        var result = Result()
        addCompression(compression, to: &result)
        if case .recipients(let names) = encryption { try addEncryption(names, to: &result) }
        return result
    }

    /// What signs the metadata, proven to be able to; `nil` where nothing is to be signed.
    ///
    /// - Parameter fingerprint: of the key; `nil` when no signing is configured.
    /// - Throws: what `Signer` says: as for encryption, before a byte has been read.
    func signer(_ fingerprint: String?) throws(BackupError) -> Signer? {
        guard let fingerprint else { return nil }
        do throws(BackupError) {
            return try Signer(homeDirectory: keysDirectory, fingerprint: fingerprint, at: now)
        } catch {
            throw .signingImpossible(error)
        }
    }

    private func addCompression(_ setting: CompressionSetting, to result: inout Result) {
        switch setting {
        case .none: break
        case .zstd(let level, let workers, let longDistance, let checksum):
            let settings = ZstdSettings(
                level: level, workers: workers, longDistance: longDistance, checksum: checksum)
            result.stages.append(
                .transform(name: "zstd") { () throws(BackupError) -> any ByteTransform in try ZstdCompressor(settings) }
            )
            result.records.append(
                StageRecord(
                    stage: "zstd", restore: settings.restoreCommand, version: "libzstd \(Zstd.libraryVersion)",
                    other: ["Level": .integer(level)]))
        case .command(let compress, let restore):
            var stage = ProcessStage(
                name: compress[0], executable: compress[0], arguments: Array(compress.dropFirst()))
            stage.libraryDirectory = libraryDirectory
            result.stages.append(.process(stage))
            result.records.append(
                StageRecord(
                    stage: "process", restore: restore,
                    other: ["Program": .string(compress[0])]))
        }
    }

    private func addEncryption(_ names: [String], to result: inout Result) throws(BackupError) {
        let ring = try KeyRing(directory: keysDirectory)
        var fingerprints: [String] = []
        for name in names { fingerprints.append(try ring.encryptionKey(name, at: now).fingerprint) }
        let command = GpgCommand.encrypt(homeDirectory: ring.directory, fingerprints: fingerprints)
        result.stages.append(
            .process(ProcessStage(name: "gpg", executable: command[0], arguments: Array(command.dropFirst()))))
        result.records.append(
            StageRecord(
                stage: "gpg", restore: GpgCommand.restoreCommand, version: "GnuPG \(try ring.engineVersion())"))
    }
}
