import BackupModel

/// Where a mirror puts what its agent no longer offers: the same element under `/attic/<source>`.
enum Attic {
    /// The first part of its source URLs.
    private static let part = "attic"

    static func contains(_ source: SourceURL) -> Bool {
        source.description == "/\(part)" || source.description.hasPrefix("/\(part)/")
    }

    /// The source in the attic for what was stored as `source`.
    static func place(of source: SourceURL) throws(BackupError) -> SourceURL { try SourceURL("/\(part)\(source)") }

    /// What lies in it of the sources below `prefix`; `nil`: all of it.
    static func pattern(below prefix: SourceURL?) throws(BackupError) -> SourcePattern {
        try SourcePattern("/\(part)\(prefix?.description ?? "")/**")
    }

    /// Whether somebody who writes this pattern means the attic: wildcards alone do not.
    static func isMeant(by pattern: SourcePattern) -> Bool {
        let text = pattern.description
        return text == "/\(part)" || text.hasPrefix("/\(part)/")
    }
}
