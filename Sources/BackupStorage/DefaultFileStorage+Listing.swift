package import BackupModel
import BackupSystem

/// Elements are listed as a stream: what is held at a time is one run of names of one directory.
extension DefaultFileStorage {
    /// Names that are sorted at once. A run of 50,000 takes about 5 MB.
    private static let runLength = 50_000

    package func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) {
        try visit(root, below: "", pattern, body)
    }

    private func visit(
        _ directory: Directory, below path: String, _ pattern: SourcePattern?,
        _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) {
        // What cannot be a source URL holds no elements, whatever lies in it: `verify` names it.
        var sources: Set<SourceURL> = []
        var children: Set<SourceURL> = []
        try directory.forEachEntry { entry throws(BackupError) in
            if try Self.kind(entry, in: directory) == .directory {
                if let child = try? SourceURL(path + "/" + entry.name) { children.insert(child) }
            } else if let (id, suffix) = ElementID.split(entry.name, in: path), suffix == "info" {
                sources.insert(id.source)
            }
        }
        // A source and the directory of its name are the same word: so parents come before children.
        for name in sources.union(children).sorted() {
            if sources.contains(name), pattern?.matches(name) ?? true { try body(name) }
            guard children.contains(name) else { continue }
            let next: Directory
            do throws(BackupError) { next = try directory.directory(name.lastPart) } catch {
                // Removed meanwhile.
                if error.code == .notFound { continue }
                throw error
            }
            try visit(next, below: name.description, pattern, body)
        }
    }

    static func kind(_ entry: Directory.Entry, in directory: Directory) throws(BackupError) -> FileStatus.Kind {
        if let kind = entry.kind { return kind }
        return try directory.status(entry.name)?.kind ?? .other
    }

    package func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard let directory = try directory(of: source) else { return }
        var run: [ElementID] = []
        try directory.forEachEntry { entry throws(BackupError) in
            guard entry.name.hasSuffix(".info"),
                let id = ElementID(source: source, baseName: entry.name.dropLast(5))
            else { return }
            // A source may be called like an element's file: its directory is no metadata.
            if try Self.kind(entry, in: directory) == .directory, try directory.status(id.fileName("data")) == nil {
                return
            }
            run.append(id)
            if run.count == Self.runLength {
                try deliver(&run, directory, body)
            }
        }
        try deliver(&run, directory, body)
    }

    private func deliver(
        _ run: inout [ElementID], _ directory: Directory, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        run.sort()
        for id in run {
            let listed: ListedElement
            do throws(BackupError) { listed = .element(try Self.read(id, in: directory)) } catch {
                // Deleted between the listing and now: as if it had never been there.
                if error.code == .notFound { continue }
                listed = .damaged(id, error)
            }
            try body(listed)
        }
        run.removeAll(keepingCapacity: true)
    }
}
