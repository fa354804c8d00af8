import BackupModel

/// Reads `pipeline` and `encryption`, which the main configuration, units and sources share.
enum PipelineDecoder {
    private static let failClosed =
        "there is no default, so that a forgotten key stores nothing unencrypted (fail closed): " + choice
    private static let choice =
        "write encryption: { recipients: [FINGERPRINT] }, or encryption: none to store plain data on purpose"
    private static let encryptionForms = "none or { recipients: [FINGERPRINT] }"
    private static let compressionForms = "none, { zstd: {...} } or { command: [...], restore: [...] }"

    /// Nil, with an error kept, where the encryption is not settled.
    static func decode(_ reader: ConfigReader) -> PipelineSettings? {
        let compression = compression(reader)
        let encryption = encryption(reader)
        if encryption == nil, reader.take("encryption") == nil {
            reader.reportMissing("encryption", expected: encryptionForms, remedy: failClosed)
        }
        let stallTimeout = reader.read("stall_timeout", .duration(), default: TimeSpan(seconds: 3600))
        let signing = signing(reader)
        reader.finish()
        guard let compression, let encryption else { return nil }
        return PipelineSettings(
            compression: compression, encryption: encryption, stallTimeout: stallTimeout, signing: signing)
    }

    private static func signing(_ parent: ConfigReader) -> String? {
        guard let reader = parent.optionalSection("signing") else { return nil }
        let key = reader.readRequired("key", .fingerprint, remedy: "write signing: { key: FINGERPRINT }, or none")
        reader.finish()
        return key
    }

    private static func compression(_ parent: ConfigReader) -> CompressionSetting? {
        let entry = parent.take("compression")
        if let entry, entry.value.isNone {
            parent.context.record(parent.path + ["compression"], .word("none"), entry.origin)
            return CompressionSetting.none
        }
        if let entry, entry.value.entries == nil {
            parent.report("compression", "expected \(compressionForms), found \(entry.value.summary)")
            return nil
        }
        let reader = parent.section("compression")
        guard reader.keys.contains("command") || reader.keys.contains("restore") else {
            let zstd = zstd(reader.section("zstd"))
            for key in ["command", "restore"] { _ = reader.take(key) }
            reader.finish()
            return zstd
        }
        if reader.take("zstd") != nil {
            parent.report("compression", "zstd and command exclude each other, expected \(compressionForms)")
        }
        let command = reader.readRequired("command", .commandLine, remedy: "name the command that compresses")
        let restore = reader.readRequired(
            "restore", .commandLine,
            remedy: "name the command that undoes it, since a backup that nobody can unpack is none")
        reader.finish()
        guard let command, let restore else { return nil }
        return .command(compress: command, restore: restore)
    }

    private static func zstd(_ reader: ConfigReader) -> CompressionSetting {
        let level = reader.read("level", .wholeNumber(1...19), default: 3)
        let workers = reader.read("workers", .wholeNumber(0...64), default: 0)
        let longDistance = reader.read("long_distance", .boolean, default: false)
        let checksum = reader.read("checksum", .boolean, default: true)
        reader.finish()
        return .zstd(level: level, workers: workers, longDistance: longDistance, checksum: checksum)
    }

    /// Nil where the key is not written, or wrong with an error kept.
    static func encryption(_ parent: ConfigReader) -> EncryptionSetting? {
        guard let entry = parent.take("encryption") else { return nil }
        if entry.value.isNone {
            parent.context.record(parent.path + ["encryption"], .word("none"), entry.origin)
            return EncryptionSetting.none
        }
        guard case .map = entry.value.content else {
            var remedy = entry.value.isNothing ? failClosed : choice
            if case .list = entry.value.content { remedy = "write recipients: before the list" }
            parent.report("encryption", "expected \(encryptionForms), found \(entry.value.summary)", remedy: remedy)
            return nil
        }
        let reader = parent.section("encryption")
        let kind = ValueKind.list(of: .recipient, "a list of at least one recipient", atLeastOne: true)
        let recipients = reader.readRequired("recipients", kind, remedy: choice)
        reader.finish()
        return recipients.map { .recipients($0) }
    }

    /// The encryption of a source: its own, or that of the pipeline, which is shown with the origin it has there.
    static func encryption(ofSource reader: ConfigReader, inherited: EncryptionSetting) -> EncryptionSetting? {
        guard reader.take("encryption") == nil else { return encryption(reader) }
        for setting in reader.context.settings where setting.path.starts(with: ["pipeline", "encryption"]) {
            reader.context.record(reader.path + setting.path.dropFirst(), setting.value, setting.origin)
        }
        return inherited
    }
}
