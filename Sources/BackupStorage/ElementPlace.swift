import BackupModel
import BackupSystem

// Where the files of an element lie: in the directory that its source URL has without the last part, which is a part of the
// file names instead.

extension SourceURL {
    /// `directory` with a leading slash; empty for the storage's root.
    var holdingPath: String { directory.isEmpty ? "" : "/" + directory }
}

extension ElementID {
    /// The element that a file name in the directory `path` (from the storage root, empty or with a leading slash) belongs
    /// to, and the suffix it has there; `nil` for a name that no element's file has.
    static func split(_ fileName: String, in path: String) -> (id: ElementID, suffix: String)? {
        guard let dot = fileName.lastIndex(of: "."),
            let id = try? ElementID(path + "/" + fileName[..<dot])
        else { return nil }
        return (id, String(fileName[fileName.index(after: dot)...]))
    }
}

extension Directory {
    /// The directory below this one, the storage's root, that holds the elements of `source`.
    func directory(holding source: SourceURL, create: Bool = false) throws(BackupError) -> Directory {
        source.directory.isEmpty ? self : try directory(source.directory, create: create)
    }
}
