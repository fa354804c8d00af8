import BackupModel
import BackupSystem

// Where the files of an element lie: in the directory that its source URL has without the last part, which is a part of the
// file names instead.

extension SourceURL {
    /// The path from the storage root of the directory that holds the elements, with a leading slash; empty for the root
    /// itself.
    var holdingPath: String { String(description.dropLast(lastPart.count + 1)) }
}

extension ElementID {
    /// The element whose files have the base name `baseName` in the directory `path` (from the storage root, empty or with a
    /// leading slash); `nil` for a name that no element has.
    init?(holdingPath path: String, baseName: Substring) {
        guard let start = baseName.firstIndex(of: "-"), let end = baseName.lastIndex(of: "-"), start < end,
            let source = try? SourceURL(path + "/" + baseName[baseName.index(after: start)..<end])
        else { return nil }
        self.init(source: source, baseName: baseName)
    }

    /// The element that a file name in the directory `path` belongs to, and the suffix it has there; `nil` for a name that
    /// no element's file has.
    static func split(_ fileName: String, in path: String) -> (id: ElementID, suffix: String)? {
        guard let dot = fileName.lastIndex(of: "."),
            let id = ElementID(holdingPath: path, baseName: fileName[..<dot])
        else { return nil }
        return (id, String(fileName[fileName.index(after: dot)...]))
    }
}

extension Directory {
    /// The directory below this one, the storage's root, that holds the elements of `source`.
    func directory(holding source: SourceURL, create: Bool = false) throws(BackupError) -> Directory {
        let path = source.holdingPath
        return path.isEmpty ? self : try directory(String(path.dropFirst()), create: create)
    }
}
