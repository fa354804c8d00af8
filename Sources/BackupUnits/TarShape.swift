import BackupConfig
import BackupModel
import BackupSystem

/// The settings that decide which files a tar source stores, and what of them.
///
/// An increment holds what has changed since the index was made. A file that `exclude` no longer covers has not changed,
/// so after a change of these settings only a full is right. They are kept beside the index of each full, as
/// `<source URL, '/' as '-'>.settings`; where that is missing (a state of the original) nothing is concluded.
struct TarShape {
    private let name: String
    private let text: String

    init(_ settings: TarSourceSettings) {
        name = TarIndexName(settings.source).settings
        func list(_ words: [String]) -> JSONValue { .array(words.map { .string($0) }) }
        var object: JSONObject = [
            "root": .string(settings.root), "include": list(settings.include), "exclude": list(settings.exclude),
            "one_file_system": .bool(settings.oneFileSystem), "xattrs": .bool(settings.xattrs),
        ]
        object["full_command"] = settings.fullCommand.map(list)
        object["inc_command"] = settings.incCommand.map(list)
        text = JSONValue.object(object).canonicalText
    }

    /// Whether the last full was made with other settings.
    func differs(from directory: Directory) throws(BackupError) -> Bool {
        guard let kept = try directory.readFileIfPresent(name, limit: 1 << 20) else { return false }
        return kept != Array(text.utf8)
    }

    /// Keeps the settings of a full that was just stored, durably.
    func keep(in directory: Directory) throws(BackupError) {
        try directory.replaceFile(name, with: Array(text.utf8))
    }
}
