package import BackupModel
import BackupSystem

/// Elements are listed as a stream: what is held at a time is one run of names of one directory.
extension DefaultFileStorage {
    /// Names that are sorted at once. A run of 50,000 takes about 5 MB.
    private static let runLength = 50_000

    package func forEachSource(
        matching pattern: SourcePattern?, _ body: (SourceURL) throws(BackupError) -> Void
    ) throws(BackupError) {
        try visit(root, below: "", pattern, links: { _ in }) { _, source, _ throws(BackupError) in try body(source) }
    }

    package func forEachElement(
        matching pattern: SourcePattern?, _ body: (SourceURL, ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try forEachElement(matching: pattern, links: { _ in }, body)
    }

    /// As ``forEachElement(matching:_:)``, with what hides elements.
    ///
    /// - Parameter links: is called with a sentence for each symbolic link in the place of a directory that may hold what
    ///   is asked for. Links are not followed.
    package func forEachElement(
        matching pattern: SourcePattern?, links: (String) -> Void,
        _ body: (SourceURL, ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        try visit(root, below: "", pattern, links: links) { directory, source, ids throws(BackupError) in
            try forEachElement(of: source, in: directory, ids) { listed throws(BackupError) in
                try body(source, listed)
            }
        }
    }

    /// As ``forEachElement(of:_:)``, with what ``visit(_:below:_:_:)`` knows already.
    func forEachElement(
        of source: SourceURL, in directory: Directory, _ ids: [ElementID]?,
        _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard var ids else { return try forEachElement(of: source, body) }
        try deliver(&ids, directory, body)
    }

    /// Calls `body` for each source with the directory of its elements and, if that has at most ``runLength`` of them, with
    /// their IDs: sources share directories, and each would else be read once for every source in it.
    func visit(
        _ directory: Directory, below path: String, _ pattern: SourcePattern?, links: (String) -> Void,
        _ body: (Directory, SourceURL, [ElementID]?) throws(BackupError) -> Void
    ) throws(BackupError) {
        // What cannot be a source URL holds no elements, whatever lies in it: `verify` names it.
        var elements: [SourceURL: [ElementID]] = [:]
        var elementCount = 0
        var children: Set<SourceURL> = []
        // Most names are those of a source that was met before: only the first one of each is parsed as a whole.
        var known: [Substring: SourceURL] = [:]
        try directory.forEachEntry { entry throws(BackupError) in
            let isInfo = try Self.isInfo(entry, in: directory)
            switch try Self.kind(entry, in: directory) {
            case .directory:
                if let child = try? SourceURL(path + "/" + entry.name) { children.insert(child) }
            case .symbolicLink:
                if let hidden = Self.hidden(by: entry.name, in: path), pattern?.mayMatch(atOrBelow: hidden) ?? true {
                    links(Self.linkedDirectory(directory.path + "/" + entry.name))
                }
            case .regular, .other: break
            }
            guard isInfo, let start = entry.name.utf8.firstIndex(of: UInt8(ascii: "-")) else { return }
            let id =
                if let source = known[entry.name[start...]] {
                    ElementID(source: source, baseName: entry.name.dropLast(5))
                } else {
                    ElementID.split(entry.name, in: path)?.id
                }
            guard let id else { return }
            known[entry.name[start...]] = id.source
            elementCount += 1
            if elementCount <= Self.runLength {
                elements[id.source, default: []].append(id)
            } else {
                // The sources are needed, their elements are too many.
                elements[id.source] = elements[id.source] ?? []
            }
        }
        // A source and the directory of its name are the same word: so parents come before children.
        for name in children.union(elements.keys).sorted() {
            if let ids = elements[name], pattern?.matches(name) ?? true {
                try body(directory, name, elementCount <= Self.runLength ? ids : nil)
            }
            guard children.contains(name) else { continue }
            let next: Directory
            do throws(BackupError) { next = try directory.directory(name.lastPart) } catch {
                // Removed meanwhile.
                if error.code == .notFound { continue }
                throw error
            }
            try visit(next, below: name.description, pattern, links: links, body)
        }
    }

    /// The source whose directory a symbolic link of this name stands for, if any: what has the name of an element's file is
    /// taken for one.
    static func hidden(by name: String, in path: String) -> SourceURL? {
        ElementID.split(name, in: path) == nil ? try? SourceURL(path + "/" + name) : nil
    }

    /// What is said of a symbolic link in the place of a directory.
    static func linkedDirectory(_ path: String) -> String {
        "\(path.escapedForMessage) is a symbolic link and is not followed: elements behind it are not seen; move the directory "
            + "itself there, or mount it there (mount --bind); only storage.directory as a whole may be reached by a link"
    }

    /// Whether `entry` is, or stands in the place of, metadata. A source may be called like an element's file: its directory
    /// is in that place only if there is `.data` too.
    private static func isInfo(_ entry: Directory.Entry, in directory: Directory) throws(BackupError) -> Bool {
        guard entry.name.hasSuffix(".info") else { return false }
        if try kind(entry, in: directory) != .directory { return true }
        return try directory.status(entry.name.dropLast(4) + "data") != nil
    }

    static func kind(_ entry: Directory.Entry, in directory: Directory) throws(BackupError) -> FileStatus.Kind {
        if let kind = entry.kind { return kind }
        return try directory.status(entry.name)?.kind ?? .other
    }

    package func forEachElement(
        of source: SourceURL, _ body: (ListedElement) throws(BackupError) -> Void
    ) throws(BackupError) {
        guard let directory = try directory(of: source) else { return }
        let endings = (full: "-\(source.lastPart)-full.info", inc: "-\(source.lastPart)-inc.info")
        var run: [ElementID] = []
        try directory.forEachEntry { entry throws(BackupError) in
            // The cheap look first: most names in a directory may be those of other sources.
            guard entry.name.hasSuffix(endings.full) || entry.name.hasSuffix(endings.inc),
                try Self.isInfo(entry, in: directory),
                let id = ElementID(source: source, baseName: entry.name.dropLast(5))
            else { return }
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
