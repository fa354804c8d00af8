import BackupModel
import BackupPipeline

/// Asks programs for their version, for the record that elements carry.
enum ToolVersion {
    /// `GNU tar 1.34`; `nil` where tar does not tell.
    static func tar() async -> String? {
        let stage = ProcessStage(
            name: "tar", executable: "tar", arguments: ["--version"], environment: ["TAR_OPTIONS": ""])
        let pipeline = Pipeline(
            input: .nothing, stages: [.process(stage)], output: .prefix(limit: 64),
            stallTimeout: TimeSpan(seconds: 30))
        guard let bytes = try? await pipeline.run().result.get().prefix else { return nil }
        // "tar (GNU tar) 1.34"
        let line = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        guard let match = line.firstMatch(of: /\((.+)\) (\S+)/) else { return String(line).escapedForMessage }
        return "\(match.output.1) \(match.output.2)".escapedForMessage
    }
}
